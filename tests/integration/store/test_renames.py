"""An app between two names, on both databases."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deployzero.errors import ConflictError, NotFoundError
from deployzero.models.deployment import Project, State, User
from deployzero.operations.apps import rename_app
from deployzero.source.repository import Repositories
from deployzero.store import projects, releases
from deployzero.store.database import Database

Deploys = Any  # made in conftest


@pytest.fixture
async def renamed(database: Database, project: Project, deploys: Deploys) -> Project:
    """`hello` on its way to `world`."""
    await deploys.live(project)
    restart = await deploys.create(project)
    async with database.begin() as session:
        await projects.rename(session, project, "world")
        await projects.set_rename_id(session, project.id, restart.id)
        return await projects.get(session, project.id)


async def test_a_rename_ends_with_its_restart(
    database: Database, renamed: Project, deploys: Deploys
) -> None:
    claimed = await deploys.claim()
    await deploys.move(claimed, State.DEPLOYING)
    await deploys.commit(claimed)
    later = await deploys.create(renamed)
    await deploys.move(later, State.CANCELLED)  # another's end undoes nothing
    async with database.begin() as session:
        now = await projects.get(session, renamed.id)
        assert (now.name, now.previous_name, now.rename_id) == ("world", "hello", None)
        await projects.forget_previous_name(session, now.id, "hello")
        assert (await projects.get(session, now.id)).previous_name is None


async def test_a_rename_is_undone_in_the_transaction_that_ends_its_restart(
    database: Database, renamed: Project, deploys: Deploys
) -> None:
    await deploys.move(await deploys.claim(), State.ERROR)
    async with database.read() as session:
        now = await projects.get(session, renamed.id)
    assert (now.name, now.previous_name, now.rename_id) == ("hello", "world", None)


async def test_of_two_renames_at_once_one_is_refused(
    database: Database, user: User, project: Project, tmp_path: Path
) -> None:
    platform: Any = SimpleNamespace(
        database=database, repositories=Repositories(tmp_path), name_locks={},
        queue=SimpleNamespace(wake=lambda: None),
    )  # fmt: skip
    platform.repositories.open("hello").close()
    both = (rename_app(platform, user, "hello", name) for name in ("world", "moon"))
    done = await asyncio.gather(*both, return_exceptions=True)
    (refused,) = (each for each in done if isinstance(each, BaseException))
    assert isinstance(refused, NotFoundError)
    async with database.read() as session:
        assert (await projects.get(session, project.id)).previous_name == "hello"


async def test_both_names_are_taken_while_it_lasts(
    database: Database, renamed: Project, user: User, new_project: Callable[[str], Awaitable]
) -> None:
    other = await new_project("other")
    for name in ("hello", "world"):
        with pytest.raises(ConflictError, match=f"the name {name} is taken"):
            await new_project(name)
        async with database.begin() as session:
            with pytest.raises(ConflictError, match=f"the name {name} is taken"):
                await projects.rename(session, other, name)
            assert (await projects.get(session, other.id)).name == "other"


async def test_releases_are_found_by_number_and_builds_by_page(
    database: Database, project: Project, deploys: Deploys
) -> None:
    for _ in range(3):
        await deploys.live(project)
    async with database.read() as session:
        assert [each.release for each in await releases.numbered(session, project.id, 2)] == [3, 2]
        second = await releases.by_release(session, project.id, 2)
        assert second is not None
        older = await releases.of_project(session, project.id, 10, before=second.id)
        assert [each.release for each in older] == [1]
        assert await releases.with_image(session, project.id) == [3, 2, 1]
        assert (await releases.every_live(session))[project.id].release == 3
        assert len(await releases.ids(session, project.id)) == 3
