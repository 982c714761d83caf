"""What tests/unit/test_causes.py does not say of a build's causes by outputs alone."""

from pathlib import Path

import pytest

from deployzero.build.causes import CAUSES
from deployzero.models.cause import Subject, known_cause

OUTPUTS = Path(__file__).parent / "outputs"


def test_in_a_dockerfile_it_is_a_line_of_that() -> None:
    said = (OUTPUTS / "pip-psycopg2.txt").read_text().splitlines()
    found = known_cause(CAUSES, said, Subject("hello", "dockerfile", code=1))
    assert found is not None
    assert "RUN apt-get update && apt-get install -y libpq-dev" in found.hint


def test_a_token_is_given_with_a_command_as_it_is_typed() -> None:
    said = (OUTPUTS / "npm-401.txt").read_text().splitlines()
    found = known_cause(CAUSES, said, Subject("hello", "nodejs", code=1))
    assert found is not None
    assert "//127.0.0.1:8999/:_authToken=${NPM_TOKEN}" in found.hint
    assert found.hint.endswith("config:set hello NPM_TOKEN=<token> --build")


def test_a_passing_fault_of_the_network_is_no_cause() -> None:
    text = (OUTPUTS / "pip-dns.txt").read_text().replace("total=0", "total=3")
    found = known_cause(CAUSES, text.splitlines(), Subject("hello", "python", code=1))
    assert found is not None
    assert "reach" not in found.message


@pytest.mark.parametrize("module", ["./routes", "../db", "@/lib/db", "~/lib/db"])
def test_a_file_of_ones_own_is_not_called_a_package(module: str) -> None:
    said = f"src/s.ts(3,1): error TS2307: Cannot find module '{module}' or its type declarations."
    assert known_cause(CAUSES, [said], Subject("hello", "nodejs", code=2)) is None
