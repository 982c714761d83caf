def capitalized(text: str) -> str:
    return text.capitalize()
