"""Deployments move along the states of the design, one at a time in a project."""

import asyncio
import dataclasses
import datetime as dt
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from deployzero.errors import ConflictError, NotFoundError
from deployzero.models.deployment import TRANSITIONS, Deployment, Project, State, User
from deployzero.models.release import Kind
from deployzero.store import containers, deployments, projects, releases
from deployzero.store.database import Database

NewProject = Callable[[str], Awaitable[Project]]
Deploys = Any  # made in conftest
Sealed = Callable[..., Awaitable[Deployment]]


@pytest.fixture
def sealed(database: Database, project: Project, deploys: Deploys, user: User) -> Sealed:
    """Make a deployment that has all that a row may have, in this state."""

    async def make(state: State, kind: Kind = Kind.PUSH) -> Deployment:
        async with database.begin() as session:
            made = await deployments.create(
                session, project.id, user.id, "main", "a" * 40, kind=kind, change="sealed"
            )
            assert await deployments.claim_next(session) is not None
            made = await deployments.set_plan(
                session, made.id, kind=kind, branch="main", commit="a" * 40, image="image",
                config={"type": "python"}, variables="sealed",
            )  # fmt: skip
        if state is State.LIVE:
            await deploys.move(made, State.DEPLOYING)
            return await deploys.commit(made)
        return made

    return make


async def put(database: Database, deployment: Deployment, state: State) -> None:
    """Set a state whatever was before, as no code of ours can."""
    async with database.begin() as session:
        await session.execute(
            text("UPDATE deployments SET state = :state WHERE id = :id"),
            {"state": state.value, "id": deployment.id},
        )


async def test_a_created_deployment_is_told_in_full(
    database: Database, project: Project, user: User
) -> None:
    async with database.begin() as session:
        made = await deployments.create(
            session,
            project.id,
            user.id,
            branch="main",
            commit="b" * 40,
            old_commit="a" * 40,
            forced=True,
            message="Say hello",
            timings={"receive": 0.1},
        )
    async with database.read() as session:
        read = await deployments.get(session, made.id)
    assert read == made
    age = dt.datetime.now(dt.UTC) - read.created_at
    assert dt.timedelta(0) <= age < dt.timedelta(minutes=1)
    assert dataclasses.replace(read, created_at=dt.datetime.min) == Deployment(
        id=made.id,
        project_id=project.id,
        app="hello",
        user_id=user.id,
        user_name="ada",
        state=State.CREATED,
        branch="main",
        commit="b" * 40,
        old_commit="a" * 40,
        forced=True,
        message="Say hello",
        release=None,
        image=None,
        config=None,
        reason="",
        timings={"receive": 0.1},
        created_at=dt.datetime.min,
        finished_at=None,
    )


async def test_an_unknown_deployment_is_not_found(database: Database) -> None:
    async with database.read() as session:
        with pytest.raises(NotFoundError):
            await deployments.get(session, 1)


async def test_only_the_moves_of_the_design_are_made(
    database: Database, project: Project, deploys: Deploys
) -> None:
    deployment = await deploys.create(project)
    for before, to in itertools.product(State, set(State) - {State.LIVE}):
        await put(database, deployment, before)
        if to in TRANSITIONS[before]:
            assert (await deploys.move(deployment, to)).state == to
            continue
        with pytest.raises(ConflictError, match=f"is {before} and cannot become {to}"):
            await deploys.move(deployment, to)
        async with database.read() as session:
            assert (await deployments.get(session, deployment.id)).state == before


async def test_only_what_is_deploying_goes_live_and_else_nothing_changes(
    database: Database, project: Project, deploys: Deploys
) -> None:
    old = await deploys.live(project)
    new = await deploys.create(project)
    with pytest.raises(ConflictError, match="is live"):
        await deploys.commit(old)
    for before in set(State) - {State.LIVE, State.DEPLOYING}:
        await put(database, new, before)
        with pytest.raises(ConflictError, match=f"is {before}"):
            await deploys.commit(new)
        async with database.read() as session:
            assert await deployments.live(session, project.id) == old


