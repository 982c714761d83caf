"""What an API key's scope lets through, of every operation: a new one must stand in a table here.

The user is an admin, so that nothing but the key's scope and its app can refuse."""

import asyncio
import importlib
import inspect
import io
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from deployzero import operations
from deployzero.deploy.platform import Platform
from deployzero.errors import ConflictError, DeployZeroException, ForbiddenError, NotFoundError
from deployzero.models.access import Role, Scope
from deployzero.models.deployment import Project, Push, User
from deployzero.models.release import Kind, Limits
from deployzero.operations import (
    access,
    accounts,
    api_keys,
    apps,
    archives,
    backup,
    builds,
    changes,
    checks,
    cleanup,
    cli_logins,
    config,
    domains,
    events,
    git,
    invitations,
    keys,
    logs,
    metrics,
    people,
    processes,
    pushes,
    releases,
    report,
    runs,
)
from deployzero.store import deployments, users
from deployzero.store.tables import Base, DeploymentRow, ProjectRow

API = Any
Call = Callable[[Platform, User, str], Any]
"""(platform, user, app)"""


GONE = re.compile("^there is no (app|deployment) |^hello is gone")


class Output(io.BytesIO):
    async def drain(self) -> None:
        await asyncio.sleep(0)


async def nothing(_: int) -> bytes:
    return b""


async def push(platform: Platform, user: User, app: str) -> None:
    sent = Push(app, user, "main", None, "a" * 40, False, "change", "", 0.0)
    await pushes.start_deployment(platform, sent)


async def queue(platform: Platform, user: User, app: str) -> None:
    sent = Push(app, user, "main", None, "a" * 40, False, "change", "", 0.0)
    await pushes.queue_deployment(platform, sent)


async def found(target: Any) -> None:
    """What a push asks: None stands for an app that is not there."""
    if await target is None:
        raise NotFoundError("there is no app of that name")


def deployment(call: Callable[[Platform, User, int], Any]) -> Call:
    """For operations that name a deployment: the first one of the app."""

    async def of_app(platform: Platform, user: User, app: str) -> None:
        query = sa.select(DeploymentRow.id).join(ProjectRow).where(ProjectRow.name == app)
        async with platform.database.read() as session:
            first = await session.scalar(query)
        await call(platform, user, first or 0)

    return of_app


def add(platform: Platform, user: User, name: str) -> Any:
    async def work() -> None:
        async with platform.database.begin() as session:
            await apps.add(platform, session, user, name)

    return work()


