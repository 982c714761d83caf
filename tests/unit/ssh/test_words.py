"""Words as a shell has them."""

import random
import shlex
import time

import pytest

from deployzero.ssh.words import split_words


def test_the_same_as_shlex() -> None:
    dice = random.Random(1)
    for _ in range(20_000):
        line = "".join(dice.choices("ab'\"\\ \t\r\n$;é\0", k=dice.randrange(12)))
        try:
            expected = shlex.split(line)
        except ValueError:
            with pytest.raises(ValueError, match="No "):
                split_words(line)
        else:
            assert split_words(line) == expected, repr(line)


@pytest.mark.parametrize("line", ["a" * 250_000, "'a b' " * 40_000, "\\a" * 125_000, "'" * 250_000])
def test_a_line_of_the_longest_packet_takes_no_time(line: str) -> None:
    begin = time.process_time()
    split_words(line)
    assert time.process_time() - begin < 0.5  # shlex: 0.4 s on a quick machine, of every session
