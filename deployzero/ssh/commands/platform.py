"""backup, report, cleanup: the server as a whole."""

import click

from deployzero.errors import UsageError
from deployzero.models.access import Role
from deployzero.operations.backup import backup
from deployzero.ssh.commands.tree import Caller, command

SECTION = "Platform"


@command(
    "backup",
    click.Option(["--no-keys"], is_flag=True, help="Leave out secret.key and the host key."),
    section=SECTION,
    needs=Role.ADMIN,
    changes=True,
)
async def make_backup(caller: Caller, no_keys: bool) -> int:
    """Write database, keys and repositories to standard output.

    `ssh … backup > backup.tar`; `deployzero restore backup.tar` brings it back. With the keys
    the file opens every config variable: keep it safe. The apps' own output is not in it.
    """
    if caller.streams.terminal is not None:
        raise UsageError("a backup is not for a terminal", "ssh … backup > backup.tar, without -t")
    done = await backup(caller.platform, caller.user, caller.streams.stdout, not no_keys)
    for failure in done.failures:
        caller.streams.stderr.write(f" !     not in the backup: {failure}\n")
    caller.streams.stderr.write(
        f"=====> {done.bytes >> 10} kB: {done.rows} rows, {done.repositories} repositories"
        f"{', no keys' if no_keys else ''}\n"
    )
    return 1 if done.failures else 0
