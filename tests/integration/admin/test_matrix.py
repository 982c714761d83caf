"""Every command as every role: allowed or denied exactly as its `needs` says."""

import asyncio
import re
import shlex
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import closing
from typing import Any

import asyncssh
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.access import Role
from deployzero.operations import apps
from deployzero.ssh.commands import COMMANDS
from deployzero.ssh.commands.examples import EXAMPLES
from deployzero.store import users
from deployzero.store.tables import AccessRow, Base, ProjectRow, UserRow

PROPER = {name: found for name, found in COMMANDS.items() if not found.alias_of}
ROLES = ("stranger", "viewer", "deployer", "owner", "admin")
HELD = {"viewer": Role.VIEWER, "deployer": Role.DEPLOYER, "owner": Role.OWNER}
NOT_FOUND = re.compile(r"there is no app \S+$", re.MULTILINE)
FORBIDDEN = re.compile(r"this needs an? \w+$|only an admin may", re.MULTILINE)
BROKEN = re.compile(r"internal error|^still running$", re.MULTILINE)
"""Neither of them says that somebody was let in."""
OPTIONS = {
    "config hello --reveal": Role.OWNER,
    "config --global": Role.ADMIN,
    "config --global --reveal": Role.ADMIN,
    "config:get --global GREETING": Role.ADMIN,
    "config:keys --global": Role.ADMIN,
    "config:export --global": Role.ADMIN,
    "config:set --global GREETING=hi": Role.ADMIN,
    "config:unset --global GREETING": Role.ADMIN,
    "config:clear --global": Role.ADMIN,
    "config:import --global": Role.ADMIN,
    "keys:list ada": Role.ADMIN,
    "keys:add ada": Role.ADMIN,
    "keys:remove laptop --user ada": Role.ADMIN,
    "apikeys:create --app hello": Role.VIEWER,
    "users:invite ada": Role.ADMIN,
    "users:invite --role member": Role.ADMIN,
    "events hello": Role.VIEWER,
    "report": Role.ADMIN,
}
"""What needs more, or less, than its command does by itself."""
STDIN = {"config:import": "GREETING=hi\n"}
"""For commands that look at it first."""
LIMIT = 30.0
"""Seconds; no command of this test goes on."""
AT_ONCE = 8
"""They wait for the database and its disk much of the time."""
Admin = Any


class Table:
    """People of each role with an open connection, and an app of its own for each command."""

    def __init__(self, admin: Admin) -> None:
        self.admin = admin
        self.connections: dict[str, asyncssh.SSHClientConnection] = {}
        self.ids: dict[str, int] = {}
        self.count = 0
        self.at_once = asyncio.Semaphore(AT_ONCE)

    async def open(self) -> None:
        for role in ROLES:
            await self.admin.person(role, users.ADMIN if role == "admin" else users.MEMBER)
            self.connections[role] = await self.admin.connect(role)
        async with self.admin.platform.database.read() as session:
            self.ids = {role: await self._id(session, role) for role in (*ROLES, "root")}

    async def _id(self, session: AsyncSession, name: str) -> int:
        found = await users.by_name(session, name)
        assert found is not None
        return found.id

    async def furnish(self, count: int) -> None:
        """So many apps and users, in a few statements: `app1`, `user1` and so on."""
        numbers = range(1, count + 1)
        async with self.admin.platform.database.begin() as session:
            rows = [{"name": f"app{n}", "user_id": self.ids["root"]} for n in numbers]
            people = [{"name": f"user{n}", "role": users.MEMBER} for n in numbers]
            app_ids = list(
                await session.scalars(
                    sa.insert(ProjectRow).returning(ProjectRow.id, sort_by_parameter_order=True),
                    rows,
                )
            )
            user_ids = list(
                await session.scalars(
                    sa.insert(UserRow).returning(UserRow.id, sort_by_parameter_order=True), people
                )
            )
            held = [(self.ids[role], given.word) for role, given in HELD.items()]
            shared = [
                {"project_id": app, "user_id": who, "role": role}
                for app, user in zip(app_ids, user_ids, strict=True)
                for who, role in [*held, (user, Role.VIEWER.word)]
            ]
            await session.execute(sa.insert(AccessRow), shared)

    def words(self, example: str) -> str:
        """The example with a fresh app and user in it, less the shell's part."""
        self.count += 1
        user = f"{'new' if 'users:add' in example else 'user'}{self.count}"
        line = re.split(r"\s[<>|]", example.removesuffix(" -t"))[0].replace(
            "hello", f"app{self.count}"
        )
        return re.sub(r"\bada\b", user, line)

    async def run(self, role: str, line: str) -> str:
        """What it says on standard error."""
        stdin = STDIN.get(line.split()[0])
        try:
            async with self.at_once:
                done = await self.connections[role].run(
                    line,
                    input=stdin,
                    stdin=asyncssh.PIPE if stdin else asyncssh.DEVNULL,
                    timeout=LIMIT,
                    encoding="utf-8",
                    errors="replace",
                )
        except TimeoutError:
            return "still running"
        return str(done.stderr)

    def dump(self) -> dict[str, Any]:
        """Every row of every table but the audit log."""
        path = self.admin.platform.settings.data_dir / "deployzero.db"
        with closing(sqlite3.connect(path)) as database:
            return {
                table.name: database.execute(f"select * from {table.name}").fetchall()
                for table in Base.metadata.sorted_tables
                if table.name != "events"
            }


