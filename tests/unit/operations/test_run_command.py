"""How the words of `run` become a program's."""

import pytest

from deployzero.errors import UsageError
from deployzero.models.project import ProjectConfig
from deployzero.operations.runs import command_of

CONFIG = ProjectConfig("python", processes={"worker": "python work.py"})


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["python", "-c", "print(1)"], ("python", "-c", "print(1)")),
        (["echo", "$HOME", ""], ("echo", "$HOME", "")),
        (["bash"], ("bash",)),
        (["echo $HOME | wc"], ("/bin/sh", "-c", "echo $HOME | wc")),
        (["worker"], ("/bin/sh", "-c", "exec python work.py")),
        (["worker", "now"], ("worker", "now")),
    ],
)
def test_words(words: list[str], command: tuple[str, ...]) -> None:
    assert command_of(CONFIG, words) == command


@pytest.mark.parametrize("words", [[], [""], ["a\0b"]])
def test_what_is_no_command(words: list[str]) -> None:
    with pytest.raises(UsageError):
        command_of(CONFIG, words)
