"""Who may ask what, of every route that there is. A route without a line in CASES fails."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio
import sqlalchemy as sa
from fastapi.routing import APIWebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from deployzero.api.app import make_app
from deployzero.api.routes import ROUTERS
from deployzero.models.access import Role, Scope
from deployzero.store import projects, users
from deployzero.store.tables import Base

Deployed = Callable[..., Awaitable[Any]]

PUBLIC = {
    "GET /healthz",
    "POST /auth/register",
    "POST /auth/login",
    "POST /auth/cli-logins",
    "POST /auth/cli-logins/poll",
}
"""They need no key, and tell nothing that needs one."""


@dataclass(frozen=True)
class Case:
    """A request, and the least that may make it."""

    request: str
    role: Role
    scope: Scope
    body: Any = None
    query: dict[str, Any] = field(default_factory=dict)
    app_key: bool = True
    """A key for one app alone may, if it is this one."""

    @property
    def of_app(self) -> bool:
        return "{project}" in self.request or "{deployment}" in self.request

    @property
    def method(self) -> str:
        return self.request.partition(" ")[0]


def viewer(request: str, **query: Any) -> Case:
    return Case(request, Role.VIEWER, Scope.READ, query=query)


def deployer(request: str, body: Any = None) -> Case:
    return Case(request, Role.DEPLOYER, Scope.DEPLOY, body)


def owner(request: str, body: Any = None, **query: Any) -> Case:
    return Case(request, Role.OWNER, Scope.ADMIN, body, query)


def people(request: str, body: Any = None) -> Case:
    """An app's key knows of no people."""
    return Case(request, Role.OWNER, Scope.ADMIN, body, app_key=False)


def member(request: str, scope: Scope, body: Any = None, app_key: bool = False) -> Case:
    return Case(request, Role.MEMBER, scope, body, app_key=app_key)


def admin(request: str, body: Any = None) -> Case:
    return Case(request, Role.ADMIN, Scope.ADMIN, body, app_key=False)


READ, DEPLOY, ALL = Scope.READ, Scope.DEPLOY, Scope.ADMIN
NAMES = {"names": ["www.example.com"]}
CASES = (
    # accounts and keys
    member("GET /auth/me", READ, app_key=True),
    member("POST /auth/refresh", READ, app_key=True),
    member("POST /auth/logout", READ, app_key=True),
    member("POST /auth/password", ALL, {"current": None, "new": "correct horse battery"}),
    member("GET /auth/keys", ALL),
    member("POST /auth/keys", ALL, {"name": "another"}),
    member("DELETE /auth/keys/{id}", ALL),
    member("GET /auth/ssh-keys", READ),
    member("POST /auth/ssh-keys", ALL, {"public_key": "ssh-ed25519 AAAA"}),
    member("DELETE /auth/ssh-keys/{id}", ALL),
    member("POST /invitations", ALL, {}),
    admin("POST /invitations", {"username": "newcomer"}),
    member("GET /invitations", ALL),
    member("DELETE /invitations/{id}", ALL),
    admin("GET /users"),
    admin("POST /users", {"username": "newcomer"}),
    admin("PATCH /users/{username}", {"role": "member"}),
    admin("DELETE /users/{username}"),
    # apps
    member("GET /projects", READ, app_key=True),
    member("POST /projects", DEPLOY, {"project_name": "new"}),
    viewer("GET /projects/{project}"),
    deployer("PATCH /projects/{project}", {"locked": True}),
    deployer("PATCH /projects/{project}", {"deploy_branch": "release"}),
    owner("PATCH /projects/{project}", {"project_name": "another"}),
    owner("DELETE /projects/{project}", confirm="{project}"),
    viewer("GET /projects/{project}/config"),
    owner("GET /projects/{project}/config", reveal=True),
    deployer("PATCH /projects/{project}/config", {"set": {"A": "1"}}),
    deployer("PATCH /projects/{project}/config", {"set": {"A": "1"}, "restart": False}),
    admin("GET /config"),
    admin("PATCH /config", {"set": {"A": "1"}}),
    viewer("GET /projects/{project}/domains"),
    deployer("POST /projects/{project}/domains", NAMES),
    deployer("PUT /projects/{project}/domains", {"names": []}),
    deployer("DELETE /projects/{project}/domains/{name}"),
    viewer("GET /projects/{project}/processes"),
    viewer("GET /projects/{project}/processes", usage=True),
    deployer("GET /projects/{project}/formation"),
    deployer("PATCH /projects/{project}/formation", {"web": 2}),
    viewer("GET /projects/{project}/limits"),
    deployer("PATCH /projects/{project}/limits", {"cpus": 0.5}),
    *(
        deployer(f"POST /projects/{{project}}/{verb}")
        for verb in ("restart", "rebuild", "start", "stop", "rollback")
    ),
    viewer("GET /projects/{project}/releases"),
    viewer("GET /projects/{project}/releases/{release}"),
    viewer("GET /projects/{project}/access"),
    people("PUT /projects/{project}/access/{username}", {"role": "viewer"}),
    people("DELETE /projects/{project}/access/{username}"),
    people("POST /projects/{project}/transfer", {"username": "spare"}),
    member("GET /events", READ, app_key=True),
    viewer("GET /projects/{project}/events"),
    viewer("GET /projects/{project}/checks"),
    deployer("PATCH /projects/{project}/checks", {"path": "/up"}),
    deployer("PATCH /projects/{project}/checks", {"disabled": True}),
    deployer("DELETE /projects/{project}/checks"),
    viewer("POST /projects/{project}/checks/run"),
    deployer("GET /projects/{project}/runs"),
    deployer("POST /projects/{project}/runs", {"command": ["true"]}),
    deployer("DELETE /projects/{project}/runs/{name}"),
    deployer("WS /projects/{project}/run"),
    deployer("WS /projects/{project}/enter"),
    # deployments and logs
    deployer("POST /projects/{project}/deployments"),
    viewer("GET /projects/{project}/deployments"),
    viewer("GET /deployments/{deployment}"),
    deployer("POST /deployments/{deployment}/cancel"),
    viewer("GET /deployments/{deployment}/logs"),
    viewer("GET /deployments/{deployment}/logs", follow=True),
    viewer("WS /deployments/{deployment}/logs"),
    viewer("WS /deployments/{deployment}/logs/stream"),
    viewer("GET /projects/{project}/logs"),
    # the server
    admin("GET /report"),
    Case("GET /metrics", Role.ADMIN, READ, app_key=False),
)
BY_ROLE = {Role.VIEWER: "vic", Role.DEPLOYER: "dan", Role.OWNER: "olga"}
"""Beside ana, who owns every app; sam has no part in any, and root is the admin."""
LOWER = {Scope.DEPLOY: Scope.READ, Scope.ADMIN: Scope.DEPLOY}
FORBIDDEN = 403
NO_SUCH = ("there is no app", "there is no deployment")


