"""The scorer counts differences, and every one that stays has its reason here."""

import json
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DIFFERENCES = Path(__file__).parent / "differences.toml"
CASE = {
    "id": "one",
    "type": "nodejs",
    "package_manager": "npm",
    "start_command": "node server.js",
    "runtime_version": {"value": "20"},
}


@pytest.fixture
def score(tmp_path):
    def run(files, known, **facts):
        """(exit code, what the scorer printed) for one case with these files."""
        for name, text in files.items():
            path = tmp_path / "trees" / "one" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "cases.json").write_text(json.dumps([{**CASE, **facts}]))
        (tmp_path / "known.toml").write_text(known)
        arguments = [
            tmp_path / "trees",
            tmp_path / "cases.json",
            "--known",
            tmp_path / "known.toml",
        ]
        done = subprocess.run(
            [sys.executable, ROOT / "benchmarks" / "detection.py", *arguments],
            capture_output=True,
            text=True,
            timeout=30,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def server(name):
    manifest = {"scripts": {"start": f"node {name}"}, "engines": {"node": "20"}}
    return {"package.json": json.dumps(manifest), name: ""}


def test_what_is_as_the_case_says_needs_no_reason(score):
    assert score(server("server.js"), "")[0] == 0


def test_a_difference_without_a_reason_fails(score):
    code, said = score(server("other.js"), "")
    assert code == 1
    assert "one: start differs, no reason is listed" in said


def test_a_difference_with_a_reason_does_not(score):
    assert score(server("other.js"), '[one]\nstart = "decided"')[0] == 0


def test_a_listed_difference_that_is_none_fails(score):
    code, said = score(server("server.js"), '[one]\nstart = "decided"')
    assert code == 1
    assert "one: start is listed, but is right" in said


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        ({"type": "python"}, "type"),
        ({"package_manager": "yarn"}, "packages"),
        ({"runtime_version": {"value": "18"}}, "version"),
        ({"static_output": {"output_dir": "dist"}}, "static"),
    ],
)
def test_each_kind_of_difference_is_seen(score, facts, named):
    assert f"one: {named} differs" in score(server("server.js"), "", **facts)[1]


@pytest.mark.parametrize(
    ("start", "right"),
    [("go run main.go", True), ("go run .", True), ("./out", True), ("go run ./cmd/x", False)],
)
def test_a_go_start_is_of_the_package_that_the_case_runs(score, start, right):
    program = {"go.mod": "module x\n\ngo 1.24\n", "main.go": "package main\n\nfunc main() {}\n"}
    said = score(program, "", type="go", start_command=start, runtime_version=None)[1]
    assert ("one: start differs" not in said) == right
    assert "one: type differs" not in said


def test_each_listed_difference_has_its_reason_and_is_of_something_scored():
    aspects = set(runpy.run_path(str(ROOT / "benchmarks" / "detection.py"))["ASPECTS"])
    for differs in tomllib.loads(DIFFERENCES.read_text()).values():
        assert differs
        assert set(differs) <= aspects
        assert all(len(why.split()) > 5 for why in differs.values())
