"""`deployzero restore`: a backup becomes this machine's server."""

import asyncio
import shutil
from typing import IO

import click

from deployzero.cli.settings import settings_of
from deployzero.errors import ConflictError, UsageError
from deployzero.operations.restore import Restored
from deployzero.operations.restore import restore as restored
from deployzero.server import LOCK, only_one, running_pid
from deployzero.settings import Settings


@click.command()
@click.argument("archive", type=click.File("rb"), metavar="FILE|-")
@click.option(
    "--secret-key",
    type=click.File("rb"),
    help="The old server's secret.key, for a backup that was made with --no-keys.",
)
@click.option("--without-secrets", is_flag=True, help="Without that key: drop all variables.")
@click.pass_context
def restore(
    context: click.Context, archive: IO[bytes], secret_key: IO[bytes] | None, without_secrets: bool
) -> None:
    """Restore a backup (`ssh … backup > FILE`) on a machine without deployzero's data.

    All or nothing. Then `deployzero up` builds what was live from its repositories.
    """
    if secret_key is not None and without_secrets:
        raise UsageError("--secret-key and --without-secrets exclude each other", "Give one.")
    settings = settings_of(context)
    key = secret_key.read() if secret_key is not None else None
    click.echo(f"-----> Restoring into {settings.data_dir}")
    _show(_restore(settings, archive, key, without_secrets), without_secrets)


def _restore(
    settings: Settings, archive: IO[bytes], key: bytes | None, without_secrets: bool
) -> Restored:
    folder = settings.data_dir
    if pid := running_pid(settings):
        raise ConflictError(
            f"a deployzero runs on {folder} (process {pid})",
            "A backup is restored on a new machine: set DEPLOYZERO_DATA_DIR to another folder.",
        )
    new = not folder.exists()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with only_one(folder / LOCK):
            return asyncio.run(restored(settings, archive, key, without_secrets))
    except BaseException:
        if new:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _show(done: Restored, without_secrets: bool) -> None:
    manifest, apps = done.manifest, done.apps
    rows = sum(manifest.tables.values())
    click.echo(f"       {rows} rows of the backup of {manifest.made} ({manifest.deployzero})")
    if not manifest.keys:
        click.echo(" !     A new host key will be made: ssh will warn everybody once.")
    if without_secrets:
        click.echo(" !     All config variables are dropped: set them again.")
    for app in apps.redeploys:
        click.echo(f"       {app}: will be built and started")
    for app in apps.stopped:
        click.echo(f"       {app}: stays stopped")
    for app in apps.left_out:
        click.echo(f" !     {app}: its code is not in the backup; push it")
    click.echo(
        "       Containers of the old server, if this engine has any, are not touched: docker ps"
        f" -a --filter label=deployzero.instance={manifest.instance}"
    )
    click.echo("=====> Restored. `deployzero up` redeploys what was live.")
