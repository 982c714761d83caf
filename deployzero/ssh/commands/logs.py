"""logs, logs:failed."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict

import click

from deployzero.errors import ContainerError
from deployzero.models.access import Role
from deployzero.models.runtime_log import RuntimeLine, Skipped
from deployzero.operations import logs
from deployzero.ssh.commands.render import print_json
from deployzero.ssh.commands.tree import APP, JSON, Caller, command

Batches = AsyncGenerator[list[RuntimeLine | Skipped], None]
SECTION = "Logs"
LINES = 100
REMOVED_ALONE = "What runs is out of reach: only removed containers' lines are shown."
PIECE = 200
"""Lines that are written at once."""
COLOURS = (36, 33, 32, 35, 34, 31)
"""A process has the same one always."""


@command(
    "logs",
    APP,
    click.Option(["-t", "-f", "--tail", "tail"], is_flag=True, help="Go on with what comes."),
    click.Option(
        ["-n", "--num", "lines"],
        type=click.IntRange(0, logs.MOST),
        default=LINES,
        metavar="N",
        help=f"Lines to begin with; {LINES} if not given.",
    ),
    click.Option(["-p", "--ps", "process"], metavar="NAME", help="Only `web`, or only `web.1`."),
    click.Option(["-q", "--quiet", "quiet"], is_flag=True, help="Without times and names."),
    JSON,
    section=SECTION,
    needs=Role.VIEWER,
)
async def show_logs(
    caller: Caller,
    app: str,
    tail: bool,
    lines: int,
    process: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Print what an app printed, of replaced containers too."""
    if not tail:
        found = await logs.recent(caller.platform, caller.user, app, lines, process)
        if as_json:
            print_json(caller, [_row(line) for line in found.lines])
        else:
            await _print(caller, found.lines, quiet)
        if found.away is not None:
            raise ContainerError(found.away.message, f"{REMOVED_ALONE} {found.away.hint}")
        return
    following = logs.follow(caller.platform, caller.user, app, lines, process)
    async with contextlib.aclosing(_while_there(caller, following)) as batches:
        async for batch in batches:
            if as_json:
                for line in batch:
                    print_json(caller, _row(line))
                await caller.streams.stdout.drain()
            else:
                await _print(caller, batch, quiet)


@command("logs:failed", APP, JSON, section=SECTION, needs=Role.VIEWER)
async def logs_failed(caller: Caller, app: str, as_json: bool) -> None:
    """Print the log of the last deployment that failed.

    And what the app printed in it."""
    found = await logs.failed(caller.platform, caller.user, app)
    if as_json:
        output = [_row(line) for line in found.output]
        data = {"id": found.deployment.id, "reason": found.deployment.reason}
        print_json(caller, {**data, "log": found.log, "output": output})
        return
    for line in found.log:
        caller.print(line)
    await _print(caller, found.output, quiet=False)


async def _while_there(caller: Caller, batches: Batches) -> Batches:
    """Ends when the client has left, or types Ctrl-C on its terminal, though no line comes."""
    ends = {asyncio.ensure_future(caller.streams.wait_closed())}
    if caller.streams.terminal:
        ends.add(asyncio.ensure_future(_interrupted(caller)))
    coming: asyncio.Future[list[RuntimeLine | Skipped] | None] | None = None
    try:
        while True:
            coming = asyncio.ensure_future(anext(batches, None))
            done, _ = await asyncio.wait({coming, *ends}, return_when=asyncio.FIRST_COMPLETED)
            if done & ends or (batch := await coming) is None:
                return
            yield batch
    finally:
        for task in (coming, *ends):
            if task is not None:
                task.cancel()
        await asyncio.gather(*(t for t in (coming, *ends) if t), return_exceptions=True)
        await batches.aclose()


async def _interrupted(caller: Caller) -> None:
    """A raw terminal sends Ctrl-C as a byte."""
    while data := await caller.streams.stdin.read(1024):
        if b"\x03" in data or b"\x04" in data:
            return


async def _print(caller: Caller, lines: Sequence[RuntimeLine | Skipped], quiet: bool) -> None:
    """What an app printed was cleaned: it cannot drive a terminal."""
    coloured = caller.streams.terminal is not None
    for at in range(0, len(lines), PIECE):
        piece = lines[at : at + PIECE]
        text = "".join(f"{_text(line, quiet, coloured)}\n" for line in piece)
        caller.streams.stdout.write(text)
        await caller.streams.stdout.drain()
        await asyncio.sleep(0)


def _text(line: RuntimeLine | Skipped, quiet: bool, coloured: bool) -> str:
    if isinstance(line, Skipped):
        return f"… {line.lines} lines skipped: more came than could be shown"
    if quiet:
        return line.text
    name = f"app[{line.source}]:"
    if coloured:
        name = f"\x1b[{COLOURS[sum(line.source.encode()) % len(COLOURS)]}m{name}\x1b[0m"
    return f"{line.at[:23]}Z {name} {line.text}"


def _row(line: RuntimeLine | Skipped) -> dict[str, object]:
    if isinstance(line, Skipped):
        return {"skipped": line.lines}
    row = asdict(line)
    return {"at": row["at"], "process": row["source"], "text": row["text"]}
