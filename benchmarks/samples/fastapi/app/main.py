from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

app = FastAPI()
GREETING = "hello from fastapi"


class Item(BaseModel):
    id: int
    name: str


ITEMS = {1: Item(id=1, name="pencil"), 2: Item(id=2, name="paper")}


@app.get("/")
async def home() -> dict[str, str]:
    return {"greeting": GREETING}


@app.get("/items/{number}")
async def item(number: int) -> Item:
    if number not in ITEMS:
        raise HTTPException(404, "no such item")
    return ITEMS[number]
