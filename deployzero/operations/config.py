"""Config variables: shown, set, unset, brought in and out, of one app or of every app."""

from collections.abc import Callable

from deployzero.deploy import variables
from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import generated_secrets, loaded_config
from deployzero.logs.redaction import redaction
from deployzero.store import deployments


async def redactor(platform: Platform, project_id: int, app: str) -> Callable[[str], str]:
    """A function that takes an app's secrets out of a line: those stored and those running.

    Raises SettingsError when secret.key does not fit: then no line may be shown.
    """
    async with platform.database.read() as session:
        own = await variables.stored(session, platform.vault, project_id)
        every = await variables.stored(session, platform.vault, None)
        live = await deployments.live(session, project_id)
    # What the containers have may be older than what is stored.
    running = platform.vault.open_variables(live.variables if live else None)
    guessed = [each.value for kept in (own, every, *running) for each in kept.values()]
    marked: list[str] = []
    if live is not None and live.config:
        config = loaded_config(live.config)
        guessed += config.environment.values()
        marked += generated_secrets(platform, app, config).values()
    return redaction(guessed, marked)
