import pytest

from deployzero.logs.text import CUT, MAX_LINE, clean_lines, cut


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        ("plain", ["plain"]),
        ("", [""]),
        ("one\n", ["one"]),
        ("one\n\ntwo", ["one", "", "two"]),
        ("one\r\ntwo\r\n", ["one", "two"]),
        ("\x1b[1;32mgreen\x1b[0m", ["green"]),
        ("\x1b]0;title\x07text", ["text"]),
        ("\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", ["link"]),
        ("\x1b]0;never ended", [""]),
        ("\x1b(Btext\x1b", ["text"]),
        (" 10%\r 50%\r100%", ["100%"]),
        ("a\tb", ["a\tb"]),
        ("be\x07ll \x00nul \x9bC1", ["bell nul C1"]),
        ("page\x0cbreak\x85and\u2028more", ["pagebreakand\u2028more"]),
        ("user\u202egpj.exe", ["usergpj.exe"]),
        pytest.param("lone \udc80 surrogate", ["lone ? surrogate"], id="surrogate"),
        ("ümläut 漢字 🚀", ["ümläut 漢字 🚀"]),
    ],
)
def test_lines_are_cleaned_for_every_reader(raw: str, lines: list[str]) -> None:
    assert clean_lines(raw) == lines


def test_a_long_line_is_cut_with_a_word() -> None:
    assert cut("x" * MAX_LINE) == "x" * MAX_LINE
    long = cut("x" * (MAX_LINE + 1))
    assert len(long) == MAX_LINE
    assert long.endswith(CUT)
