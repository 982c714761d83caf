"""A deployment's turn has come: may it replace what is live now, and what will it do?"""

import asyncio

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.deploy import variables
from deployzero.deploy.plan import Plan, Standing, make_plan
from deployzero.deploy.platform import Platform
from deployzero.deploy.release import stored_config
from deployzero.errors import ConflictError
from deployzero.models.deployment import Deployment
from deployzero.models.release import Change, Kind
from deployzero.store import containers, deployments, projects


async def take_turn(platform: Platform, deployment: Deployment) -> tuple[Deployment, Plan]:
    """The deployment as its row is now, and what it will do.

    Raises ConflictError and NotFoundError. In one transaction, so that no image is pruned
    that it is about to run.
    """
    await check_turn(platform, deployment)
    # Not durable by itself: what a power cut takes back was not begun.
    async with platform.database.begin(durable=False) as session:
        await projects.lock(session, deployment.project_id)
        deployment = await deployments.get(session, deployment.id)
        change = platform.vault.open_change(deployment.change)
        plan = make_plan(deployment, change, await _standing(platform, session, deployment, change))
        deployment = await deployments.set_plan(
            session,
            deployment.id,
            kind=plan.kind,
            branch=plan.branch,
            commit=plan.commit,
            image=plan.image,
            config=stored_config(plan.config) if plan.config else None,
            variables=platform.vault.seal_variables(plan.app, plan.server),
            message=plan.message,
        )
    return deployment, plan


async def check_turn(platform: Platform, deployment: Deployment) -> None:
    """Raises ConflictError when somebody else's push went live meanwhile and this one
    neither contains it nor was forced: git's own rule, applied when the turn comes.

    An archive was made after nothing: of two, the one that was sent last is what goes on.
    """
    if deployment.kind is not Kind.PUSH:
        return
    async with platform.database.read() as session:
        live = await deployments.live(session, deployment.project_id)
    if live is None or live.commit in (deployment.old_commit, deployment.commit):
        return
    if deployment.forced or await _contains(platform, deployment, live.commit):
        return
    overtaken = f"{live.user_name}'s {live.kind} of {live.commit[:9]} went live meanwhile"
    raise ConflictError(
        f"fetch first: {overtaken}",
        "Run `git pull` from this remote, then push again; or push with --force to override.",
    )


async def _contains(platform: Platform, deployment: Deployment, commit: str) -> bool:
    repositories = platform.repositories
    return await asyncio.get_running_loop().run_in_executor(
        repositories.pool, repositories.is_ancestor, deployment.app, commit, deployment.commit
    )


async def _standing(
    platform: Platform, session: AsyncSession, deployment: Deployment, change: Change
) -> Standing:
    vault, project_id = platform.vault, deployment.project_id
    live = await deployments.live(session, project_id)
    target = target_variables = None
    if deployment.kind is Kind.ROLLBACK and live is not None:
        target = await deployments.rollback_target(session, live, change.release)
        if target is not None and target.variables is not None:
            target_variables, _ = vault.open_variables(target.variables)
    return Standing(
        project=await projects.get(session, project_id),
        live=live,
        running=tuple(await containers.of_deployment(session, live.id)) if live else (),
        stored=await variables.stored(session, vault, project_id),
        server=await variables.stored(session, vault, None),
        snapshot=vault.open_variables(live.variables if live else None),
        target=target,
        target_variables=target_variables,
    )
