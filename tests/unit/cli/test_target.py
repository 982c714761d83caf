"""Which server and which app a command is about, and with which key."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from deployzero.cli.main import main
from deployzero.cli.target import account, app_name, connect
from deployzero.client import accounts
from deployzero.client.accounts import Account, Config, Link
from deployzero.errors import UsageError

ONE = Account("https://one", "dz_1", "ana", "one:2222")
TWO = Account("http://127.0.0.1:8081", "dz_2", "ana", "localhost:2222")


@pytest.fixture
def config(own_config: Path, folder: Path) -> Config:
    with accounts.changing() as found:
        found.add(ONE)
        found.add(TWO)
    return accounts.load()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current one."""
    made = tmp_path / "hello"
    made.mkdir()
    monkeypatch.chdir(made)
    return made


def link(folder: Path) -> Config:
    with accounts.changing() as found:
        found.links[str(folder)] = Link(ONE.server, "linked")
    return accounts.load()


def remote(folder: Path, url: str) -> None:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "remote", "add", "deployzero", url], cwd=folder, check=True)


def test_the_last_one_signed_in_to_is_meant_where_nothing_says_otherwise(config: Config) -> None:
    assert account(config, None) == TWO
    with pytest.raises(UsageError, match="which app") as error:
        app_name()
    assert "deployzero link" in error.value.hint


def test_an_option_goes_before_the_environment_before_the_folder(
    config: Config, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = link(folder)
    assert account(config, None) == ONE
    assert app_name() == "linked"
    assert app_name("other") == "other"
    monkeypatch.setenv("DEPLOYZERO_SERVER", "http://127.0.0.1:8081/")
    assert account(config, None) == TWO
    assert account(config, "one") == ONE


def test_a_git_remote_tells_both(config: Config, folder: Path) -> None:
    remote(folder, "ssh://deployzero@one:2222/remote")
    assert account(config, None) == ONE
    assert app_name() == "remote"
    assert account(link(folder), None) == ONE
    assert app_name() == "linked"


def test_a_git_remote_of_an_unknown_server_says_how_to_sign_in(
    config: Config, folder: Path
) -> None:
    remote(folder, "ssh://deployzero@else.where:2222/remote")
    with pytest.raises(UsageError, match="else") as error:
        account(config, None)
    assert error.value.hint == "deployzero login --ssh ssh://deployzero@else.where:2222"
    assert account(config, "one") == ONE


def test_the_environments_key_is_used_with_its_own_server_alone(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYZERO_API_KEY", "dz_ci")
    assert account(config, None) == Account(TWO.server, "dz_ci")
    assert account(Config(), "https://ci") == Account("https://ci", "dz_ci")
    with pytest.raises(UsageError, match="which server"):
        account(Config(), None)
    monkeypatch.setenv("DEPLOYZERO_SERVER", "https://ci")
    assert account(config, None) == Account("https://ci", "dz_ci")
    assert account(config, "https://one") == ONE


@pytest.mark.parametrize("key", ["dz_1\n", "dz_é", "dz_ b"])
def test_a_key_that_is_none_is_told_without_showing_it(
    config: Config, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("DEPLOYZERO_API_KEY", key)
    with pytest.raises(UsageError, match="DEPLOYZERO_API_KEY is no key") as error:
        account(config, None)
    assert key not in f"{error.value.message}{error.value.hint}"


def test_who_has_not_signed_in_is_told_how(own_config: Path, folder: Path) -> None:
    with pytest.raises(UsageError) as error:
        account(Config(), None)
    assert error.value.hint == "deployzero login --server URL"
    with pytest.raises(UsageError) as error:
        account(Config(), "my.host")
    assert error.value.hint == "deployzero login --server https://my.host"


def test_a_key_in_the_clear_is_warned_about(
    config: Config, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect().http.close()
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("DEPLOYZERO_API_KEY", "dz_ci")
    connect("http://my.host").http.close()
    told = capsys.readouterr()
    assert "http://my.host has no TLS" in told.err
    assert told.out == ""


def test_options_of_run_behind_its_command_are_told_of(
    own_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["run", "ls", "-a", "crash", "-l"])
    assert done.exit_code == 1
    assert "Options go before the command: deployzero run -a crash ls -l" in done.stderr
    assert "Options go before the command" not in CliRunner().invoke(main, ["run", "ls"]).stderr
    assert "Options go before the command" in CliRunner().invoke(main, ["run", "--help"]).stdout
