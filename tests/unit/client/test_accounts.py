"""The config file: for its owner's eyes, whole, and of two processes at once neither's is lost."""

import json
import subprocess
import sys

import pytest

from deployzero.client import accounts
from deployzero.client.accounts import Account, Config, Link
from deployzero.errors import DeployZeroException

ADD = """
import sys
from deployzero.client import accounts
for number in range(20):
    with accounts.changing() as config:
        config.add(accounts.Account(f"http://{sys.argv[1]}{number}", "key"))
"""


def test_what_is_kept_is_read_again_and_only_by_its_owner() -> None:
    with accounts.changing() as config:
        config.add(Account("https://one", "dz_1", "ana", "one:2222"))
        config.add(Account("https://two", "dz_2"))
        config.add(Account("https://one", "dz_3", "ana", "one:2222"))
        config.links["/app"] = Link("https://one", "hello")
    found = accounts.load()
    assert list(found.accounts) == ["https://two", "https://one"]
    assert found.accounts["https://one"].api_key == "dz_3"
    assert found.links == {"/app": Link("https://one", "hello")}
    assert accounts.config_file().stat().st_mode & 0o777 == 0o600
    assert accounts.config_file().parent.stat().st_mode & 0o777 == 0o700


def test_a_key_is_not_shown_by_accident() -> None:
    assert "dz_1" not in repr(Config({"x": Account("https://one", "dz_1")}))


def test_two_processes_at_once_lose_nothing() -> None:
    running = [subprocess.Popen([sys.executable, "-c", ADD, name]) for name in ("a", "b")]
    assert [each.wait(30) for each in running] == [0, 0]
    assert len(accounts.load().accounts) == 40


def test_a_file_that_others_may_read_is_closed_to_them() -> None:
    with accounts.changing() as config:
        config.add(Account("https://one", "dz_1"))
    accounts.config_file().chmod(0o644)
    accounts.load()
    assert accounts.config_file().stat().st_mode & 0o777 == 0o600


def test_a_newer_versions_fields_are_read_over_and_kept() -> None:
    file = accounts.config_file()
    file.parent.mkdir(parents=True)
    account = {"server": "https://one", "api_key": "k", "colour": "red"}
    file.write_text(json.dumps({"accounts": {"https://one": account}, "theme": "dark"}))
    assert accounts.load().accounts["https://one"] == Account("https://one", "k")
    with accounts.changing() as config:
        config.add(Account("https://two", "k"))
    assert json.loads(file.read_text())["theme"] == "dark"


@pytest.mark.parametrize("text", ["{", "[]", '{"accounts": []}', '{"accounts": {"x": {}}}'])
def test_a_file_that_is_damaged_is_named(text: str) -> None:
    file = accounts.config_file()
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(DeployZeroException, match="cannot read") as error:
        accounts.load()
    assert str(file) in error.value.message
    assert file.read_text() == text


def test_what_fails_within_the_change_is_not_saved() -> None:
    def fails() -> None:
        with accounts.changing() as config:
            config.add(Account("https://one", "k"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert accounts.load() == Config()