LIMITS = Limits(memory="64m")
OF_APP: dict[Scope, dict[str, Call]] = {
    Scope.READ: {
        "access.shares": access.shares,
        "apps.app_info": apps.app_info,
        "apps.find": apps.find,
        "apps.name_of": apps.name_of,
        "builds.find": lambda p, u, a: builds.find(p, u, a, None),
        "builds.list_builds": lambda p, u, a: builds.list_builds(p, u, a, 10),
        "builds.output": lambda p, u, a: builds.output(p, u, a, None),
        "changes.find": deployment(changes.find),
        "checks.report": checks.report,
        "checks.run": checks.run,
        "config.keys": config.keys,
        "config.show": config.show,
        "domains.report": domains.report,
        "events.list_events": events.list_events,
        "events.follow_events": events.follow_events,
        "git.status": git.status,
        "logs.failed": logs.failed,
        "logs.check": lambda p, u, a: logs.check(p, u, a, None),
        "logs.follow": lambda p, u, a: logs.follow(p, u, a, 10),
        "logs.recent": lambda p, u, a: logs.recent(p, u, a, 10),
        "processes.limits": processes.limits,
        "processes.report": processes.report,
        "processes.usage": processes.usage,
        "releases.list_releases": lambda p, u, a: releases.list_releases(p, u, a, 10),
        "releases.release_info": lambda p, u, a: releases.release_info(p, u, a, 1),
        "report.report_app": report.report_app,
    },
    Scope.DEPLOY: {
        "apps.lock": apps.lock,
        "apps.unlock": apps.unlock,
        "archives.deploy_archive": lambda p, u, a: archives.deploy_archive(p, u, a, nothing),
        "builds.cancel": lambda p, u, a: builds.cancel(p, u, a, None),
        "changes.cancel": deployment(changes.cancel),
        "changes.check_new": lambda p, u, a: changes.check_new(p, u, a, "key", Kind.RESTART),
        "changes.start_change": lambda p, u, a: changes.start_change(p, u, a, Kind.RESTART),
        "checks.change": lambda p, u, a: checks.change(p, u, a, {"path": "/up"}),
        "checks.clear": checks.clear,
        "checks.disable": checks.disable,
        "checks.enable": checks.enable,
        "config.clear_variables": config.clear_variables,
        "config.set_variables": lambda p, u, a: config.set_variables(p, u, a, {"A": "1"}),
        "config.unset_variables": lambda p, u, a: config.unset_variables(p, u, a, ["A"]),
        "domains.add": lambda p, u, a: domains.add(p, u, a, [f"{a}.org"]),
        "domains.clear": domains.clear,
        "domains.remove": lambda p, u, a: domains.remove(p, u, a, [f"{a}.org"]),
        "domains.replace": lambda p, u, a: domains.replace(p, u, a, [f"{a}.org"]),
        "git.set_deploy_branch": lambda p, u, a: git.set_deploy_branch(p, u, a, "next"),
        "processes.formation_of": processes.formation_of,
        "processes.inspect": processes.inspect,
        "processes.rebuild": processes.rebuild,
        "processes.restart": processes.restart,
        "processes.scale": lambda p, u, a: processes.scale(p, u, a, {"web": 2}),
        "processes.set_limits": lambda p, u, a: processes.set_limits(p, u, a, "", LIMITS),
        "processes.start": processes.start,
        "processes.stop": processes.stop,
        "pushes.create_app settles": lambda p, u, a: pushes.create_app(p, u, a, "main"),
        "pushes.find_app": lambda p, u, a: found(pushes.find_app(p, u, a)),
        "pushes.find_source": lambda p, u, a: found(pushes.find_source(p, u, a)),
        "pushes.queue_deployment": queue,
        "pushes.start_deployment": push,
        "releases.rollback": lambda p, u, a: releases.rollback(p, u, a, None),
        "runs.check": runs.check,
        "runs.entering": lambda p, u, a: runs.entering(p, u, a, [], None),
        "runs.list_runs": runs.list_runs,
        "runs.run_detached": lambda p, u, a: runs.run_detached(p, u, a, ["ls"]),
        "runs.running": lambda p, u, a: runs.running(p, u, a, ["ls"], None),
        "runs.stop_run": lambda p, u, a: runs.stop_run(p, u, a, "run.1"),
    },
    Scope.ADMIN: {
        "access.share": lambda p, u, a: access.share(p, u, a, "ada", Role.VIEWER),
        "access.transfer": lambda p, u, a: access.transfer(p, u, a, "ada"),
        "access.unshare": lambda p, u, a: access.unshare(p, u, a, "ada"),
        "apps.check_destroy": apps.check_destroy,
        "apps.rename_app": lambda p, u, a: apps.rename_app(p, u, a, f"{a}-new"),
        "config.export": config.export,
        "config.show reveals": lambda p, u, a: config.show(p, u, a, reveal=True),
        "config.value": lambda p, u, a: config.value(p, u, a, "A"),
        "apps.destroy_app": apps.destroy_app,  # the last one, with an app
    },
}
"""By the scope that a key needs. An app's own key does them with its app, and with no other."""
ABOUT_PEOPLE = {"access.share", "access.transfer", "access.unshare"}
"""They tell who is a user here, which no app's key is to learn."""
OF_SERVER: dict[Scope, dict[str, Call]] = {
    Scope.READ: {
        "keys.list_keys": lambda p, u, a: keys.list_keys(p, u),
        "metrics.scrape": lambda p, u, a: metrics.scrape(p, u),
    },
    Scope.DEPLOY: {
        "apps.add": lambda p, u, a: add(p, u, "new1"),
        "apps.create": lambda p, u, a: apps.create(p, u, "new2"),
        "pushes.create_app": lambda p, u, a: pushes.create_app(p, u, "new3", "main"),
    },
    Scope.ADMIN: {
        "accounts.change_password": lambda p, u, a: accounts.change_password(
            p, u, None, "correct horse battery", address="10.0.0.1"
        ),
        "api_keys.create": lambda p, u, a: api_keys.create(p, u, "ci", Scope.READ),
        "api_keys.list_keys": lambda p, u, a: api_keys.list_keys(p, u),
        "api_keys.remove": lambda p, u, a: api_keys.remove(p, u, 9999),
        "backup.backup": lambda p, u, a: backup.backup(p, u, Output()),
        "cleanup.cleanup": lambda p, u, a: cleanup.cleanup(p, u),
        "cleanup.cleanup dry": lambda p, u, a: cleanup.cleanup(p, u, dry_run=True),
        "cli_logins.decide": lambda p, u, a: cli_logins.decide(p, u, "BCDF-GHJK", True),
        "cli_logins.find": lambda p, u, a: cli_logins.find(p, u, "BCDF-GHJK"),
        "config.clear_variables": lambda p, u, a: config.clear_variables(p, u, None),
        "config.export": lambda p, u, a: config.export(p, u, None),
        "config.keys": lambda p, u, a: config.keys(p, u, None),
        "config.set_variables": lambda p, u, a: config.set_variables(p, u, None, {"A": "1"}),
        "config.show": lambda p, u, a: config.show(p, u, None),
        "config.unset_variables": lambda p, u, a: config.unset_variables(p, u, None, ["A"]),
        "config.value": lambda p, u, a: config.value(p, u, None, "A"),
        "invitations.invite": lambda p, u, a: invitations.invite(p, u, "carl"),
        "invitations.invite oneself": lambda p, u, a: invitations.invite(p, u),
        "invitations.list_invitations": lambda p, u, a: invitations.list_invitations(p, u),
        "invitations.remove": lambda p, u, a: invitations.remove(p, u, 9999),
        "keys.add_keys": lambda p, u, a: keys.add_keys(p, u, "junk"),
        "keys.add_keys for another": lambda p, u, a: keys.add_keys(p, u, "junk", "ada"),
        "keys.list_keys of another": lambda p, u, a: keys.list_keys(p, u, "ada"),
        "keys.remove_by_id": lambda p, u, a: keys.remove_by_id(p, u, 9999),
        "keys.remove_key": lambda p, u, a: keys.remove_key(p, u, "laptop"),
        "people.add_user": lambda p, u, a: people.add_user(p, u, "bob"),
        "people.find_user": lambda p, u, a: people.find_user(p, u, "ada"),
        "people.list_users": lambda p, u, a: people.list_users(p, u),
        "people.remove_user": lambda p, u, a: people.remove_user(p, u, "carl"),
        "people.set_role": lambda p, u, a: people.set_role(p, u, "ada", users.MEMBER),
        "report.report_server": lambda p, u, a: report.report_server(p, u),
    },
}
"""The same for what is about no app: no app's key does any of it."""
NOT_ASKED = {
    "access.hold": "a check itself",
    "access.no_such_app": "a check itself",
    "access.require": "a check itself",
    "access.require_admin": "a check itself",
    "access.require_scope": "a check itself",
    "access.role_with": "a check itself",
    "access.still_may": "a check itself",
    "access.visible": "a check itself",
    "access.visible_project": "a check itself",
    "accounts.account": "tells a key about itself",
    "accounts.credentials": "part of signing in",
    "accounts.logout": "ends a key itself",
    "accounts.refresh": "replaces a key by one of the same scope and app",
    "accounts.start_session": "part of signing in",
    "accounts.set_password": "part of signing in, and of registering",
    "api_keys.issue": "part of signing in, and of create",
    "api_keys.still_signed_in": "a check itself",
    "apps.list_apps": "tested below",
    "changes.queue_change": "part of start_change",
    "events.recorded": "surrounds an operation",
    "guard.guarded": "surrounds an operation",
    "guard.streaming": "surrounds an operation",
    "guard.why_not": "a check itself",
    "people.was_taken": "a check itself",
    "throttle.throttled_codes": "surrounds an operation",
}
"""Why these need no row above."""


