"""The ground of deployzero's own base images: a Debian suite, made with mmdebstrap."""

import asyncio
import os
import re
import shutil
import signal
import tempfile
from pathlib import Path

import httpx

from deployzero.errors import BuildError, ResourceLimitError

MAKE_SECONDS = 900.0
PROBE_SECONDS = 10.0
CHANGES = ["ENV LANG=C.UTF-8", 'CMD ["/bin/sh"]']
"""What `docker import` adds; import sets no other configuration."""
OPTIONS = (
    "--variant=apt",
    "--include=ca-certificates",
    "--format=tar",
    "--skip=output/dev",
    '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    # The user that apps run as; root's tools for it are not in a system this small.
    '--customize-hook=echo app:x:1000:1000::/app:/bin/sh >> "$1/etc/passwd"',
    '--customize-hook=echo app:x:1000: >> "$1/etc/group"',
    '--customize-hook=install -d -o 1000 -g 1000 "$1/app"',
)
_MIRROR = re.compile(r"^https?://[^\s'\"]+$")


async def bootstrap(suite: str, mirror: str, to: Path) -> None:
    """Write a root file system of the suite as a tar to `to`.

    Raises BuildError where mmdebstrap is missing or fails. Cancelling ends the tool.
    """
    program = shutil.which("mmdebstrap")
    if program is None:
        raise BuildError(
            "base images are made from Debian, but mmdebstrap is not installed",
            "apt-get install mmdebstrap, or set DEPLOYZERO_BASE_IMAGES to a registry.",
        )
    if not _MIRROR.match(mirror):
        raise BuildError(
            f"'{mirror}' is no Debian mirror",
            "Set DEPLOYZERO_DEBIAN_MIRROR to an http(s) address.",
        )
    sources = await _sources(suite, mirror.rstrip("/"))
    with tempfile.TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            program, "--quiet", *OPTIONS, suite, str(to), *sources,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=errors,
            start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(MAKE_SECONDS):
                code = await process.wait()
        except TimeoutError:
            raise ResourceLimitError(
                f"making the base image of {suite} was stopped after {MAKE_SECONDS:g} s",
                f"Look at the way to the Debian mirror {mirror}.",
            ) from None
        finally:
            if process.returncode is None:
                # mmdebstrap removes its work folder when it is told to end.
                os.killpg(process.pid, signal.SIGTERM)
                await process.wait()
        if code != 0:
            errors.seek(0)
            said = errors.read().decode(errors="replace").splitlines()
            raise BuildError(
                f"mmdebstrap could not make a Debian {suite} (exit {code})",
                f"Check that the server reaches {mirror} (DEPLOYZERO_DEBIAN_MIRROR).",
                said[-20:],
            )


async def _sources(suite: str, mirror: str) -> list[str]:
    """The suite, with its updates and security updates where the mirror has them."""
    more = {
        f"{suite}-updates": mirror,
        f"{suite}-security": f"{mirror}-security",
    }
    async with httpx.AsyncClient(timeout=PROBE_SECONDS, follow_redirects=True) as client:
        there = await asyncio.gather(
            *(_exists(client, f"{at}/dists/{name}/InRelease") for name, at in more.items())
        )
    return [
        f"deb {mirror} {suite} main",
        *(
            f"deb {at} {name} main"
            for (name, at), ok in zip(more.items(), there, strict=True)
            if ok
        ),
    ]


async def _exists(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.head(url)).status_code == 200
    except httpx.HTTPError:
        return False
