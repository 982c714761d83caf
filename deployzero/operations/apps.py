"""Apps as a list, and the state of one app's processes."""

from dataclasses import dataclass

from deployzero.deploy.platform import Platform
from deployzero.models.access import Role
from deployzero.models.deployment import Container, Deployment, User
from deployzero.operations.access import require, visible
from deployzero.store import containers, deployments


@dataclass(frozen=True, slots=True)
class AppState:
    name: str
    url: str
    live: Deployment | None
    processes: tuple[Container, ...]


async def list_apps(platform: Platform, user: User) -> list[AppState]:
    """Every app that the user may see, by name."""
    async with platform.database.read() as session:
        listed = await visible(session, user)
        live = {each.project_id: each for each in await deployments.every_live(session)}
        rows = await containers.of_live_releases(session)
    running: dict[int, list[Container]] = {}
    for row in rows:
        running.setdefault(row.project_id, []).append(row)
    return [
        AppState(
            name=project.name,
            url=platform.settings.url(project.name),
            live=live.get(project.id),
            processes=tuple(running.get(project.id, ())),
        )
        for project in listed
    ]


async def app_state(platform: Platform, user: User, app: str) -> AppState:
    """One app's live release and the health of its processes. Raises NotFoundError."""
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.VIEWER)
        live = await deployments.live(session, project.id)
        rows = await containers.of_deployment(session, live.id) if live else []
    return AppState(app, platform.settings.url(app), live, tuple(rows))