def public_operations() -> Iterator[str]:
    """Those that are given a user."""
    for module in pkgutil.iter_modules(operations.__path__):
        loaded = importlib.import_module(f"deployzero.operations.{module.name}")
        for name, function in vars(loaded).items():
            own = getattr(function, "__module__", "") == loaded.__name__
            if own and inspect.isfunction(function) and not name.startswith("_"):
                parameters = inspect.signature(function, eval_str=True).parameters.values()
                if any(each.annotation in (User, Push) for each in parameters):
                    yield f"{module.name}.{name}"


def rows(*tables: dict[Scope, dict[str, Call]]) -> Iterator[tuple[Scope, str, Call]]:
    for table in tables:
        for scope, calls in table.items():
            for name, call in calls.items():
                yield scope, name, call


def test_every_operation_stands_in_a_table() -> None:
    listed = {name.split()[0] for _, name, _ in rows(OF_APP, OF_SERVER)} | set(NOT_ASKED)
    there = set(public_operations())
    assert there - listed == set(), "say which scope it needs, here"
    assert listed - there == set(), "it is gone, or is given no user"


class Place:
    """An app, another app, and keys of an admin."""

    def __init__(self, api: API, root: User, app: Project, other: Project) -> None:
        self.platform: Platform = api.platform
        self.root, self.app, self.other = root, app, other

    def key(self, scope: Scope, project: Project | None = None) -> User:
        return replace(self.root, scope=scope, only_project=project.id if project else None)

    async def tried(self, call: Call, user: User, app: str) -> DeployZeroException | None:
        """How it ended: what goes on without an end counts as let in."""
        try:
            async with asyncio.timeout(2):
                begun = call(self.platform, user, app)
                if inspect.isasyncgen(begun):
                    await asyncio.wait_for(anext(begun, None), 1.0)
                elif hasattr(begun, "__aenter__"):
                    async with begun:
                        pass
                else:
                    await begun
        except DeployZeroException as error:
            return error
        except TimeoutError:
            pass
        return None

    async def dump(self) -> dict[str, Any]:
        """Every row of every table but the audit log."""
        async with self.platform.database.read() as session:
            return {
                table.name: sorted(map(repr, (await session.execute(sa.select(table))).all()))
                for table in Base.metadata.sorted_tables
                if table.name != "events"
            }


