"""What OpenSSH's own client does when nobody reads what it prints."""

import asyncio
import subprocess
from pathlib import Path

LIMIT = 15.0


async def test_a_pipe_that_is_closed_ends_the_command(admin, tmp_path: Path) -> None:
    """`ssh … events -t | head -1` must not hang until the next power cut."""
    key = tmp_path / "key"
    key.write_bytes(admin.keys["root"].export_private_key())
    key.chmod(0o600)
    for _ in range(3):
        await admin.run("root", "apps:info nothing")  # refusals are recorded
    command = (
        f"ssh -F none -i {key} -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=ERROR"
        " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        f" -p {admin.port} deployzero@127.0.0.1 events -t | head -1"
    )
    process = await asyncio.create_subprocess_shell(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    ended = asyncio.ensure_future(process.wait())
    async with asyncio.timeout(LIMIT):
        while not ended.done():  # each event is something to print for who listens
            await admin.run("root", "apps:info nothing")
            await asyncio.wait({ended}, timeout=0.1)
