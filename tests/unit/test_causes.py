"""The causes of the build and of a start: what was really printed, and what is told of it."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
import re2

from deployzero.build.causes import CAUSES as OF_BUILDS
from deployzero.models.cause import Cause, Subject, known_cause
from deployzero.runtime.causes import CAUSES as OF_STARTS

HERE = Path(__file__).parent
TABLES: dict[str, Sequence[Cause]] = {"build": OF_BUILDS, "runtime": OF_STARTS}
SAMPLES = {stage: tomllib.loads((HERE / stage / "causes.toml").read_text()) for stage in TABLES}
KNOWN = [(stage, name) for stage, samples in SAMPLES.items() for name in samples["known"]]
UNKNOWN = [(stage, name) for stage, samples in SAMPLES.items() for name in samples["unknown"]]


def printed(stage: str, name: str) -> tuple[list[str], Subject]:
    stack, code, *_ = SAMPLES[stage]["known"][name]
    lines = (HERE / stage / "outputs" / f"{name}.txt").read_text().splitlines()
    return lines, Subject("hello", stack, code=code)


@pytest.mark.parametrize(("stage", "name"), KNOWN)
def test_the_cause_is_told_in_one_line_with_its_fix(stage: str, name: str) -> None:
    _, _, message, *fixes = SAMPLES[stage]["known"][name]
    found = known_cause(TABLES[stage], *printed(stage, name))
    assert found is not None
    assert found.message == message
    assert found.hint
    assert all(fix in found.hint for fix in fixes)
    assert "\n" not in found.message


@pytest.mark.parametrize("stage", TABLES)
def test_every_cause_of_the_table_has_an_output_that_it_fits(stage: str) -> None:
    causes, samples = TABLES[stage], SAMPLES[stage]["known"]
    told = set()
    for name in samples:
        said = printed(stage, name)
        told.add(next(at for at, each in enumerate(causes) if known_cause([each], *said)))
    assert [each.message for at, each in enumerate(causes) if at not in told] == []
    assert set(samples) == {file.stem for file in (HERE / stage / "outputs").iterdir()}


@pytest.mark.parametrize("stage", TABLES)
def test_every_pattern_is_one_of_re2_and_takes_linear_time(stage: str) -> None:
    for each in TABLES[stage]:
        for pattern in (each.pattern, each.command, each.lacks):
            re2.compile(f"(?m){pattern}")


@pytest.mark.parametrize(("stage", "name"), UNKNOWN)
def test_what_no_cause_fits_is_not_dressed_up_as_known(stage: str, name: str) -> None:
    said = SAMPLES[stage]["unknown"][name]
    for stack in ("nodejs", "python", "go", "dockerfile"):
        assert known_cause(TABLES[stage], said, Subject("hello", stack, code=1)) is None