@pytest_asyncio.fixture(loop_scope="session")
async def place(api: API, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(changes, "CANCEL_LIMIT", 0.1)
    await api.person("ada")
    async with api.platform.database.read() as session:
        root = await users.by_name(session, "root")
    assert root is not None
    made = Place(api, root, await api.app("hello", root), await api.app("other", root))
    async with api.platform.database.begin() as session:
        for project in (made.app, made.other):
            await deployments.create(session, project.id, root.id, "main", "a" * 40)
    return made


def denied(error: DeployZeroException | None) -> bool:
    said = error.message if isinstance(error, NotFoundError | ConflictError) else ""
    return isinstance(error, ForbiddenError) or bool(GONE.search(said))


async def test_a_smaller_scope_is_refused_and_changes_nothing(place: Place) -> None:
    faults, before = [], await place.dump()
    for needed, name, call in rows(OF_APP, OF_SERVER):
        for scope in [each for each in Scope if each.most < needed.most]:
            error = await place.tried(call, place.key(scope), "hello")
            says = f"this API key's scope is {scope}: this needs {needed}"
            if not isinstance(error, ForbiddenError) or error.message != says:
                faults.append(f"{name} with {scope}: {error!r}")
    assert faults == []
    assert await place.dump() == before


async def test_another_apps_key_sees_and_touches_nothing_of_it(place: Place) -> None:
    faults, before = [], await place.dump()
    for _, name, call in rows(OF_APP):
        error = await place.tried(call, place.key(Scope.ADMIN, place.other), "hello")
        if not denied(error):
            faults.append(f"{name}: {error!r}")
    assert faults == []
    assert await place.dump() == before


async def test_an_apps_key_does_nothing_that_is_about_no_app(place: Place) -> None:
    faults, before = [], await place.dump()
    about_people = {name: OF_APP[Scope.ADMIN][name] for name in ABOUT_PEOPLE}
    for _, name, call in rows(OF_SERVER, {Scope.ADMIN: about_people}):
        error = await place.tried(call, place.key(Scope.ADMIN, place.app), "hello")
        if error is None or error.message != "this API key is for one app alone":
            faults.append(f"{name}: {error!r}")
    assert faults == []
    assert await place.dump() == before


async def test_the_scope_that_it_needs_lets_it_through(place: Place) -> None:
    faults, before = [], await place.dump()
    for scope in Scope:
        for needed, name, call in rows(OF_APP, OF_SERVER):
            if needed is scope:
                error = await place.tried(call, place.key(scope), "hello")
                if denied(error):
                    faults.append(f"{name}: {error!r}")
        if scope is Scope.READ:
            assert await place.dump() == before
    assert faults == []


async def test_an_apps_own_key_does_all_with_its_app(place: Place) -> None:
    faults = []
    for scope, name, call in rows(OF_APP):
        if name in ABOUT_PEOPLE:
            continue
        error = await place.tried(call, place.key(scope, place.app), "hello")
        if denied(error):
            faults.append(f"{name}: {error!r}")
    assert faults == []


async def test_an_apps_key_lists_that_app_and_its_events_alone(api: API, place: Place) -> None:
    for app in ("hello", "other", ""):
        async with events.recorded(api.platform, place.root, action="test", app=app):
            pass
    key = place.key(Scope.ADMIN, place.app)
    assert [each.project.name for each in await apps.list_apps(api.platform, key)] == ["hello"]
    assert {each.app for each in await events.list_events(api.platform, key)} == {"hello"}
    following = events.follow_events(api.platform, key)
    assert (await anext(following)).app == "hello"
    coming = asyncio.ensure_future(anext(following))
    for app in ("other", "hello"):
        async with events.recorded(api.platform, place.root, action=f"later {app}", app=app):
            pass
    assert (await asyncio.wait_for(coming, 5)).action == "later hello"
    await following.aclose()  # type: ignore[attr-defined]


async def test_a_small_role_is_named_before_a_small_scope(api: API, place: Place) -> None:
    """A larger key would not help."""
    bob = await api.person("bob")
    app = await api.app("shared", place.root, bob=Role.VIEWER)
    with pytest.raises(ForbiddenError, match="you are a viewer of shared") as refused:
        await apps.lock(api.platform, replace(bob, scope=Scope.READ), app.name)
    assert "access:add shared bob" in refused.value.hint
    with pytest.raises(NotFoundError, match="there is no app hello"):
        await apps.lock(api.platform, replace(bob, scope=Scope.READ), "hello")
