"""A request that is sent again with the same Idempotency-Key starts no second deployment."""

import asyncio
from typing import Any

import pytest

from deployzero.errors import AlreadyStartedError, UsageError
from deployzero.models.release import Kind
from deployzero.operations import changes
from deployzero.store import deployments


async def test_one_key_is_one_deployment_also_when_both_come_at_once(
    api: Any, deployed: Any
) -> None:
    ana = await api.person("ana")
    project = await api.app("hello", ana)
    await deployed(project)

    async def restart() -> int:
        try:
            return await changes.start_change(
                api.platform, ana, "hello", Kind.RESTART, idempotency_key="a"
            )
        except AlreadyStartedError as error:
            return error.deployment_id

    ids = await asyncio.gather(*(restart() for _ in range(5)))
    assert len(set(ids)) == 1
    async with api.platform.database.read() as session:
        assert len(await deployments.unfinished_of(session, project.id)) == 1
    # What was asked for before its turn came may be of another kind by now; else it is refused.
    with pytest.raises(AlreadyStartedError):
        await changes.check_new(api.platform, ana, "hello", "a", Kind.SCALE)
    with pytest.raises(UsageError):
        await changes.check_new(api.platform, ana, "hello", "a", Kind.ROLLBACK)


async def test_keys_of_two_apps_have_nothing_to_do_with_each_other(api: Any, deployed: Any) -> None:
    ana = await api.person("ana")
    for name in ("one", "two"):
        await deployed(await api.app(name, ana))
    for name in ("one", "two"):
        await changes.start_change(api.platform, ana, name, Kind.RESTART, idempotency_key="a")
