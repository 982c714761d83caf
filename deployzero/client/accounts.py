"""The user's config file: which servers they have signed in to, and which folder is which app."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

from deployzero.errors import DeployZeroException


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


def config_file() -> Path:
    return Path(click.get_app_dir("deployzero")) / "config.json"


def load() -> Config:
    """Empty if there is none yet. Raises DeployZeroException for one that cannot be read."""
    file = config_file()
    try:
        found: Mapping[str, Any] = json.loads(file.read_text())
        return Config(
            {server: Account(**each) for server, each in found.get("accounts", {}).items()},
            {folder: Link(**each) for folder, each in found.get("links", {}).items()},
        )
    except FileNotFoundError:
        return Config()
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DeployZeroException(
            f"cannot read {file}: {error}", "Mend it, or remove it and sign in again."
        ) from error


def save(config: Config) -> None:
    """For its owner's eyes alone; whole or not at all."""
    file = config_file()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(config), indent=2) + "\n")
        draft.replace(file)
    except OSError as error:
        raise DeployZeroException(
            f"cannot write {file}: {error.strerror}", "Is there room, and is the folder yours?"
        ) from error
