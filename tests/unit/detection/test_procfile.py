"""The Procfile's strictness."""

import pytest

from deployzero.detection import Tree
from deployzero.detection.procfile import read_procfile
from deployzero.errors import ProjectDetectionError


@pytest.fixture
def read(plant):
    return lambda text: read_procfile(Tree(plant({"Procfile": text})))


def test_comments_blank_lines_and_crlf_are_tolerated(read):
    text = "# how it runs\r\n\r\n  # indented\r\nweb: node a.js\r\nmy-worker_2 :  node b.js  \r\n"
    assert read(text) == {"web": "node a.js", "my-worker_2": "node b.js"}


def test_an_inline_hash_is_left_to_the_shell(read):
    assert read("web: node web.js # inline\n") == {"web": "node web.js # inline"}


def test_a_colon_and_variables_within_the_command_stay(read):
    command = "gunicorn app:app -b 0.0.0.0:$PORT"
    assert read(f"web: {command}") == {"web": command}


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        ("web: a\n<<<<<<< HEAD\nb: c\n", 2, "merge conflict"),
        ("web: a\n=======\nb: c\n", 2, "merge conflict"),
        ("web: a\n\n>>>>>>> other\n", 3, "merge conflict"),
        ("web: a\nweb: b\n", 2, "'web' is there twice"),
        ("web:\n", 1, "no command"),
        ("web: # later\n", 1, "no command"),
        ("just words\n", 1, "expected '<process>: <command>'"),
        ("../x: a\n", 1, "expected"),
        (f"{'a' * 80}: b\n", 1, "expected"),
    ],
)
def test_what_is_no_process_is_an_error_with_its_line(read, text, line, fault):
    with pytest.raises(ProjectDetectionError) as caught:
        read(text)
    assert caught.value.message.startswith(f"Procfile, line {line}: ")
    assert fault in caught.value.message


def test_a_command_longer_than_any_person_writes_is_refused(plant):
    tree = Tree(plant({"Procfile": "web: " + "uv run " * 100_000}))
    with pytest.raises(ProjectDetectionError, match="Procfile, line 1: is longer than 10000"):
        read_procfile(tree)
