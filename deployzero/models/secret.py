"""What a secret looks like where it is printed; words that are none."""

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

MIN_PART = 6
"""Shorter lines of a secret of several lines are let through on their own."""
EVERYDAY = re.compile(
    r"""
    true|false|yes|no|on|off|none|null|undefined|default|enabled|disabled|\d{0,3}
    | dev(elopment)?|prod(uction)?|staging|test(ing)?|debug|info|warn(ing)?|error|critical
    | localhost|utf-8|(c|[a-z]{2}_[a-z]{2})\.utf-?8
    | postgres(ql)?|sqlite|mysql|redis|memcached|mongodb|rabbitmq
    | node(js)?|python3?|flask|django|fastapi|gunicorn|uvicorn|express
    """,
    re.VERBOSE | re.IGNORECASE,
)


def is_everyday(value: str) -> bool:
    """Erasing it would make a log unreadable and protect nothing: `1`, `true`, `production`."""
    return EVERYDAY.fullmatch(value.strip()) is not None


def forms(secret: str) -> Iterator[str]:
    """The ways in which a secret shows up in a line."""
    whole = secret.strip()
    if "\n" not in whole:
        yield whole
        yield from _passwords(whole)
        return
    lines = [line.strip() for line in whole.splitlines()]
    yield from (line for line in lines if len(line) >= MIN_PART)
    if any(0 < len(line) < MIN_PART for line in lines):
        for newline in ("\\n", "\\r\\n"):  # as JSON and repr() write it
            yield newline.join(lines)


def _passwords(value: str) -> Iterator[str]:
    try:
        password = urlsplit(value).password
    except ValueError:  # no URL at all
        return
    for form in {password or "", unquote(password or "")}:
        if len(form) >= MIN_PART and not is_everyday(form):
            yield form