@dataclass(frozen=True)
class Answer:
    status: int
    body: str


@dataclass(frozen=True)
class Target:
    """What the gaps in a path stand for."""

    project: str
    deployment: int

    def fill(self, text: str) -> str:
        gaps = {
            "project": self.project, "deployment": str(self.deployment), "release": "1",
            "name": "www.example.com", "username": "spare", "id": "999",
        }  # fmt: skip
        return re.sub(r"\{(\w+)\}", lambda gap: gaps[gap[1]], text)


MISSING = Target("missing", 999_999)


@dataclass
class Table:
    """The people, and an app of ana's that all but sam have a part in."""

    api: Any
    deployed: Deployed
    users: dict[str, Any]
    shared: Target
    keys: dict[tuple[str, Scope, str | None], str] = field(default_factory=dict)
    making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def app(self, name: str) -> Target:
        parts = {person: role for role, person in BY_ROLE.items()}
        project = await self.api.app(name, self.users["ana"], **parts)
        async with self.api.platform.database.begin() as session:
            await projects.set_checks(session, project.id, {"timeout": 0.1})
        return Target(name, (await self.deployed(project)).id)

    async def key(self, person: str, scope: Scope, only: str | None = None) -> str:
        """only: the app that it is for."""
        place = person, scope, only
        async with self.making:
            if place not in self.keys:
                self.keys[place] = await self.new_key(*place)
            return self.keys[place]

    async def new_key(self, person: str, scope: Scope, only: str | None) -> str:
        """One that the request may use up."""
        async with self.api.platform.database.read() as session:
            project = await projects.by_name(session, only) if only else None
        key: str = await self.api.key(self.users[person], scope, project)
        return key

    async def ask(self, case: Case, target: Target, key: str | None) -> Answer:
        path = target.fill(case.request.partition(" ")[2])
        headers = {} if key is None else {"X-API-Key": key}
        if case.method == "WS":
            return await self._shake_hands(path, headers)
        query = {
            name: target.fill(value) if isinstance(value, str) else value
            for name, value in case.query.items()
        }
        answer = await self.api.http.request(
            case.method, path, headers=headers, params=query, json=case.body
        )
        return Answer(answer.status_code, answer.text)

    async def _shake_hands(self, path: str, headers: dict[str, str]) -> Answer:
        url = f"ws://127.0.0.1:{self.api.port}{path}"
        try:
            async with connect(url, additional_headers=headers, proxy=None):
                return Answer(101, "")
        except InvalidStatus as refused:
            return Answer(refused.response.status_code, refused.response.body.decode())

    async def dump(self) -> dict[str, Any]:
        """Every row but those of the audit log, and of keys, which tell when they were used."""
        found = {}
        async with self.api.platform.database.read() as session:
            for table in Base.metadata.sorted_tables:
                if table.name not in ("events", "api_keys"):
                    rows = await session.execute(sa.select(table))
                    found[table.name] = sorted(map(repr, rows.all()))
        return found


