"""Numbers that come from outside: of a deployment, a release, a key, a line of a log."""

HIGHEST = 2**31 - 1
"""The most that a column of numbers holds."""


def parse_number(text: str) -> int | None:
    """The number that is written there in decimal digits; None: it is none, or no row's."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(HIGHEST))):
        return None
    number = int(text)
    return number if number <= HIGHEST else None
