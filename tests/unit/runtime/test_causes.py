"""What tests/unit/test_causes.py does not say of a start's causes by outputs alone."""

from pathlib import Path

from deployzero.models.cause import Subject, known_cause
from deployzero.runtime.causes import CAUSES

OUTPUTS = Path(__file__).parent / "outputs"


def test_a_program_that_is_missing_needs_the_exit_code_of_that() -> None:
    said = (OUTPUTS / "program-missing.txt").read_text().splitlines()
    assert known_cause(CAUSES, said, Subject("hello", "python", code=1)) is None
    assert known_cause(CAUSES, said, Subject("hello", "python", code=127)) is not None
