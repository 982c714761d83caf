"""Keep secrets out of logs, by value: what is marked as secret, or long enough to be one."""

import re
from collections.abc import Callable, Iterable, Iterator

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from deployzero.models.secret import forms, is_everyday

REDACTED = "[redacted]"
MIN_GUESSED = 8
"""Characters from which a value that nobody marked is taken for a secret."""
PORTION = 1 << 17
"""Characters of secrets in one automaton: making one holds the interpreter, for some 20 ms."""
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
    found = {form for secret in secrets for form in forms(secret)}
    automata = [_automaton(portion) for portion in _portions(sorted(found, key=len, reverse=True))]

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


def is_plain(value: str) -> bool:
    return is_everyday(value) or PLAIN.fullmatch(value.strip()) is not None
