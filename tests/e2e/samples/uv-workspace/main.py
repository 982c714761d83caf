from fastapi import FastAPI, HTTPException
from wording import capitalized

app = FastAPI()


@app.get("/notes/{number}")
async def note(number: int) -> dict[str, str]:
    if number > 3:
        raise HTTPException(404, "no such note")
    return {"text": capitalized(f"note {number}")}
