"""Stop an app: it keeps its release and serves nothing, until it is started or pushed to."""

from deployzero.deploy import routes
from deployzero.deploy.platform import Platform
from deployzero.deploy.retire import retire_containers
from deployzero.errors import ConflictError, ContainerError
from deployzero.models.deployment import Container, Project
from deployzero.store import containers, deployments, projects


async def stop_app(platform: Platform, project: Project) -> None:
    """Let its route answer 503, then drain, stop and remove its containers. Idempotent.

    Raises ConflictError while a deployment of it waits or is under way, or if nothing is
    live; ContainerError when the engine did not end its processes. That, and what is cut
    off, the next start or the watch finishes: the row says `stopped`.
    """
    rows = await _mark(platform, project)
    # By what the rows say then: a push may have begun to start it again.
    await routes.restore(platform, project.name, project.id)
    await retire_containers(platform, rows)
    async with platform.database.read() as session:
        left = {row.id for row in rows} & {
            row.id for row in await containers.of_project(session, project.id)
        }
    if left:
        raise ContainerError(
            f"{project.name} is stopped, but {len(left)} of its processes may still run",
            "They end once the engine answers; the server's log says why it did not.",
        )


async def _mark(platform: Platform, project: Project) -> list[Container]:
    async with platform.database.begin() as session:
        await projects.lock(session, project.id)
        if await deployments.unfinished_of(session, project.id):
            raise ConflictError(
                f"{project.name} is being deployed",
                f"Wait for it, or stop it first: builds:cancel {project.name}",
            )
        live = await deployments.live(session, project.id)
        if live is None:
            raise ConflictError(f"{project.name} is not deployed yet", "Push it first.")
        await projects.set_stopped(session, project.id)
        return await containers.of_deployment(session, live.id)
