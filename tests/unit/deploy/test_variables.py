"""How changes of variables come together."""

import itertools

import pytest

from deployzero.deploy.variables import build_values, changed, followed_by, secrets, values
from deployzero.models.release import Change, Variable

BEFORE = {"A": Variable("1"), "B": Variable("2", build=True)}
CHANGES = (
    Change(),
    Change(set={"A": "3"}),
    Change(set={"B": "4", "C": "5"}),
    Change(set={"C": "6"}, build=("C",)),
    Change(unset=("A",)),
    Change(unset=("A", "C")),
    Change(clear=True),
    Change(clear=True, set={"A": "7"}, build=("A",)),
)
PAIRS = list(itertools.product(CHANGES, CHANGES))


def test_a_change_sets_and_unsets_and_leaves_the_rest() -> None:
    after = changed(BEFORE, Change(set={"C": "3"}, unset=("A",)))
    assert after == {"B": Variable("2", build=True), "C": Variable("3")}
    assert BEFORE.keys() == {"A", "B"}


def test_a_variable_of_the_build_stays_one_when_it_is_set_again() -> None:
    assert changed(BEFORE, Change(set={"B": "3"}))["B"] == Variable("3", build=True)


def test_clear_drops_all_but_what_is_set_with_it() -> None:
    assert changed(BEFORE, Change(clear=True, set={"C": "3"})) == {"C": Variable("3")}


@pytest.mark.parametrize(("first", "then"), PAIRS)
def test_two_changes_as_one_do_what_they_do_one_after_the_other(
    first: Change, then: Change
) -> None:
    one_by_one = changed(changed(BEFORE, first), then)
    together = changed(BEFORE, followed_by(first, then))
    assert values(together, {}) == values(one_by_one, {})


@pytest.mark.parametrize(("first", "then"), PAIRS)
def test_what_was_stored_at_once_stays_when_the_change_before_it_is_stored_later(
    first: Change, then: Change
) -> None:
    """`first` is under way, `then` is stored at once, and after it both by the first's end."""
    at_once = changed(BEFORE, then)
    end = changed(at_once, followed_by(first, then))
    assert values(end, {}) == values(changed(changed(BEFORE, first), then), {})


def test_the_apps_own_go_before_those_of_every_app() -> None:
    own, every = {"A": Variable("own")}, {"A": Variable("every", build=True), "Z": Variable("9")}
    assert values(own, every) == {"A": "own", "Z": "9"}
    assert build_values(own, every) == {}
    assert build_values({}, every) == {"A": "every"}


def test_what_chooses_the_folder_of_an_app_is_no_secret_and_a_command_may_hold_one() -> None:
    own = {
        "DEPLOYZERO_ROOT": Variable("apps/web"),
        "DEPLOYZERO_START_COMMAND": Variable("run -p x"),
    }
    assert secrets(own, {"TOKEN": Variable("abc")}) == ["run -p x", "abc"]
