"""`deployzero serve`: the server for systemd and its like."""

import os
import socket

import click

from deployzero.cli.foreground import serve_until_told
from deployzero.cli.settings import settings_of
from deployzero.deploy.platform import Platform
from deployzero.routing.certificates import warning


@click.command()
@click.pass_context
def serve(context: click.Context) -> None:
    """Start the server for a service manager: as `up`, with logs alone, on stderr.

    Tells systemd (Type=notify) once everything is up. SIGTERM ends it; apps and proxy go on.
    """
    # Taken out of the environment: the proxy knows the protocol too, and is not who is waited for.
    address = os.environ.pop("NOTIFY_SOCKET", "")

    async def ready(platform: Platform) -> None:
        settings = platform.settings
        if settings.tls_files and (told := warning(*settings.tls_files, settings.domain)):
            _say(told)
        notify(address, "READY=1")

    serve_until_told(settings_of(context), ready, _say)


def _say(line: str) -> None:
    click.echo(line.strip(), err=True)


def notify(address: str, state: str) -> None:
    """One datagram of sd_notify(3). address: of NOTIFY_SOCKET; empty: nobody waits."""
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(state.encode(), address.replace("@", "\0", 1))
