"""`deployzero up`: one process with everything, in the foreground."""

import click
import httpx

from deployzero import __version__
from deployzero.cli import demo as sample
from deployzero.cli.foreground import serve_until_told
from deployzero.cli.settings import settings_of
from deployzero.deploy.platform import Platform
from deployzero.errors import SettingsError
from deployzero.operations import config, keys
from deployzero.routing.certificates import warning


@click.command()
@click.option("--demo", is_flag=True, help="Then push a sample app with the real git.")
@click.pass_context
def up(context: click.Context, demo: bool) -> None:
    """Start the server here; Ctrl-C ends it and leaves apps and proxy serving."""
    settings = settings_of(context)
    click.echo(f"-----> deployzero {__version__} starts (data in {settings.data_dir})")
    serve_until_told(settings, _greet, click.echo, *((_demo,) if demo else ()))


async def _demo(platform: Platform) -> None:
    try:
        await sample.push_sample(platform)
    except (OSError, httpx.HTTPError, TimeoutError) as error:
        click.echo(f" !     The sample could not be shown: {error or type(error).__name__}")


async def _greet(platform: Platform) -> None:
    settings = platform.settings
    remote = f"ssh://deployzero@{settings.domain}:{settings.ssh_port}"
    click.echo(f"=====> deployzero is up: {settings.url('<app>')}")
    if await keys.count(platform) == 0:
        click.echo(" !     No public key may push yet: no ~/.ssh/*.pub was found.")
        click.echo(" !     Run ssh-keygen, then start with DEPLOYZERO_ADMIN_KEYS=<file of keys>.")
    try:
        await config.check_key(platform)
    except SettingsError as error:
        click.echo(f" !     {error.message}.")
        click.echo(f" !     {error.hint} What runs goes on, but nothing can be started anew.")
    if settings.tls_files and (told := warning(*settings.tls_files, settings.domain)):
        click.echo(f" !     {told}")
    click.echo("       In a repository of yours, push with:")
    click.echo(f"         git remote add deployzero {remote}/hello")
    click.echo("         git push deployzero main")
    click.echo(f"       Sign in at {settings.api_url}, or with:")
    click.echo(f"         deployzero login --server {settings.api_url}")
    if settings.tls and not settings.tls_files and (pair := platform.proxy.certificate):
        click.echo(f"       Its certificate is its own: trust it by SSL_CERT_FILE={pair.cert}")
    click.echo("       Ctrl-C ends the server; what is live goes on serving.")
