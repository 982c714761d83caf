"""Users who come and go, what they may do, and the audit log, on both databases."""

import asyncio
import datetime as dt

from sqlalchemy import update

from deployzero.models.access import Role
from deployzero.models.deployment import Project, User
from deployzero.store import access, events, keys, projects, users
from deployzero.store.database import Database, is_sqlite
from deployzero.store.tables import EventRow, now


async def record(database: Database, app: str, user: str = "ada") -> None:
    async with database.begin() as session:
        project = await projects.by_name(session, app)
        await events.add(
            session, user=user, key_fingerprint="SHA256:x", action="ps:scale", app=app,
            project_id=project.id if project else None, detail="web=2", result="ok",
        )  # fmt: skip


async def test_who_was_removed_is_nobody_until_revived(
    database: Database, user: User, project: Project
) -> None:
    async with database.begin() as session:
        bob = await users.create(session, "bob", users.ADMIN, api_key="b" * 64)
        await keys.add(session, bob.id, "laptop", "ssh-ed25519 AAAA", "SHA256:bob")
        await access.give(session, project.id, bob.id, Role.VIEWER)
        assert [each.name for each in await users.locked_admins(session)] == ["ada", "bob"]
        await users.remove(session, bob.id)
    async with database.begin() as session:
        assert await users.by_name(session, "bob") is None
        assert await users.by_key_fingerprint(session, "SHA256:bob") is None
        assert [each.name for each in await users.every(session)] == ["ada"]
        assert [each.name for each in await users.locked_admins(session)] == ["ada"]
        assert await users.revive(session, "nobody", users.MEMBER) is None
        back = await users.revive(session, "bob", users.MEMBER)
        assert back == User(bob.id, "bob", users.MEMBER)
        assert await users.revive(session, "bob", users.ADMIN) is None, "they are back"
        assert await keys.of_user(session, bob.id) == []
        assert await access.role_of(session, project.id, bob.id) is None


async def test_nothing_is_given_to_somebody_while_they_are_removed(
    database: Database, user: User, project: Project
) -> None:
    """Neither before it is seen that they are gone, nor to who comes back under the name."""
    async with database.begin() as session:
        bob = await users.create(session, "bob")

    async def give() -> bool:
        begun.set()
        async with database.begin() as session:
            if found := await users.hold(session, "bob"):
                await access.give(session, project.id, found.id, Role.OWNER)
        return found is not None

    begun = asyncio.Event()
    async with database.begin() as session:
        assert await users.hold(session, "bob", alone=True) == bob
        giving = asyncio.create_task(give())
        await begun.wait()
        assert not (await asyncio.wait({giving}, timeout=0.3))[0], "it waits"
        await users.remove(session, bob.id)
    assert not await giving
    async with database.begin() as session:
        await access.give(session, project.id, bob.id, Role.OWNER)  # by whatever way
        await users.revive(session, "bob", users.MEMBER)
        assert await access.role_of(session, project.id, bob.id) is None


async def test_two_may_give_somebody_something_at_once(database: Database, user: User) -> None:
    async with database.begin() as session:
        assert await users.hold(session, "ada") == user
        if not is_sqlite(database.url):  # which has one writer
            async with asyncio.timeout(5), database.begin() as other:
                assert await users.hold(other, "ada") == user


async def test_old_events_go_and_only_so_many_stay(database: Database) -> None:
    for _ in range(6):
        await record(database, "")
    async with database.begin() as session:
        first = (await events.latest(session, 6))[0].id
        await session.execute(
            update(EventRow).where(EventRow.id == first).values(at=now() - dt.timedelta(days=9))
        )
        week = now() - dt.timedelta(days=7)
        assert await events.beyond(session, week, 100, 10) == [first]
        assert await events.beyond(session, week, 2, 3) == [first, first + 1, first + 2]
        doomed = await events.beyond(session, week, 2, 10)
        await events.remove(session, doomed)
        assert await events.beyond(session, week, 2, 10) == []
        assert [event.id for event in await events.latest(session, 9)] == [first + 4, first + 5]


async def test_users_are_listed_with_keys_and_apps(
    database: Database, user: User, project: Project
) -> None:
    async with database.begin() as session:
        await keys.add(session, user.id, "one", "ssh-ed25519 AAAA", "SHA256:1")
        await keys.add(session, user.id, "two", "ssh-ed25519 AAAA", "SHA256:2")
        await users.create(session, "bob")
        listed = await users.every(session)
        found = await keys.by_fingerprint(session, "SHA256:2")
    assert [(each.name, each.keys, each.apps) for each in listed] == [("ada", 2, 1), ("bob", 0, 0)]
    assert found is not None
    assert (found[0].name, found[1]) == ("two", "ada")


async def test_a_role_given_again_replaces_the_old(
    database: Database, user: User, project: Project
) -> None:
    async with database.begin() as session:
        bob = await users.create(session, "bob")
        for role in (Role.VIEWER, Role.OWNER):
            await access.give(session, project.id, bob.id, role)
        assert await access.of_project(session, project.id) == [("bob", Role.OWNER)]
        assert await projects.owner_name(session, project) == "ada"
        await access.set_owner(session, project.id, bob.id)
        await access.take(session, project.id, bob.id)
        given = await projects.get(session, project.id)
        assert await projects.owner_name(session, given) == "bob"
        assert await access.of_project(session, project.id) == []


async def test_events_are_of_the_apps_that_one_may_see(database: Database, user: User) -> None:
    await record(database, "shared")  # of an app of that name that is no more
    async with database.begin() as session:
        bob = await users.create(session, "bob")
        shared = await projects.create(session, "shared", user.id)
        await projects.create(session, "own", bob.id)
        await projects.create(session, "other", user.id)
        await access.give(session, shared.id, bob.id, Role.VIEWER)
    for app in ("shared", "own", "other", "", "own"):
        await record(database, app)
    async with database.read() as session:
        every = await events.latest(session, 50)
        assert [event.app for event in every] == ["shared", "shared", "own", "other", "", "own"]
        bobs = await events.latest(session, 50, user_id=bob.id)
        assert [event.app for event in bobs] == ["shared", "own", "own"]
        assert [e.app for e in await events.latest(session, 2, user_id=bob.id)] == ["own", "own"]
        assert len(await events.latest(session, 50, app="shared", user_id=bob.id)) == 1
        assert len(await events.latest(session, 50, app="shared")) == 2
        later = await events.after(session, every[1].id, 2, user_id=bob.id)
        assert [event.app for event in later] == ["own", "own"]
        assert await events.last_id(session) == every[-1].id
        assert every[0].at.tzinfo is not None
