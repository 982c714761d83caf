"""Files of a tree: their encodings, sizes and faults."""

import json
import time

import pytest

from deployzero.detection.tree import Tree
from deployzero.errors import ProjectDetectionError

FLASK = "from flask import Flask\napp = Flask(__name__)\n"


def test_a_file_that_is_not_utf8_is_named_with_its_line(detect):
    with pytest.raises(ProjectDetectionError, match="Procfile, line 2: is not UTF-8"):
        detect({"Procfile": b"web: a\n\xff\xfe: b\n"})


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"package.json": '{\n  "name": "a",\n  "b"\n}'}, "package.json, line 4"),
        ({"package.json": '{\n<<<<<<< HEAD\n"a": 1}'}, "package.json, line 2: an unresolved merge"),
        ({"package.json": "[]"}, "package.json, line 1"),
        ({"package.json": '{"scripts": []}'}, "package.json has a bad 'scripts'"),
        ({"package.json": "[" * 100_000}, "package.json is not usable"),
        ({"pyproject.toml": "[project]\nname = \n"}, "pyproject.toml, line 2"),
        ({"pyproject.toml": "[project\n"}, "pyproject.toml, line 1"),
        ({"pyproject.toml": "a = [1,"}, "pyproject.toml, line 1"),
        ({"app.json": '{"env":\n}', "index.html": ""}, "app.json, line 2"),
        ({"go.mod": "nothing\n"}, "go.mod, line 1"),
    ],
)
def test_broken_files_are_named_with_their_line(detect, files, place):
    with pytest.raises(ProjectDetectionError) as caught:
        detect(files)
    assert place in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "flask\r\n".encode("utf-16"),
        b"\xfe\xff" + "flask\r\n".encode("utf-16-be"),
        "# coding: latin-1\n# café\nflask\n".encode("latin-1"),
    ],
)
def test_requirements_may_be_in_an_encoding_that_pip_reads(detect, text):
    config = detect({"requirements.txt": text, "app.py": FLASK})
    assert config.install_command == "pip install -r requirements.txt gunicorn"


def test_requirements_in_an_encoding_that_pip_refuses_are_named_with_their_line(detect):
    with pytest.raises(ProjectDetectionError, match=r"requirements\.txt, line 2: is not UTF-8"):
        detect({"requirements.txt": "flask\n# café\n".encode("latin-1"), "app.py": FLASK})


def test_a_conflict_in_requirements_is_named_however_its_line_is_written(detect):
    with pytest.raises(ProjectDetectionError, match=r"requirements\.txt, line 2: an unresolved"):
        detect({"requirements.txt": "flask\n  <<<<<<< HEAD # mine\n", "app.py": FLASK})


LOCKED = "flask==3.0 " + " ".join(f"--hash=sha256:{n:064d}" for n in range(20_000)) + "\n"
PIPFILE_LOCK = json.dumps({"default": {"flask": {"hashes": ["0" * 64] * 20_000}}})


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": LOCKED},
        {"requirements.txt": LOCKED.replace(" --hash", " \\\n    --hash")},
        {"Pipfile.lock": PIPFILE_LOCK, "Pipfile": "[packages]\nflask = '*'\n"},
    ],
)
def test_a_lock_may_be_larger_than_other_files(detect, files):
    assert sum(map(len, files.values())) > 1_300_000
    assert detect({**files, "app.py": FLASK}).framework == "flask"


def test_a_bom_and_crlf_are_tolerated(detect):
    config = detect(
        {
            "package.json": b"\xef\xbb\xbf{\r\n}\r\n",
            "Procfile": b"\xef\xbb\xbf# how it runs\r\nweb: node a.js\r\n",
        }
    )
    assert config.start_command == "node a.js"


def test_control_characters_reach_no_terminal(detect, examine):
    config = examine({"package.json": '{"scripts": {"start": "node \\u001b[2Jx"}}'})
    assert config.reasons
    assert all(reason.isprintable() for reason in config.reasons)
    with pytest.raises(ProjectDetectionError) as caught:
        detect({"Procfile": "\x1b[2J\n"})
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("end", ["", " // one more", " /* and"])
def test_settings_of_nx_and_angular_may_have_comments_and_last_commas(plant, end):
    root = plant({
        "nx.json": '{ // which\n "a": "//no", /* one\n */ "b": [1, 2, ],\n}' + end,
        "broken.json": '{ // a\n /* b\n c */ "b" "c"}',
    })  # fmt: skip
    assert Tree(root).json("nx.json", comments=True) == {"a": "//no", "b": [1, 2]}
    with pytest.raises(ProjectDetectionError, match=r"broken\.json, line 3"):
        Tree(root).json("broken.json", comments=True)


@pytest.mark.parametrize("text", ["a: &a [1]\nb: *a\n", "a: !!python/name:os.system\n", "a: [\n"])
def test_yaml_is_plain_values_alone(plant, text):
    with pytest.raises(ProjectDetectionError, match=r"a\.yml.* is not valid YAML"):
        Tree(plant({"a.yml": text})).yaml("a.yml")
    assert Tree(plant({"a.yml": "a: [1, b]\n"})).yaml("a.yml") == {"a": [1, "b"]}


@pytest.mark.parametrize("text", ["/*" * 400_000, '"' * 500_000, ", " * 400_000, "//" * 400_000])
def test_comments_are_taken_out_in_linear_time(plant, text):
    root = plant({"nx.json": text})
    start = time.process_time()
    with pytest.raises(ProjectDetectionError):
        Tree(root).json("nx.json", comments=True)
    assert time.process_time() - start < 2
