"""users:*, keys:* and access:*."""

import asyncio
from dataclasses import asdict

import click

from deployzero.errors import UsageError
from deployzero.models.access import APP_ROLES, Role
from deployzero.operations import access, invitations, keys, people
from deployzero.operations.access import with_article
from deployzero.ssh.commands.render import listing
from deployzero.ssh.commands.tree import APP, JSON, Caller, command

SECTION = "People"
MOST_INPUT = 64 << 10
"""Bytes of keys in one go."""
INPUT_SECONDS = 60.0
ROLES = (people.ADMIN, people.MEMBER)
USER = click.Argument(["user"])
MAYBE_USER = click.Argument(["user"], required=False)
NAME = click.Argument(["name"])
ROLE = click.Argument(["role"], type=click.Choice(ROLES))
NEW_ROLE = click.Option(
    ["--role"],
    type=click.Choice(ROLES),
    default=people.MEMBER,
    show_default=True,
    help="What they are.",
)
APP_ROLE = click.Option(
    ["--role"],
    type=click.Choice([role.word for role in APP_ROLES]),
    default=Role.DEPLOYER.word,
    show_default=True,
    help="What they may do with the app.",
)
INVITED_ROLE = click.Option(
    ["--role"], type=click.Choice(ROLES), help="What a new user is: a member, unless given."
)
KEY_NAME = click.Option(["--name"], help="Instead of the key's comment.")
OF_USER = click.Option(["--user"], help="Whose key, if not yours: admins only.")


@command("users:add", NAME, NEW_ROLE, section=SECTION, needs=Role.ADMIN, changes=True)
async def users_add(caller: Caller, name: str, role: str) -> None:
    """Add a user.

    A member sees their own apps and those shared with them; an admin may do everything."""
    back = await people.add_user(caller.platform, caller.user, name, role)
    caller.print(f"-----> {name} is {'back as' if back else 'now'} {with_article(role)}")
    caller.print(f"       They sign in once they have a key: keys:add {name} < id_ed25519.pub")


@command("users:invite", MAYBE_USER, INVITED_ROLE, section=SECTION, needs=Role.MEMBER, changes=True)
async def users_invite(caller: Caller, user: str | None, role: str | None) -> None:
    """Print a link that sets a password.

    Yours; as an admin that of USER, who is made if there is none; with --role alone, of whoever
    comes, by a name of their choice. It is good once, for 7 days."""
    made = await invitations.invite(caller.platform, caller.user, user, role)
    invited = made.invitation
    caller.print(made.url)
    whom = invited.name or "whoever has it"
    new = f" and makes them {with_article(invited.role)}" if invited.user_id is None else ""
    until = f"{invited.expires_at:%Y-%m-%d %H:%M} UTC"
    caller.print(f"       It lets {whom} set a password{new}, once, until {until}")


@command("users:list", JSON, section=SECTION, needs=Role.ADMIN, aliases=("users",))
async def users_list(caller: Caller, as_json: bool) -> None:
    """List the users and their roles."""
    listed = await people.list_users(caller.platform, caller.user)
    columns = {
        "NAME": "name",
        "ROLE": "role",
        "KEYS": "keys",
        "APPS": "apps",
        "SINCE": "created_at",
    }
    listing(caller, [asdict(user) for user in listed], columns, as_json)


@command("users:remove", NAME, section=SECTION, needs=Role.ADMIN, changes=True)
async def users_remove(caller: Caller, name: str) -> None:
    """Remove a user with their keys and access.

    The history goes on naming them. Apps of theirs go first: access:transfer."""
    await people.remove_user(caller.platform, caller.user, name)
    caller.print(f"-----> {name} is removed; their sessions end")


@command("users:role", NAME, ROLE, section=SECTION, needs=Role.ADMIN, changes=True)
async def users_role(caller: Caller, name: str, role: str) -> None:
    """Make a user an admin or a member."""
    await people.set_role(caller.platform, caller.user, name, role)
    caller.print(f"-----> {name} is now {with_article(role)}")


