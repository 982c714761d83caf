"""A command line into its words, as a POSIX shell does; `shlex` takes 0.2 s for 128 KB."""

import re

TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
    |   '(?P<single>[^']*)'
    |   "(?P<double>(?:[^"\\]|\\.)*)"
    |   \\(?P<escaped>.)
    |   (?P<plain>[^ \t\r\n'"\\]+)""",
    re.VERBOSE | re.DOTALL,
)
ESCAPED_IN_DOUBLE = re.compile(r'\\(["\\])')


def split_words(line: str) -> list[str]:
    """The same as `shlex.split(line)`. Raises ValueError for an open quote."""
    words: list[str] = []
    parts: list[str] = []
    place, within = 0, False
    while place < len(line):
        found = TOKEN.match(line, place)
        if found is None:
            what = "escaped character" if line[place] == "\\" else "closing quotation"
            raise ValueError(f"No {what}")
        place = found.end()
        if found.lastgroup != "blank":
            text = found[str(found.lastgroup)]
            double = found.lastgroup == "double"
            parts.append(ESCAPED_IN_DOUBLE.sub(r"\1", text) if double else text)
            within = True
        elif within:
            words.append("".join(parts))
            parts, within = [], False
    if within:
        words.append("".join(parts))
    return words
