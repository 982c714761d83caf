"""May a deployment whose turn has come still replace what is live now?"""

import asyncio

from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError
from deployzero.models.deployment import Deployment
from deployzero.store import deployments


async def check_turn(platform: Platform, deployment: Deployment) -> Deployment | None:
    """Return the live deployment that this one is to replace, None if there is none.

    Raises ConflictError when somebody else's push went live meanwhile and this one
    neither contains it nor was forced: git's own rule, applied when the turn comes.
    """
    async with platform.database.read() as session:
        live = await deployments.live(session, deployment.project_id)
    if live is None or live.commit in (deployment.old_commit, deployment.commit):
        return live
    if deployment.forced or await _contains(platform, deployment, live.commit):
        return live
    raise ConflictError(
        f"fetch first: {live.user_name}'s push of {live.commit[:9]} went live meanwhile",
        "Run `git pull` from this remote, then push again; or push with --force to override.",
    )


async def _contains(platform: Platform, deployment: Deployment, commit: str) -> bool:
    repositories = platform.repositories
    return await asyncio.get_running_loop().run_in_executor(
        repositories.pool, repositories.is_ancestor, deployment.app, commit, deployment.commit
    )
