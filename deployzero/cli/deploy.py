"""`deployzero deploy`."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import click

from deployzero.cli import link
from deployzero.cli.output import clean, console
from deployzero.cli.target import JSON, SERVER, account, warn_in_the_clear
from deployzero.cli.watch import detached, watch
from deployzero.client import accounts, folders, git
from deployzero.client.accounts import Config
from deployzero.client.api import API
from deployzero.client.packing import pack
from deployzero.client.selection import OWN, Selection, select
from deployzero.client.uploading import upload
from deployzero.errors import ConflictError, NotFoundError, SourceError, UsageError
from deployzero.models.names import LONGEST, check_app_name, check_new_app_name

MOST_FILES = 50_000
"""The server takes no more."""
MOST_BYTES = 512 << 20
MOST_NAMED = 50
LONGEST_MESSAGE = 200


@click.command()
@click.option("--name", metavar="NAME", help="The app; else this folder's own.")
@click.option("-d", "--detach", is_flag=True, help="Do not wait for it.")
@click.option("-m", "--message", metavar="TEXT", help="What releases show; else git's own.")
@click.option(
    "--include", multiple=True, metavar="PATTERN",
    help="Take along what would be left out (as in .gitignore; may be repeated).",
)  # fmt: skip
@click.option("--no-link", is_flag=True, help="Do not remember that this folder is this app.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing; take large folders too.")
@click.option("-v", "--verbose", is_flag=True, help="Name what was left out.")
@SERVER
@JSON
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
def deploy(
    directory: Path,
    name: str | None,
    detach: bool,
    message: str | None,
    include: tuple[str, ...],
    no_link: bool,
    yes: bool,
    verbose: bool,
    server: str | None,
    as_json: bool,
) -> None:
    """Deploy a folder as it is, git or not, and watch it go live.

    It takes what .gitignore and .deployzeroignore do not leave out; never .git, node_modules,
    virtual environments or .env. Exits 0 only if it is live.
    """
    folder = _folder(directory, yes)
    config = accounts.load()
    found = account(config, server, folder)
    app = _app(config, folder, name)
    selection = _selected(folder, include, yes, verbose)
    warn_in_the_clear(found.server)
    with API(found) as api:
        _ensure(api, app, folder, no_link, yes)
        text = message or git.subject(folder) or f"Deployed from {clean(folder.name)}"
        try:
            with pack(selection) as archive:
                deployment = _upload(api, app.name, archive, text[:LONGEST_MESSAGE], selection)
        except KeyboardInterrupt:
            _warn(
                f"Interrupted. What is live stays; had all been sent: deployzero builds {app.name}"
            )
            raise
        if detach:
            detached(deployment, as_json)
        else:
            watch(api, deployment, as_json)


@dataclass(frozen=True, slots=True)
class _App:
    name: str
    guessed: bool
    """By the folder's name alone: nobody has said so."""


def _folder(directory: Path, yes: bool) -> Path:
    folder = directory.resolve()
    if not folder.is_dir():
        raise UsageError(f"{directory} is no folder", "deployzero deploy DIR")
    if folder in (Path(folder.anchor), Path.home()) and not yes:
        raise UsageError(
            f"{folder} is not just an app", "Go to the app's folder, or name it: deploy DIR"
        )
    return folder


def _app(config: Config, folder: Path, name: str | None) -> _App:
    """Raises UsageError within an app's folder: a part of it is another app, or a mistake."""
    if name is not None:
        return _App(check_app_name(name), guessed=False)
    place = folders.find(config, folder)
    if place is None:
        return _App(_name_of(folder), guessed=True)
    if place.folder.resolve() != folder:
        raise UsageError(
            f"{folder.name} is a part of {place.folder}, which is the app {place.app}",
            f"The whole: deployzero deploy {place.folder}\n"
            f"This folder by itself: deployzero deploy --name NAME {folder}",
        )
    return _App(place.app, guessed=False)


def _name_of(folder: Path) -> str:
    text = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")[:LONGEST].strip("-")
    try:
        return check_new_app_name(text)
    except SourceError as error:
        raise UsageError(
            f"the folder's name makes no app's name: {error.message}", "deploy --name NAME"
        ) from error


