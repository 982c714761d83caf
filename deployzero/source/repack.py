"""Keeping a repository quick: each push adds a pack, and every look-up asks every pack."""

import asyncio
import logging
from pathlib import Path

from deployzero.source.git import git_env, git_program

logger = logging.getLogger(__name__)

MOST_PACKS = 50
REPACK_SECONDS = 600.0

_under_way: set[Path] = set()


async def repack(repository: Path) -> None:
    """Join the packs into one when there are many and git is installed.

    Every object is kept, reachable or not: a rollback may ask for any commit that was live.
    """
    program = git_program()
    packs = sum(1 for _ in (repository / "objects/pack").glob("*.pack"))
    if program is None or packs <= MOST_PACKS or repository in _under_way:
        return
    _under_way.add(repository)
    try:
        process = await asyncio.create_subprocess_exec(
            *(program, "repack", "-a", "-d", "--keep-unreachable", "-q"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=git_env(repository),
        )
        try:
            async with asyncio.timeout(REPACK_SECONDS):
                code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if code:
            logger.warning("git repack of %s exited with %d", repository, code)
    except TimeoutError:
        logger.warning("git repack of %s took longer than %g s", repository, REPACK_SECONDS)
    finally:
        _under_way.discard(repository)
