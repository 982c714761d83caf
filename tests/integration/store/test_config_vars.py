"""Variables that several write at the same time: none is lost, on either database."""

import asyncio
from collections.abc import Sequence

from deployzero.deploy import variables
from deployzero.deploy.vault import Vault
from deployzero.models.deployment import Project, State
from deployzero.models.release import Change, Kind
from deployzero.store.config_vars import pending, set_change
from deployzero.store.database import Database
from deployzero.store.instance import instance_id

VAULT = Vault(b"k" * 32)
NAMES = [f"A{number}" for number in range(8)]


async def at_once(database: Database, project_id: int | None, change: Change) -> None:
    async with database.begin() as session:
        await variables.store_at_once(session, VAULT, project_id, change)


async def names(database: Database, project_id: int | None) -> Sequence[str]:
    async with database.read() as session:
        return sorted(await variables.stored(session, VAULT, project_id))


async def test_those_stored_at_once_and_by_a_release_that_ends_all_survive(
    database: Database, project: Project, deploys
) -> None:
    release = await deploys.create(project, kind=Kind.CONFIG)
    await deploys.claim()
    await deploys.move(release, State.DEPLOYING, image="i")
    async with database.begin() as session:
        await set_change(session, release.id, VAULT.seal_change(Change(set={"OF_RELEASE": "1"})))

    async def commit() -> None:
        async with database.begin() as session:
            await variables.deployments.commit_live(session, release.id)
            await variables.store_live(session, VAULT, release.id)

    changes = [at_once(database, project.id, Change(set={name: "1"})) for name in NAMES]
    await asyncio.gather(*changes[:4], commit(), *changes[4:])
    assert await names(database, project.id) == [*NAMES, "OF_RELEASE"]


async def test_those_of_every_app_all_survive(database: Database, project: Project) -> None:
    async with database.begin() as session:
        await instance_id(session)
    await asyncio.gather(*(at_once(database, None, Change(set={name: "1"})) for name in NAMES))
    assert await names(database, None) == NAMES
    assert await names(database, project.id) == []


async def test_only_what_will_store_variables_is_given_a_change_that_was_stored_at_once(
    database: Database, project: Project, deploys
) -> None:
    kinds = (Kind.PUSH, Kind.CONFIG, Kind.ROLLBACK, Kind.RESTART)
    made = {kind: await deploys.create(project, kind=kind) for kind in kinds}
    await at_once(database, project.id, Change(set={"A": "1"}))
    async with database.read() as session:
        waiting = await pending(session, project.id)
        push = await variables.deployments.get(session, made[Kind.PUSH].id)
    assert [(each, kind) for each, kind, _ in waiting] == [
        (made[Kind.CONFIG].id, Kind.CONFIG),
        (made[Kind.ROLLBACK].id, Kind.ROLLBACK),
    ]
    assert all(VAULT.open_change(sealed).set == {"A": "1"} for _, _, sealed in waiting)
    assert push.change is None