@command(
    "keys:add",
    MAYBE_USER,
    KEY_NAME,
    section=SECTION,
    needs=Role.MEMBER,
    changes=True,
    aliases=("ssh-keys:add",),
)
async def keys_add(caller: Caller, user: str | None, name: str | None) -> None:
    """Add public keys from standard input, one a line.

    They sign in you, or USER if you are an admin."""
    added = await keys.add_keys(caller.platform, caller.user, await _input(caller), user, name)
    for key in added:
        caller.print(
            f"-----> {user or caller.user.name} signs in with {key.name} {key.fingerprint}"
        )


@command(
    "keys:list",
    MAYBE_USER,
    JSON,
    section=SECTION,
    needs=Role.MEMBER,
    aliases=("keys", "ssh-keys", "ssh-keys:list"),
)
async def keys_list(caller: Caller, user: str | None, as_json: bool) -> None:
    """List your public keys.

    Those of USER, if you are an admin."""
    listed = await keys.list_keys(caller.platform, caller.user, user)
    rows = [
        {
            "name": key.name,
            "type": key.public_key.partition(" ")[0],
            "fingerprint": key.fingerprint,
            "created_at": key.created_at,
        }
        for key in listed
    ]
    columns = {"NAME": "name", "TYPE": "type", "FINGERPRINT": "fingerprint", "SINCE": "created_at"}
    listing(caller, rows, columns, as_json, empty="There is no key yet: keys:add < id_ed25519.pub")


@command(
    "keys:remove",
    click.Argument(["key"], metavar="NAME|FINGERPRINT"),
    OF_USER,
    section=SECTION,
    needs=Role.MEMBER,
    changes=True,
    aliases=("ssh-keys:remove",),
)
async def keys_remove(caller: Caller, key: str, user: str | None) -> None:
    """Remove a public key; its sessions end."""
    removed = await keys.remove_key(caller.platform, caller.user, key, user)
    caller.print(f"-----> {removed.name} {removed.fingerprint} is removed; its sessions end")


@command("access:add", APP, USER, APP_ROLE, section=SECTION, needs=Role.OWNER, changes=True)
async def access_add(caller: Caller, app: str, user: str, role: str) -> None:
    """Share an app with a user.

    A viewer reads status and logs; a deployer pushes, scales, sets config and runs commands;
    an owner also shares, reveals and destroys."""
    await access.share(caller.platform, caller.user, app, user, Role[role.upper()])
    caller.print(f"-----> {user} is now {with_article(role)} of {app}")


@command("access:remove", APP, USER, section=SECTION, needs=Role.OWNER, changes=True)
async def access_remove(caller: Caller, app: str, user: str) -> None:
    """Take from a user what they may do with an app."""
    await access.unshare(caller.platform, caller.user, app, user)
    caller.print(f"-----> {user} has no access to {app} any more")


@command("access:transfer", APP, USER, section=SECTION, needs=Role.OWNER, changes=True)
async def access_transfer(caller: Caller, app: str, user: str) -> None:
    """Give an app away.

    Who owned it stays a deployer of it."""
    await access.transfer(caller.platform, caller.user, app, user)
    caller.print(f"-----> {app} is now {user}'s")


@command("access:list", APP, JSON, section=SECTION, needs=Role.VIEWER, aliases=("access",))
async def access_list(caller: Caller, app: str, as_json: bool) -> None:
    """List who may do what with an app, beside the admins."""
    shares = await access.shares(caller.platform, caller.user, app)
    rows = [{"user": share.user, "role": share.role.word} for share in shares]
    listing(caller, rows, {"USER": "user", "ROLE": "role"}, as_json)


async def _input(caller: Caller) -> str:
    """Standard input, to its end. Raises UsageError if it is none, too long, or never ends."""
    if caller.streams.terminal is not None:
        raise UsageError(
            "a terminal is no file of keys", "Without -t: ssh … keys:add < ~/.ssh/id_ed25519.pub"
        )
    data = b""
    try:
        async with asyncio.timeout(INPUT_SECONDS):
            while piece := await caller.streams.stdin.read(MOST_INPUT):
                data += piece
                if len(data) > MOST_INPUT:
                    raise UsageError(
                        f"more than {MOST_INPUT >> 10} KB came in", "Send public keys, one a line."
                    )
    except TimeoutError:
        raise UsageError(
            f"no end of input within {INPUT_SECONDS:.0f} s",
            "Send a file: ssh … keys:add < ~/.ssh/id_ed25519.pub",
        ) from None
    return data.decode("utf-8", "replace")