async def test_a_transition_to_live_is_a_mistake_of_ours(
    project: Project, deploys: Deploys
) -> None:
    deployment = await deploys.create(project)
    with pytest.raises(ValueError, match="commit_live"):
        await deploys.move(deployment, State.LIVE)


async def test_an_error_is_kept_with_its_reason_and_time(
    project: Project, deploys: Deploys
) -> None:
    deployment = await deploys.create(project)
    ended = await deploys.move(deployment, State.ERROR, reason="the build failed")
    assert ended.reason == "the build failed"
    assert ended.finished_at is not None
    assert ended.finished_at >= ended.created_at


async def test_the_commit_point_numbers_the_release_and_retires_the_old(
    database: Database, project: Project, deploys: Deploys
) -> None:
    first = await deploys.live(project)
    failed = await deploys.create(project)
    await deploys.move(failed, State.ERROR)
    second = await deploys.live(project)
    assert (first.release, second.release) == (1, 2)
    assert second.state is State.LIVE
    assert second.timings == {"total": 0.9}
    assert second.finished_at is not None
    async with database.read() as session:
        assert (await deployments.get(session, first.id)).state is State.RETIRED
        assert await deployments.live(session, project.id) == second


async def test_the_tables_themselves_allow_one_live_and_one_under_way(
    database: Database, project: Project, deploys: Deploys
) -> None:
    await deploys.live(project)
    one, two = await deploys.create(project), await deploys.create(project)
    with pytest.raises(IntegrityError):
        await put(database, two, State.LIVE)
    await put(database, one, State.BUILDING)
    with pytest.raises(IntegrityError):
        await put(database, two, State.DEPLOYING)


async def test_a_project_deploys_one_at_a_time_in_the_order_of_pushes(
    database: Database, project: Project, deploys: Deploys, new_project: NewProject
) -> None:
    first, second = await deploys.create(project), await deploys.create(project)
    other = await deploys.create(await new_project("other"))
    claimed = [await deploys.claim() for _ in range(3)]
    assert [c and c.id for c in claimed] == [first.id, other.id, None]
    assert claimed[0].state is State.BUILDING
    assert claimed[0].started_at is not None
    async with database.read() as session:
        waits_for = await deployments.ahead_of(session, second)
        assert [(d.id, d.user_name) for d in waits_for] == [(first.id, "ada")]
        unfinished = await deployments.unfinished(session)
        assert [d.id for d in unfinished] == [first.id, second.id, other.id]
    await deploys.move(first, State.ERROR)
    assert (await deploys.claim()).id == second.id
    async with database.read() as session:
        assert await deployments.ahead_of(session, second) == []


async def test_many_workers_claim_each_deployment_once_and_none_twice_in_a_project(
    url: str, database: Database, deploys: Deploys, new_project: NewProject
) -> None:
    apps = [await new_project(f"app{number}") for number in range(4)]
    queued = [(await deploys.create(app)).id for _ in range(3) for app in apps]
    workers = [Database(url) for _ in range(2)]
    under_way: set[int] = set()
    done: list[int] = []

    async def work(through: Database) -> None:
        while len(done) < len(queued):
            async with through.begin() as session:
                claimed = await deployments.claim_next(session)
            if claimed is None:
                await asyncio.sleep(0.005)
                continue
            assert claimed.project_id not in under_way
            under_way.add(claimed.project_id)
            await asyncio.sleep(0)
            done.append(claimed.id)
            under_way.discard(claimed.project_id)
            async with through.begin() as session:
                await deployments.transition(session, claimed.id, State.ERROR)

    async with asyncio.timeout(30):
        await asyncio.gather(*(work(workers[number % 2]) for number in range(10)))
    assert sorted(done) == sorted(queued)
    for app in apps:
        of_app = [d for d in done if d in queued[app.id - apps[0].id :: len(apps)]]
        assert of_app == sorted(of_app)
    for worker in workers:
        await worker.close()


