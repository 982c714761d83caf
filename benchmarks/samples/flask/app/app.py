from flask import Flask, jsonify, render_template
from sqlalchemy import create_engine, text

app = Flask(__name__)
engine = create_engine("sqlite://")
GREETING = "hello from flask"


@app.get("/")
def home():
    return render_template("home.html", greeting=GREETING)


@app.get("/up")
def up():
    with engine.connect() as connection:
        return jsonify(database=connection.scalar(text("select 1")) == 1)
