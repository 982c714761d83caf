"""`deployzero keys`: what signs you in, over HTTP and over SSH."""

from pathlib import Path
from typing import Any

import click

from deployzero.cli.commands import Verbs
from deployzero.cli.output import clean, listing, print_json, when
from deployzero.cli.target import JSON, SERVER, connect
from deployzero.client.api import API
from deployzero.errors import NotFoundError, UsageError

KINDS = ("ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-")
"""How a line of OpenSSH's public keys begins."""
MOST_BYTES = 16 * 1024


@click.group(cls=Verbs, invoke_without_command=True)
@SERVER
@JSON
@click.pass_context
def keys(context: click.Context, server: str | None, as_json: bool) -> None:
    """List your API keys and SSH keys; make, add and remove them."""
    if context.invoked_subcommand is not None:
        return
    with connect(server) as api:
        api_keys, ssh_keys = _all(api)
    if as_json:
        print_json({"api_keys": api_keys, "ssh_keys": ssh_keys})
        return
    columns = {
        "TYPE": "type",
        "ID": "id",
        "NAME": "name",
        "KEY": "key",
        "SCOPE": "scope",
        "APP": "project_name",
        "CREATED": "created_at",
        "LAST USED": "last_used_at",
        "EXPIRES": "expires_at",
    }
    rows = [_row("api", each) for each in api_keys] + [_row("ssh", each) for each in ssh_keys]
    listing(rows, columns, as_json=False, empty="There is none.")


@keys.command("create")
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice(["read", "deploy", "admin"]),
    default="deploy",
    show_default=True,
    help="The most that it may do.",
)
@click.option("-a", "--app", metavar="APP", help="The only app that it may touch.")
@click.option("--expires-days", type=click.IntRange(1), metavar="N", help="How long it is valid.")
@SERVER
def create(
    name: str, scope: str, app: str | None, expires_days: int | None, server: str | None
) -> None:
    """Make an API key, and print it: this once, on standard output.

    For CI give it as DEPLOYZERO_API_KEY, and the server as DEPLOYZERO_SERVER.
    """
    new = {"name": name, "scope": scope, "project": app, "expires_in_days": expires_days}
    with connect(server) as api:
        made = api.post("/auth/keys", {key: value for key, value in new.items() if value})
    click.echo(clean(made["api_key"]))
    key = made["key"]
    click.echo(f"       {clean(key['prefix'])}…, {clean(key['scope'])}: keep it safe.", err=True)


@keys.command("add")
@click.argument("file", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--name", help="Unless given, its comment.")
@SERVER
def add(file: Path | None, name: str | None, server: str | None) -> None:
    """Add an SSH public key, from a file or with `-` from standard input.

    Unless given, the only ~/.ssh/*.pub.
    """
    line = _public_key(file or _only_key())
    with connect(server) as api:
        new = {"public_key": line} | ({"name": name} if name else {})
        added = api.post("/auth/ssh-keys", new)
    for each in added if isinstance(added, list) else [added]:
        click.echo(clean(f"=====> Added {each['name']} {each['fingerprint']}"))


@keys.command("remove")
@click.argument("key", metavar="ID|NAME|KEY")
@SERVER
def remove(key: str, server: str | None) -> None:
    """Remove an API key or SSH key of yours: it signs nobody in from now on."""
    with connect(server) as api:
        found = [
            (kind, each)
            for kind, listed in zip(("keys", "ssh-keys"), _all(api), strict=True)
            for each in listed
            if key in (str(each["id"]), each["name"], each.get("prefix"), each.get("fingerprint"))
        ]
        if not found:
            raise NotFoundError(f"you have no key {key}", "`deployzero keys` shows yours.")
        if len(found) > 1:
            which = ", ".join(_sign(each) for _, each in found)
            raise UsageError(f"you have {len(found)} keys {key}", f"Say which one: {which}")
        kind, one = found[0]
        api.delete(f"/auth/{kind}/{one['id']}")
    click.echo(clean(f"=====> Removed {one['name']} {_sign(one)}"))


def _all(api: API) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return api.every("/auth/keys"), api.every("/auth/ssh-keys")


def _sign(key: dict[str, Any]) -> str:
    """What of a key is not secret, and is its own alone."""
    return str(key.get("prefix") or key["fingerprint"])


def _row(kind: str, key: dict[str, Any]) -> dict[str, Any]:
    given = {"scope": None, "project_name": None, **key}
    times = {name: when(key.get(name)) for name in ("created_at", "last_used_at", "expires_at")}
    return {**given, **times, "type": kind, "key": _sign(key)}


def _only_key() -> Path:
    found = sorted((Path.home() / ".ssh").glob("*.pub"))
    if len(found) == 1:
        return found[0]
    names = ", ".join(file.name for file in found) or "none"
    raise UsageError("which public key?", f"deployzero keys add FILE. In ~/.ssh there is {names}.")


def _public_key(file: Path) -> str:
    """Its one line. Raises UsageError for what is none: a private key is not sent anywhere."""
    try:
        with click.open_file(str(file), errors="replace") as opened:
            text = str(opened.read(MOST_BYTES))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    if "PRIVATE KEY" in text:
        raise UsageError(
            f"{file} is a private key: it stays with you", f"Its public half: {file}.pub"
        )
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) != 1 or not lines[0].startswith(KINDS):
        raise UsageError(
            f"{file} is no public key", "One line as `ssh-keygen` writes it to ~/.ssh/id_….pub."
        )
    return lines[0].strip()
