from flask import Flask, render_template

app = Flask(__name__)


@app.get("/")
def front() -> str:
    return render_template("front.html")