@pytest_asyncio.fixture(loop_scope="session")
async def table(api: Any, deployed: Deployed) -> Table:
    persons = {name: await api.person(name) for name in ("ana", *BY_ROLE.values(), "sam", "spare")}
    persons["boss"] = await api.person("boss", users.ADMIN)
    made = Table(api, deployed, persons, Target("", 0))
    made.shared = await made.app("shared")
    await api.app("elsewhere", persons["ana"])
    return made


def test_every_route_has_a_line() -> None:
    platform: Any = None  # which is not asked anything
    document = make_app(platform).openapi()
    routes = {
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method in operations
    }
    routes |= {
        f"WS {route.path}"
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIWebSocketRoute)
    }
    assert routes == PUBLIC | {case.request for case in CASES}


async def test_who_may_not_is_refused_and_changes_nothing(table: Table) -> None:
    before = await table.dump()
    faults = await asyncio.gather(*(_refusals(table, case) for case in CASES))
    assert [fault for each in faults for fault in each] == []
    assert await table.dump() == before


async def _refusals(table: Table, case: Case) -> list[str]:
    """What is wrong with the answers to those who may not."""
    target = table.shared
    wanted: list[tuple[str, str | None, int]] = [
        ("nobody", None, 401), ("a wrong key", "dz_wrong", 401),
    ]  # fmt: skip
    if case.of_app:
        wanted.append(("sam", await table.key("sam", ALL), 404))
        wanted.append(("another app's key", await table.key("ana", ALL, "elsewhere"), 404))
        if case.role > Role.VIEWER:
            lesser = BY_ROLE[Role(case.role - 1)]
            wanted.append((lesser, await table.key(lesser, ALL), FORBIDDEN))
    elif case.role is Role.ADMIN:
        wanted.append(("sam", await table.key("sam", ALL), FORBIDDEN))
    if case.scope in LOWER:
        who = "ana" if case.of_app else "boss"
        key = await table.key(who, LOWER[case.scope])
        wanted.append((f"a lesser key of {who}'s", key, FORBIDDEN))
    if not case.app_key:
        wanted.append(("an app's key", await table.key("boss", ALL, "shared"), FORBIDDEN))
    faults = []
    for who, key, status in wanted:
        answer = await table.ask(case, target, key)
        if answer.status != status:
            faults.append(f"{who}: {case}: {answer}")
        if status == 404:
            missing = await table.ask(case, MISSING, key)
            if missing.status != 404 or _same(missing.body, MISSING) != _same(answer.body, target):
                faults.append(f"{who}: {case}: it can be told from none: {answer} {missing}")
    return faults


def _same(body: str, target: Target) -> str:
    """Without the name and number by which it was asked for."""
    return body.replace(target.project, "*").replace(str(target.deployment), "*")


async def test_the_least_that_may_is_let_in(table: Table) -> None:
    """With a key of no more scope than that, and where an app's key may, with one for this app."""
    faults = await asyncio.gather(
        *(_let_in(table, case, f"app{number}") for number, case in enumerate(CASES))
    )
    assert [fault for fault in faults if fault] == []


async def _let_in(table: Table, case: Case, app: str) -> str:
    changes = case.of_app and case.method not in ("GET", "WS")
    target = await table.app(app) if changes else table.shared
    if case.of_app:
        who, only = BY_ROLE[case.role], target.project
    else:
        who, only = ("boss" if case.role is Role.ADMIN else "sam"), "shared"
    key = await table.new_key(who, case.scope, only if case.app_key else None)
    answer = await table.ask(case, target, key)
    hidden = answer.status == 404 and any(words in answer.body for words in NO_SUCH)
    broken = answer.status >= 500 and answer.status != 503  # there is no engine here
    if answer.status in (401, FORBIDDEN) or hidden or broken:
        return f"{who}: {case}: {answer}"
    return ""