async def test_two_who_finish_the_same_deployment_do_it_once(
    url: str, project: Project, deploys: Deploys
) -> None:
    deployment = await deploys.create(project)
    await deploys.claim()
    await deploys.move(deployment, State.DEPLOYING)
    ends = await asyncio.gather(
        deploys.commit(deployment),
        deploys.move(deployment, State.CANCELLED),
        deploys.commit(deployment),
        return_exceptions=True,
    )
    assert sum(isinstance(end, ConflictError) for end in ends) == 2
    assert sum(isinstance(end, Deployment) for end in ends) == 1


async def test_releases_beyond_those_kept_are_named_once(
    database: Database, project: Project, deploys: Deploys
) -> None:
    first = await deploys.live(project, image="image1")
    for number in range(2, 6):
        await deploys.live(project, image=f"image{number}")
    rollback = await deploys.live(project, image="image2")  # v6 runs what v2 ran
    assert rollback.release == 6

    async def beyond(keep: int) -> list[int | None]:
        async with database.read() as session:
            found = await deployments.retired_beyond(session, project.id, keep)
        return [deployment.release for deployment in found]

    assert await beyond(6) == []
    assert await beyond(3) == [1, 3]  # not v2: v6 needs its image
    async with database.begin() as session:
        await deployments.forget_image(session, first.id)
    assert await beyond(3) == [3]


async def test_a_row_of_config_changes_leaves_the_earlier_code(
    database: Database, project: Project, deploys: Deploys
) -> None:
    for image in ("image1", "image2", "image3"):
        await deploys.live(project, image=image)
    for _ in range(5):
        await deploys.live(project, image="image3", kind=Kind.CONFIG)
    async with database.read() as session:
        assert await deployments.retired_beyond(session, project.id, 3) == []
        (beyond,) = await deployments.retired_beyond(session, project.id, 2)
    assert beyond.image == "image1"


async def test_restarts_and_scalings_keep_the_number_and_changes_get_the_next(
    project: Project, deploys: Deploys
) -> None:
    kinds = [Kind.PUSH, Kind.RESTART, Kind.SCALE, Kind.CONFIG, Kind.RESTART, Kind.ROLLBACK]
    made = [(await deploys.live(project, kind=kind)).release for kind in kinds]
    assert made == [1, 1, 1, 2, 2, 3]


async def test_a_row_of_restarts_leaves_the_image_of_the_release_before(
    database: Database, project: Project, deploys: Deploys
) -> None:
    await deploys.live(project, image="image1")
    await deploys.live(project, image="image2")
    for _ in range(12):
        await deploys.live(project, image="image2", kind=Kind.RESTART)
    async with database.read() as session:
        assert await deployments.retired_beyond(session, project.id, 2) == []
    await deploys.live(project, image="image3")
    async with database.read() as session:
        beyond = await deployments.retired_beyond(session, project.id, 2)
        assert {each.image for each in beyond} == {"image1"}
        beyond = await deployments.retired_beyond(session, project.id, 1)
    assert {each.image for each in beyond} == {"image1", "image2"}
    assert len(beyond) == 14


async def test_an_image_that_a_deployment_under_way_runs_is_needed(
    database: Database, project: Project, deploys: Deploys
) -> None:
    first = await deploys.live(project, image="image1")
    for number in range(2, 5):
        await deploys.live(project, image=f"image{number}")
    rollback = await deploys.create(project, kind=Kind.ROLLBACK)
    async with database.begin() as session:
        await deployments.set_plan(
            session, rollback.id, kind=Kind.ROLLBACK, branch="main", commit="a" * 40,
            image=first.image, config=None, variables="",
        )  # fmt: skip
    async with database.read() as session:
        beyond = await deployments.retired_beyond(session, project.id, 2)
    assert {each.image for each in beyond} == {"image2"}


