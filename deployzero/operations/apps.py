"""Apps as a list, and the state of one app's processes."""

from dataclasses import dataclass

from deployzero.deploy.platform import Platform
from deployzero.errors import NotFoundError
from deployzero.models.deployment import Container, Deployment, User
from deployzero.operations.access import visible_project
from deployzero.store import containers, deployments, projects, users


@dataclass(frozen=True, slots=True)
class AppState:
    name: str
    url: str
    live: Deployment | None
    processes: tuple[Container, ...]


async def list_apps(platform: Platform, user: User) -> list[AppState]:
    """Every app that the user may see, by name."""
    async with platform.database.read() as session:
        owner = None if user.role == users.ADMIN else user.id
        listing = await projects.listing(session, owner)
        rows = await containers.every(session)
    return [
        AppState(
            name=project.name,
            url=platform.settings.url(project.name),
            live=live,
            processes=tuple(r for r in rows if live and r.deployment_id == live.id),
        )
        for project, live in listing
    ]


async def app_state(platform: Platform, user: User, app: str) -> AppState:
    """One app's live release and the health of its processes. Raises NotFoundError."""
    async with platform.database.read() as session:
        project = await visible_project(session, user, app)
        if project is None:
            raise NotFoundError(f"there is no app {app}", "`apps:list` shows yours.")
        live = await deployments.live(session, project.id)
        rows = await containers.of_deployment(session, live.id) if live else []
    return AppState(app, platform.settings.url(app), live, tuple(rows))
