"""One SSH session: which command it asks for, and that nothing else exists."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncssh

from deployzero.errors import DeployZeroException, NotFoundError, SourceError
from deployzero.models.deployment import User
from deployzero.models.names import parse_app_path
from deployzero.models.push import FindApp
from deployzero.source.channel import ClientGoneError, pkt_line
from deployzero.source.lines import error_lines, hint_lines, one_line, printable
from deployzero.source.receive_pack import ReceivePack, Reception
from deployzero.source.repack import repack
from deployzero.source.upload_pack import upload_pack
from deployzero.ssh.streams import GitChannel, Input, Output, Streams, wait_closed
from deployzero.ssh.words import split_words

logger = logging.getLogger(__name__)

SignIn = Callable[[], Awaitable[User]]
"""Who the key names now. Raises DeployZeroException once it names nobody."""
RunCommand = Callable[[User, list[str], Streams], Awaitable[int]]
"""(user, words of the command, streams) -> exit code. Its DeployZeroExceptions are rendered."""

NOT_FOUND = 127
FLUSH_SECONDS = 60.0
"""That a client has to read the last of what a finished command printed."""
RED, PLAIN = "\x1b[31m", "\x1b[0m"
GIT_FAILED = 128
HELP = """\
This is deployzero: it deploys what you push, and gives no shell.

    git remote add deployzero ssh://deployzero@<host>:<port>/<app>
    git push deployzero main

`ssh -p <port> <host> help` lists the commands.
"""
REFUSED_COMMANDS = {
    "scp": "files are not copied here",
    "sftp-server": "there is no sftp here",
    "rsync": "files are not copied here",
}


@dataclass(frozen=True, slots=True)
class Services:
    """What every session can do."""

    reception: Reception
    find_source: FindApp
    """The app as one who fetches from it sees it."""
    run_command: RunCommand


async def unknown_command(user: User, argv: list[str], streams: Streams) -> int:
    """The answer when there are no admin commands, or none of that name."""
    refuse_command(streams, argv[0])
    return NOT_FOUND


def refuse_command(streams: Streams, name: str, near: Sequence[str] = ()) -> None:
    """near: commands that may have been meant."""
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    error = NotFoundError(
        f"unknown command {name[:60]!r}",
        f"{hint}`help` lists the commands. There is no shell here.",
    )
    write_error(streams.stderr, error)


def write_error(stderr: Output, error: DeployZeroException) -> None:
    lines = error_lines(error)
    if stderr.colour:
        said = len(error.detail)
        lines[said] = f"{RED}{lines[said]}{PLAIN}"
    stderr.write("".join(f"{line}\n" for line in lines))


async def serve(
    process: asyncssh.SSHServerProcess[bytes],
    sign_in: SignIn,
    services: Services,
    gone: asyncio.Event,
) -> None:
    """Run the session's command to its end. This is the task's border: nothing is raised."""
    code, who = 1, "somebody"
    streams = _streams(process, gone)
    try:
        user = await sign_in()
        who = user.name
        code = await _run(process, user, services, streams)
        await _flush(process)
    except (ClientGoneError, asyncssh.Error, OSError, TimeoutError) as error:
        logger.info("%s's session ended early: %s", who, str(error) or type(error).__name__)
    except (asyncssh.BreakReceived, asyncssh.SignalReceived):
        code = 130
    except DeployZeroException as error:
        _tell(streams, error)
    except Exception:
        logger.exception("%s's session failed", who)
        _tell(streams, DeployZeroException("internal error", "The server's log has the details."))
    finally:
        process.exit(code)


async def _flush(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Let the client read what is left. Raises TimeoutError, hung up, for one that does not."""
    try:
        async with asyncio.timeout(FLUSH_SECONDS):
            await process.stdout.drain()
    except TimeoutError:
        process.channel.abort()
        raise


def _tell(streams: Streams, error: DeployZeroException) -> None:
    try:
        write_error(streams.stderr, error)
    except OSError:
        logger.info("nobody is there to be told: %s", error.message)


async def _run(
    process: asyncssh.SSHServerProcess[bytes], user: User, services: Services, streams: Streams
) -> int:
    if process.subsystem:
        raise DeployZeroException(
            f"there is no {printable(process.subsystem)} here", "git push is how files get here."
        )
    command = process.command
    if command is None or not command.strip():
        streams.stdout.write(HELP)
        return 0
    try:
        argv = split_words(command)
    except ValueError as error:
        raise DeployZeroException(
            f"cannot read the command: {error}", "Check its quotes."
        ) from None
    if not argv:
        streams.stdout.write(HELP)
        return 0
    if argv[0] == "git" and len(argv) > 1:
        argv = [f"git-{argv[1]}", *argv[2:]]
    if argv[0] in ("git-receive-pack", "git-upload-pack"):
        return await _git(process, user, services, argv)
    if words := REFUSED_COMMANDS.get(argv[0].rpartition("/")[2]):
        write_error(streams.stderr, DeployZeroException(words, "git push is how files get here."))
        return NOT_FOUND
    if argv[0].startswith("git-"):
        return await unknown_command(user, argv, streams)
    return await services.run_command(user, argv, streams)


async def _git(
    process: asyncssh.SSHServerProcess[bytes],
    user: User,
    services: Services,
    argv: Sequence[str],
) -> int:
    channel = GitChannel(process)
    try:
        if len(argv) > 2:
            raise SourceError(f"{argv[0]} takes an app and no options", "Push with git push.")
        app = parse_app_path(argv[-1] if len(argv) > 1 else "")
        if argv[0] == "git-receive-pack":
            await ReceivePack(services.reception, user, app, channel, channel).handle()
            process.exit(0)  # git waits for it; what follows is housekeeping
            await repack(services.reception.repositories.path(app))
            return 0
        target = await services.find_source(user, app)
        if target is None:
            raise NotFoundError(
                f"there is no app {app} (or it is not yours)",
                "The first push makes it: git push deployzero main",
            )
        return await upload_pack(
            services.reception.repositories,
            target,
            channel,
            channel,
            process.env.get("GIT_PROTOCOL", ""),
        )
    except DeployZeroException as error:
        # git prints an ERR packet as `fatal: remote error: …`; what to do follows on stderr.
        process.stdout.write(pkt_line(f"ERR {one_line(error.message)}\n".encode()))
        text = "".join(f"{line}\n" for line in hint_lines(error))
        process.stderr.write(text.encode("utf-8", "replace"))
        await process.stdout.drain()
        return GIT_FAILED


def _streams(process: asyncssh.SSHServerProcess[bytes], gone: asyncio.Event) -> Streams:
    terminal = process.term_type
    raw = terminal is not None
    colour = raw and terminal != "dumb" and not process.env.get("NO_COLOR")
    return Streams(
        stdin=Input(process.stdin),
        stdout=Output(process.stdout, raw),
        stderr=Output(process.stderr, raw, colour),
        terminal=terminal,
        width=process.term_size[0],
        height=process.term_size[1],
        wait_closed=functools.partial(wait_closed, process, gone),
    )
