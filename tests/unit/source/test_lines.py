import pytest

from deployzero.errors import BuildError
from deployzero.source.lines import error_lines, one_line, printable


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain", "plain"),
        ("a\tb", "a\tb"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("a\rb\x08\x00c\x9b", "abc"),
        (b"caf\xe9", "caf\ufffd"),
        ("a\nb", "a b"),
        ("x\u202ey\u2028z", "xyz"),
        ("grün 🚀", "grün 🚀"),
    ],
)
def test_printable(text, safe):
    assert printable(text) == safe


def test_reason_is_one_short_line():
    assert one_line("a\n  b\x1b[0m") == "a b"
    assert one_line("") == "failed"
    assert len(one_line("x" * 1000)) == 200


def test_error_is_detail_then_message_then_what_to_do():
    error = BuildError("npm ci exited with 1", "Look above.\nThen push.", ["line 1"])
    assert error_lines(error) == [
        "       line 1",
        " !     npm ci exited with 1",
        "       Look above.",
        "       Then push.",
    ]