async def test_a_rollback_goes_to_the_release_before_or_to_the_one_asked_for(
    database: Database, project: Project, deploys: Deploys
) -> None:
    for number in (1, 2):
        await deploys.live(project, image=f"image{number}")
    await deploys.live(project, image="image2", kind=Kind.RESTART)
    live = await deploys.live(project, image="image2", kind=Kind.SCALE)

    async def target(release: int | None) -> tuple[int | None, Kind] | None:
        async with database.read() as session:
            found = await deployments.rollback_target(session, live, release)
        return found and (found.release, found.kind)

    assert await target(None) == (1, Kind.PUSH)
    assert await target(2) == (2, Kind.PUSH)
    assert await target(7) is None


async def test_containers_are_handed_over_and_those_of_a_stopped_app_are_not_to_run(
    database: Database, project: Project, deploys: Deploys
) -> None:
    old = await deploys.live(project)
    async with database.begin() as session:
        made = [
            await containers.add(session, old.id, "web", index, f"web{index}", f"10.0.0.{index}", 1)
            for index in (1, 2)
        ]
    new = await deploys.live(project, kind=Kind.SCALE)
    async with database.begin() as session:
        await containers.hand_over(session, [made[0].id], new.id)
    async with database.read() as session:
        assert [row.name for row in await containers.of_deployment(session, new.id)] == ["web1"]
        assert [row.name for row in await containers.of_live_releases(session)] == ["web1"]
        assert await containers.get_live(session, made[1].id) is None
    async with database.begin() as session:
        await projects.set_stopped(session, project.id)
    async with database.read() as session:
        assert await containers.of_live_releases(session) == []
        assert await containers.get_live(session, made[0].id) is None


async def test_lists_carry_nothing_sealed_and_nothing_large(
    database: Database, project: Project, deploys: Deploys, sealed: Sealed
) -> None:
    live = await sealed(State.LIVE)
    await sealed(State.BUILDING)
    async with database.read() as session:
        lists = [
            await deployments.unfinished(session),
            await deployments.unfinished_of(session, project.id),
            await releases.of_project(session, project.id, 10),
            await releases.numbered(session, project.id, 10),
        ]
        whole = await deployments.get(session, live.id)
        same = await releases.by_release(session, project.id, 1)
        assert await deployments.live(session, project.id) == whole == same
    for each in itertools.chain(*lists):
        assert (each.config, each.change, each.variables) == (None, None, None)
    assert (whole.config, whole.variables) == ({"type": "python"}, "sealed")


@pytest.mark.parametrize("to", [State.ERROR, State.CANCELLED])
async def test_what_fails_keeps_no_change(deploys: Deploys, sealed: Sealed, to: State) -> None:
    deployment = await sealed(State.BUILDING)
    assert deployment.change == "sealed"
    assert (await deploys.move(deployment, to)).change is None


async def test_variables_are_forgotten_once_nothing_starts_with_them_again(
    database: Database, project: Project, deploys: Deploys, sealed: Sealed
) -> None:
    gone, kept = await sealed(State.LIVE), await sealed(State.LIVE)
    restart = await sealed(State.LIVE, Kind.RESTART)
    live = await sealed(State.LIVE)
    failed, with_container, of_a_run = [
        await deploys.move(await sealed(State.BUILDING), State.ERROR) for _ in range(3)
    ]
    under_way = await sealed(State.BUILDING)
    async with database.begin() as session:
        await deployments.forget_image(session, gone.id)
        await containers.add(session, with_container.id, "web", 1, "c", "10.0.0.9", 80, "down")
        await deployments.forget_variables(session, project.id, {of_a_run.id})
    async with database.read() as session:
        for each in (gone, restart, failed):
            assert (await deployments.get(session, each.id)).variables is None
        for each in (kept, live, with_container, of_a_run, under_way):
            assert (await deployments.get(session, each.id)).variables == "sealed"
