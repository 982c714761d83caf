"""THE commit point: one transaction after which the new release is what is live."""

from collections.abc import Sequence

from deployzero.deploy import variables
from deployzero.deploy.ending import record
from deployzero.deploy.plan import Plan
from deployzero.deploy.platform import Platform
from deployzero.models.deployment import Container, Deployment
from deployzero.models.release import Kind
from deployzero.store import containers, deployments, projects


async def commit(
    platform: Platform,
    deployment: Deployment,
    plan: Plan,
    started: Sequence[Container],
    timings: dict[str, float],
) -> Deployment:
    """Make it live, with all that the app gets by it: variables, formation, limits, containers."""
    async with platform.database.begin() as session:
        live = await deployments.commit_live(session, deployment.id, timings)
        for row in started:
            await containers.set_health(session, row.id, "healthy")
        await containers.hand_over(session, [row.id for row in plan.kept], live.id)
        if plan.kind in (Kind.CONFIG, Kind.ROLLBACK):
            base = plan.app if plan.kind is Kind.ROLLBACK else None
            await variables.store_live(session, platform.vault, live.id, base)
        await projects.settle_live(session, live.project_id, plan.change)
        await deployments.forget_change(session, live.id)
        await record(session, live)
    platform.metrics.ended(live)
    platform.bus.publish("events")
    return live
