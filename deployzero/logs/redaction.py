"""Keep secrets out of logs, by value: what is marked as secret, or long enough to be one."""

import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import unquote, urlsplit

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

REDACTED = "[redacted]"
MIN_GUESSED = 8
"""Characters from which a value that nobody marked is taken for a secret."""
MIN_PART = 6
"""Shorter lines of a secret of several lines are let through on their own."""
PORTION = 1 << 17
"""Characters of secrets in one automaton: making one holds the interpreter, for some 20 ms."""
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
PLAIN = re.compile(
    r"""
    [\d.,:_-]{0,12}                                   # numbers, versions, times, addresses
    | (/[\w.-]{1,24}|\.{1,2})(/[\w.-]{1,24})*/?       # a path
    | [a-z_-]{1,24}(\.[a-z_-]{1,24})+(:[a-z_]{1,24})?  # a module, a host name
    | [a-z][a-z0-9+.-]*://[\w.-]+(:\d+)?/?            # the address of a host, without a path
    """,
    re.VERBOSE | re.IGNORECASE,
)

Redact = Callable[[str], str]


def redaction(guessed: Iterable[str] = (), marked: Iterable[str] = ()) -> Redact:
    """A function that replaces the secrets in a line by `[redacted]`.

    guessed: values of variables that may be secret: taken if they have 8 characters or
    more and are no everyday word, number, path or address. marked: values that somebody
    called secret: taken at any length, but for everyday words and numbers below 1,000.
    The single lines of a secret of several, and the password in a URL, count as well.
    """
    secrets = [value for value in guessed if len(value) >= MIN_GUESSED and not is_plain(value)]
    secrets += [value for value in marked if not is_everyday(value)]
    forms = {form for secret in secrets for form in _forms(secret)}
    automata = [_automaton(portion) for portion in _portions(sorted(forms, key=len, reverse=True))]

    def redact(line: str) -> str:
        for automaton in automata:
            line = _replaced(automaton, line)
        return line

    return redact


def _portions(longest_first: list[str]) -> Iterator[list[str]]:
    """In this order: what contains another secret is looked for with it, or before."""
    portion: list[str] = []
    size = 0
    for form in longest_first:
        portion.append(form)
        size += len(form)
        if size >= PORTION:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _automaton(forms: list[str]) -> AhoCorasick:
    """A regular expression of them costs each character a step for each of thousands of lines."""
    return AhoCorasick(
        [_encodable(form) for form in forms],
        MatchKind.LeftmostLongest,
        store_patterns=False,
        implementation=Implementation.ContiguousNFA,  # a DFA of large secrets has hundreds of MB
    )


def _replaced(automaton: AhoCorasick, line: str) -> str:
    line = _encodable(line)
    parts: list[str] = []
    end = 0
    for _, begin, until in automaton.find_matches_as_indexes(line):
        parts += (line[end:begin], REDACTED)
        end = until
    return "".join((*parts, line[end:]))


def _encodable(text: str) -> str:
    """Lone surrogates become `?`, as in the log lines."""
    return text.encode("utf-8", "replace").decode()


def is_everyday(value: str) -> bool:
    """Erasing it would make a log unreadable and protect nothing: `1`, `true`, `production`."""
    return EVERYDAY.fullmatch(value.strip()) is not None


def is_plain(value: str) -> bool:
    return is_everyday(value) or PLAIN.fullmatch(value.strip()) is not None


def _forms(secret: str) -> Iterable[str]:
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


def _passwords(value: str) -> Iterable[str]:
    try:
        password = urlsplit(value).password
    except ValueError:  # no URL at all
        return
    for form in {password or "", unquote(password or "")}:
        if len(form) >= MIN_PART and not is_everyday(form):
            yield form