def _ensure(api: API, app: _App, folder: Path, no_link: bool, yes: bool) -> None:
    """That it is there, and that it is the one that is meant."""
    try:
        api.get(f"/projects/{app.name}")
    except NotFoundError:
        _create(api, app.name)
    else:
        if not app.guessed:
            return
        if not yes and sys.stdin.isatty():
            click.confirm(
                f"You have an app {app.name} already. Deploy this folder to it?",
                abort=True, err=True,
            )  # fmt: skip
    if not no_link and folders.find(accounts.load(), folder) is None:
        link.keep(folder, api.account.server, app.name)


def _create(api: API, name: str) -> None:
    try:
        api.post("/projects", {"project_name": name})
    except ConflictError as error:
        raise ConflictError(
            error.message, "Choose another: deployzero deploy --name NAME"
        ) from error
    _say(f"Made the app {name}")


def _selected(folder: Path, include: tuple[str, ...], yes: bool, verbose: bool) -> Selection:
    found = select(folder, include)
    if not found.files:
        raise UsageError(
            f"there is nothing to deploy in {folder}",
            f"All of it is left out, by .gitignore or {OWN}: --include PATTERN takes it along."
            if found.left_out else "It is empty.",
        )  # fmt: skip
    if len(found.files) > MOST_FILES:
        raise _too_large(found, f"; a server takes {MOST_FILES:,} files.")
    if found.bytes > MOST_BYTES and not yes:
        raise _too_large(found, ", or deploy --yes.")
    for path in found.skipped:
        _warn(f"{path} stays here: it is no file")
    if found.secrets:
        _warn(
            f"{', '.join(found.secrets[:5])} stays here: set variables by `deployzero config set`"
        )
    if keys := found.like_secrets():
        _warn(
            f"{', '.join(keys[:5])}{' …' * (len(keys) > 5)} goes along:"
            f" add it to {OWN} if it is a secret"
        )
    if verbose:
        _name_left_out(found)
    return found


def _name_left_out(found: Selection) -> None:
    for why, count in sorted(found.left_out.items()):
        _say(f"Left out: {count} ({why})")
    for path in found.left_out_names[:MOST_NAMED]:
        click.echo(f"       {clean(path)}", err=True)
    if more := len(found.left_out_names[MOST_NAMED:]):
        click.echo(f"       … and {more:,} more", err=True)


def _too_large(found: Selection, instead: str) -> UsageError:
    """instead: how the hint goes on."""
    rows = [
        f"{_size(size):>9}  {files:>7,} files  {clean(name)}"
        for name, size, files in found.largest()
    ]
    return UsageError(
        f"{found.folder} is large: {len(found.files):,} files, {_size(found.bytes)}",
        "\n".join(["The largest:", *rows, f"Name in {OWN} what the app does not need{instead}"]),
    )


def _upload(
    api: API, app: str, archive: IO[bytes], message: str, selection: Selection
) -> dict[str, Any]:
    size = archive.seek(0, 2)
    count = len(selection.files)
    files = f"{count:,} file{'s' * (count != 1)}"
    _say(f"Uploading {files}, {_size(size)}, to {app} on {api.account.server}")
    with _progress(size) as sent:
        return upload(
            api, app, archive, message, sent, lambda why: _warn(f"{why}; sending it again")
        )


@contextmanager
def _progress(size: int) -> Iterator[Any]:
    """A bar on a terminal, gone when it is done: the answer takes a while yet."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    out = console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as bar:
        task = bar.add_task("", total=size)
        sent = False

        def show(done: int) -> None:
            nonlocal sent
            bar.update(task, completed=done)
            if done >= size and not sent:
                sent = True
                bar.stop()
                _say("Uploaded, being unpacked")

        yield show


def _size(count: int) -> str:
    for unit, scale in (("GB", 30), ("MB", 20), ("kB", 10)):
        if count >= 1 << scale:
            return f"{count / (1 << scale):.1f} {unit}"
    return f"{count} bytes"


def _say(text: str) -> None:
    click.echo(f"-----> {text}", err=True)


def _warn(text: str) -> None:
    click.echo(f" !     {clean(text)}", err=True)
