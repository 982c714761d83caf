import pytest

from deployzero.build.failure import explain
from deployzero.errors import BuildError, ResourceLimitError

SOLVE = "failed to solve with frontend dockerfile.v0: failed to create LLB definition: "


def test_a_command_that_fails_is_named_with_its_code_and_last_lines() -> None:
    said = "executor failed running [/bin/sh -c . x && pip install y]: exit code: 1"
    error = explain(said, "RUN pip install y", ["ERROR: no y"])
    assert isinstance(error, BuildError)
    assert error.message == "`pip install y` exited with 1"
    assert error.detail == ("ERROR: no y",)
    assert error.hint


def test_a_killed_command_is_told_as_out_of_memory_with_the_limit() -> None:
    error = explain("… exit code: 137", "RUN npm run build", [], "2g")
    assert isinstance(error, ResourceLimitError)
    assert "2g" in error.message


def test_a_full_disk_is_told_as_that() -> None:
    error = explain("exit code: 1", "RUN x", ["write: No space left on device"])
    assert isinstance(error, ResourceLimitError)
    assert "disk" in error.message


@pytest.mark.parametrize(
    ("said", "image"),
    [
        (
            'failed to do request: Head "https://registry-1.docker.io/v2/library/python/manifests/'
            '3.13-slim": dial tcp: no such host',
            "python:3.13-slim",
        ),
        (
            'failed to do request: Head "https://deployzero.invalid/v2/x/manifests/1": dial tcp',
            "deployzero.invalid/x:1",
        ),
        ("docker.io/library/nosuch:1: not found", "nosuch:1"),
        ("pull access denied, repository does not exist: docker.io/a/b:1: pull access denied",
         "a/b:1"),
    ],
)  # fmt: skip
def test_an_image_that_cannot_be_pulled_is_named(said: str, image: str) -> None:
    assert explain(SOLVE + said, None, []).message == f"the image {image} cannot be pulled"


def test_a_broken_dockerfile_is_told_with_its_line() -> None:
    error = explain(SOLVE + "dockerfile parse error line 2: unknown instruction: RUNN", None, [])
    assert error.message == "Dockerfile, line 2: unknown instruction: RUNN"
