"""The user's config file: which servers they have signed in to, and which folder is which app."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from deployzero.errors import DeployZeroException

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody's account on one server."""

    server: str
    """Where its API is, without a slash at the end: `https://api.my.host:8443`."""
    api_key: str = field(repr=False)
    user: str = ""
    ssh: str = ""
    """`my.host:2222`: by which a git remote is known to be this server's."""


@dataclass(frozen=True, slots=True)
class Link:
    """Which app a folder is."""

    server: str
    app: str


@dataclass(frozen=True, slots=True)
class Config:
    accounts: dict[str, Account] = field(default_factory=dict)
    """By server; the last one signed in to stands last."""
    links: dict[str, Link] = field(default_factory=dict)
    """By the folder's absolute path."""
    rest: dict[str, Any] = field(default_factory=dict, repr=False)
    """What a newer version keeps there."""

    def add(self, account: Account) -> None:
        """As the last one signed in to."""
        self.accounts.pop(account.server, None)
        self.accounts[account.server] = account


def config_file() -> Path:
    return Path(click.get_app_dir("deployzero")) / "config.json"


def load() -> Config:
    """Empty if there is none yet. Raises DeployZeroException for one that cannot be read."""
    file = config_file()
    try:
        with file.open(encoding="utf-8") as stream:
            if os.name == "posix" and os.fstat(stream.fileno()).st_mode & 0o077:
                os.fchmod(stream.fileno(), 0o600)  # it holds keys, whoever made it so
            found: dict[str, Any] = json.load(stream)
        return Config(
            {server: _known(Account, each) for server, each in found.pop("accounts", {}).items()},
            {folder: _known(Link, each) for folder, each in found.pop("links", {}).items()},
            found,
        )
    except FileNotFoundError:
        return Config()
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DeployZeroException(
            f"cannot read {file}: {error}", "Mend it, or remove it and sign in again."
        ) from error


@contextlib.contextmanager
def changing() -> Iterator[Config]:
    """The config, to be changed in place; saved at the end of the block.

    One process at a time: two logins at once are both kept.
    """
    with _locked(config_file()):
        config = load()
        yield config
        _save(config)


def _known(kind: type[T], values: dict[str, Any]) -> T:
    """Without the fields of a newer version."""
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in values.items() if name in names})


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """By a file beside it: the file itself is replaced."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file.with_name(f".{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _cannot_write(file, error) from error
    with os.fdopen(descriptor, "w") as held:
        if fcntl is not None:
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _save(config: Config) -> None:
    """For its owner's eyes alone; whole or not at all."""
    file = config_file()
    known = asdict(config)
    text = json.dumps({**known.pop("rest"), **known}, indent=2) + "\n"
    try:
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600, exist_ok=False)
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        raise _cannot_write(file, error) from error


def _cannot_write(file: Path, error: OSError) -> DeployZeroException:
    return DeployZeroException(
        f"cannot write {file}: {error.strerror}", "Is there room, and is the folder yours?"
    )