@pytest.fixture
async def table(admin: Admin) -> AsyncIterator[Table]:
    made = Table(admin)
    await made.open()
    yield made
    for connection in made.connections.values():
        connection.abort()


def test_every_command_has_an_example() -> None:
    assert set(PROPER) - set(EXAMPLES) == set(), "add it to ssh/commands/examples.py"
    for name, example in EXAMPLES.items():
        assert shlex.split(example)[0] == name


def allowed(needs: Role, role: str) -> bool:
    held = {"stranger": Role.MEMBER, "admin": Role.ADMIN, **HELD}[role]
    return held >= needs


async def test_what_every_role_may_do(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apps, "FREE_LIMIT", 0.1)  # a rename waits for the engine: there is none
    needs = {EXAMPLES[name]: found.needs for name, found in sorted(PROPER.items())} | OPTIONS
    await table.furnish(len(needs) * (1 + len(ROLES)))
    before = table.dump()
    faults = await _all_of(_let_in_by_mistake(table, *each) for each in needs.items())
    after = table.dump()
    faults += [f"a denied run changed {name}" for name in before if before[name] != after[name]]
    faults += await _all_of(_kept_out_by_mistake(table, *each) for each in needs.items())
    assert faults == []


async def _all_of(each: Iterable[Coroutine[Any, Any, list[str]]]) -> list[str]:
    return [fault for faults in await asyncio.gather(*each) for fault in faults]


async def _let_in_by_mistake(table: Table, example: str, needs: Role) -> list[str]:
    line = table.words(example)
    may_not = [role for role in ROLES if not allowed(needs, role)]
    said = await asyncio.gather(*(table.run(role, line) for role in may_not))
    return [
        f"{role}: {line}: not denied as it should be: {words!r}"
        for role, words in zip(may_not, said, strict=True)
        if not _refusal(needs, role).search(words)
    ]


async def _kept_out_by_mistake(table: Table, example: str, needs: Role) -> list[str]:
    """Each role has an app of its own for it."""
    may = [role for role in ROLES if allowed(needs, role)]
    lines = [table.words(example) for _ in may]
    said = await asyncio.gather(*map(table.run, may, lines))
    return [
        f"{role}: {line}: denied, or broken: {words!r}"
        for role, line, words in zip(may, lines, said, strict=True)
        if NOT_FOUND.search(words) or FORBIDDEN.search(words) or BROKEN.search(words)
    ]


def _refusal(needs: Role, role: str) -> re.Pattern[str]:
    """How it reads: an app that a stranger may not see does not exist."""
    return NOT_FOUND if role == "stranger" and needs != Role.ADMIN else FORBIDDEN
