"""Python: which version is asked for, and where."""

import pytest

from deployzero.errors import ProjectDetectionError


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({".python-version": "# ours\n3.11\n"}, "3.11"),
        ({".python-version": "3.11.9"}, "3.11.9"),
        ({"runtime.txt": "python-3.12.1\n"}, "3.12.1"),
        ({"runtime.txt": "python-3.11.x"}, "3.11"),
        ({"runtime.txt": "python-3.13", ".python-version": "3.9"}, "3.13"),
        ({".tool-versions": "nodejs 20.1.0\npython 3.9.23\n"}, "3.9.23"),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.8,<3.12"\n'}, "3.11"),
        ({"pyproject.toml": '[project]\nrequires-python = "==3.10.*"\n'}, "3.10"),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.14"\n'}, "3.14"),
        ({"Pipfile": '[packages]\n[requires]\npython_version = "^3.12"\n'}, "3.13"),
        ({"Pipfile": '[packages]\n[requires]\npython_version = "<3.12,>=3.8"\n'}, "3.11"),
        ({"Pipfile": '[packages]\n[requires]\npython_version = ""\n'}, None),
        ({}, None),
    ],
)
def test_the_python_version_is_read_from_its_pins(detect, files, version):
    assert detect({"main.py": "", **files}).runtime_version == version


@pytest.mark.parametrize(
    "files",
    [
        {".python-version": "3.12", "runtime.txt": "python-3.11"},
        {
            ".tool-versions": "python 3.9.23",
            "pyproject.toml": '[project]\nrequires-python=">=3.11"',
        },
    ],
)
def test_contradictory_pins_are_said(detect, files):
    config = detect({"main.py": "", **files})
    assert any("contradicts" in reason for reason in config.reasons)


def test_pins_of_different_precision_do_not_contradict(detect):
    config = detect({"main.py": "", ".python-version": "3.11", "runtime.txt": "python-3.11.9"})
    assert not any("contradicts" in reason for reason in config.reasons)


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        (".python-version", "3.12\n2.7\n", ".python-version, line 2"),
        (".python-version", "three\n", ".python-version, line 1"),
        (".python-version", "3.999\n", ".python-version, line 1"),
        ("runtime.txt", "# a\n\u200bpython-3.12\x1b\n", "runtime.txt, line 2"),
        ("pyproject.toml", '[project]\nrequires-python = "??"\n', "bad requires-python"),
    ],
)
def test_bad_pins_are_errors_that_name_the_place(detect, name, text, place):
    with pytest.raises(ProjectDetectionError) as caught:
        detect({"main.py": "", name: text})
    assert place in caught.value.message
    assert caught.value.message.isprintable()


def test_a_misspelt_version_file_is_noticed(detect):
    config = detect({"main.py": "", ".python_version": "3.11"})
    assert any(".python-version" in reason for reason in config.reasons)


def test_a_python_version_file_of_comments_alone_is_said(detect):
    config = detect({"main.py": "", ".python-version": "# 3.11\n\n"})
    assert ".python-version: names no version, ignored" in config.reasons


def test_a_pipfile_that_names_no_version_is_refused(detect):
    files = {"main.py": "", "Pipfile": '[packages]\n[requires]\npython_version = "newest"\n'}
    with pytest.raises(ProjectDetectionError, match="Pipfile has a bad version 'newest'"):
        detect(files)
