"""What may be queued of what is there."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import update

from deployzero.errors import ConflictError
from deployzero.models.deployment import State
from deployzero.models.release import Kind
from deployzero.operations.changes import start_change
from deployzero.store import deployments, users
from deployzero.store.tables import DeploymentRow


async def test_what_a_failed_restore_left_without_a_live_release_can_be_built_again(
    admin, deployed: Callable[..., Awaitable]
) -> None:
    platform = admin.platform
    async with platform.database.read() as session:
        root = await users.by_name(session, "root")
    project = await admin.app("hello", root)
    release = await deployed(project)
    async with platform.database.begin() as session:
        await session.execute(update(DeploymentRow).values(state=State.RETIRED, image=None))
    with pytest.raises(ConflictError, match="not deployed yet"):
        await start_change(platform, root, "hello", Kind.RESTART)
    queued = await start_change(platform, root, "hello", Kind.REBUILD)
    async with platform.database.read() as session:
        assert (await deployments.get(session, queued)).commit == release.commit
