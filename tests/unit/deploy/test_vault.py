"""Values at rest: sealed with one key, opened with no other."""

import pytest

from deployzero.deploy.vault import Vault
from deployzero.errors import SettingsError
from deployzero.models.release import Change, Limits, Variable

VAULT = Vault(b"k" * 32)


@pytest.mark.parametrize("text", ["", "hunter2", "a b\n$HOME 'x' \"y\" é 🙂", "x" * 65536])
def test_what_is_sealed_opens_again_and_does_not_show(text: str) -> None:
    sealed = VAULT.seal(text)
    assert VAULT.open(sealed) == text
    assert not text or text not in sealed


def test_one_value_is_never_sealed_twice_alike() -> None:
    assert VAULT.seal("same") != VAULT.seal("same")


@pytest.mark.parametrize("sealed", [Vault(b"o" * 32).seal("x"), VAULT.seal("x")[:-4] + "AAAA", ""])
def test_another_key_or_a_changed_text_is_a_clear_error(sealed: str) -> None:
    with pytest.raises(SettingsError, match=r"secret\.key does not fit"):
        VAULT.open(sealed)


def test_a_change_opens_as_it_was_sealed() -> None:
    change = Change(
        set={"A": "1"}, build=("A",), unset=("B",), clear=True, rebuild=True, release=3,
        formation={"web": 2}, limits={"web": Limits("1g", 2.0)},
    )  # fmt: skip
    assert VAULT.open_change(VAULT.seal_change(change)) == change
    assert VAULT.open_change(None) == Change()


def test_variables_open_as_they_were_sealed() -> None:
    own, every = {"A": Variable("1", build=True)}, {"B": Variable("2")}
    assert VAULT.open_variables(VAULT.seal_variables(own, every)) == (own, every)
    assert VAULT.open_variables(None) == ({}, {})


def test_no_value_shows_in_what_a_traceback_or_log_would_print() -> None:
    assert "hunter2" not in repr([Change(set={"A": "hunter2"}), Variable("hunter2")])
