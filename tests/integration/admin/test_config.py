"""config and config:*, over SSH; the deployments that they queue are played by the test."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select

from deployzero.deploy import variables
from deployzero.deploy.commit_point import commit
from deployzero.deploy.platform import Platform
from deployzero.deploy.turn import take_turn
from deployzero.deploy.vault import Vault
from deployzero.models.deployment import Deployment, Project, State, User
from deployzero.models.release import Kind
from deployzero.operations import config
from deployzero.store import deployments
from deployzero.store.config_vars import of_project
from deployzero.store.tables import AccessRow, EventRow

LIMIT = 10.0
SECRET = "s3cr3t-s3cr3t-value"
VALUES = (
    "a b", "$HOME", "it's", 'say "hi"', "a\nb\n\n", "naïve 🙂", "x" * 65536, "-x --y", "="
)  # fmt: skip
REFUSED = (
    ("config:set hello KEY=a hunter2", b"", "It comes after KEY=…: ssh joins words"),
    ("config:set hello hunter2 KEY=a", b"", "a word has no '='"),
    ("config:set hello 1A=hunter2", b"", "letters, digits and '_'"),
    ("config:set hello MY-VAR=hunter2", b"", "letters, digits and '_'"),
    ("config:set hello =hunter2", b"", "letters, digits and '_'"),
    ("config:set hello PORT=80", b"", "PORT is set by deployzero"),
    ("config:set hello 'A=x\0hunter2'", b"", "has a NUL"),
    ("config:set hello A=hunter2 --encoded", b"", "A is no base64"),
    ("config:set hello A=gA== --encoded", b"", "A is no base64 of UTF-8"),
    ("config:set hello A=aAA= --encoded", b"", "has a NUL"),
    ("config:set hello A", b"", "standard input is empty"),
    ("config:set hello A", b"\xff\xfe", "binary"),
    ("config:set hello A", b"a\0b", "binary"),
    ("config:set hello A", b"x" * 130048, "130051 bytes, 130048 are allowed"),
    ("config:set hello A", b"x" * 1048577, "more than 1048576 bytes"),
    ("config:set hello", b"", "Missing argument"),
    ("config:set A=hunter2", b"", "The app comes first"),
    ("config:unset hello", b"", "Missing argument"),
    ("config --global hello", b"", "an app or --global"),
    ("config:import hello", b"A=1\nhunter2\n", "line 2 is no NAME=value"),
    ("config:import hello", b"A=1\n'B C'=hunter2\n", "letters, digits and '_'"),
    ("config:import hello", b"", "no variable on standard input"),
)
Run = Callable[..., Awaitable]


@pytest.fixture
async def app(admin) -> Project:
    """Nothing deployed; owned by ann, bob deploys, cy views."""
    ann = await admin.person("ann")
    project = await admin.app("hello", ann)
    for name, role in (("bob", "deployer"), ("cy", "viewer")):
        user = await admin.person(name)
        async with admin.platform.database.begin() as session:
            session.add(AccessRow(project_id=project.id, user_id=user.id, role=role))
    return project


@pytest.fixture
async def live(admin, app: Project) -> Project:
    """The same with a release."""
    async with admin.platform.database.begin() as session:
        await deployments.create(session, app.id, app.user_id, "main", "a" * 40)
    await finish(admin.platform)
    return app


async def claim(platform: Platform) -> Deployment | None:
    """What the worker does first: its variables are worked out when its turn comes."""
    async with platform.database.begin() as session:
        return await deployments.claim_next(session)


async def finish(platform: Platform, deployment: Deployment | None = None, ok: bool = True) -> int:
    """What the worker does at the end, with the product's own functions."""
    deployment = deployment or await claim(platform)
    assert deployment is not None
    async with platform.database.begin() as session:
        if ok:
            await deployments.transition(session, deployment.id, State.DEPLOYING, image="i")
            await deployments.commit_live(session, deployment.id)
            if deployment.kind is Kind.CONFIG:
                await variables.store_live(session, platform.vault, deployment.id)
            await seal_running(session, platform, deployment)
        else:
            await deployments.transition(session, deployment.id, State.ERROR, reason="it is sick")
    await platform.logs.end(deployment.id)
    return deployment.id


async def seal_running(session, platform: Platform, deployment: Deployment) -> None:
    row = await session.get(deployments.DeploymentRow, deployment.id)
    own = await variables.stored(session, platform.vault, deployment.project_id)
    every = await variables.stored(session, platform.vault, None)
    row.variables = platform.vault.seal_variables(own, every)


@asynccontextmanager
async def worker(platform: Platform, ok: bool = True) -> AsyncIterator[list[int]]:
    """Ends every deployment as soon as it is queued."""
    done: list[int] = []

    async def work() -> None:
        while True:
            if (claimed := await claim(platform)) is not None:
                done.append(await finish(platform, claimed, ok))
            else:
                await asyncio.wait_for(platform.queue.woken(), LIMIT)

    task = asyncio.create_task(work())
    try:
        yield done
    finally:
        task.cancel()


async def stored(platform: Platform, project: Project | None) -> dict[str, str]:
    async with platform.database.read() as session:
        found = await variables.stored(session, platform.vault, project.id if project else None)
    return {name: each.value for name, each in found.items()}


async def until_queued(platform: Platform, count: int) -> list[Deployment]:
    async with asyncio.timeout(LIMIT):
        while True:
            async with platform.database.read() as session:
                found = await deployments.unfinished(session)
            if len(found) >= count:
                return found
            await asyncio.sleep(0.01)


async def audited(platform: Platform) -> list[tuple[str, str, str, str]]:
    async with platform.database.read() as session:
        rows = await session.scalars(select(EventRow).order_by(EventRow.id))
        return [(row.action, row.app, row.detail, row.result) for row in rows]


# Before anything is deployed ------------------------------------------------------------


async def test_before_the_first_push_variables_are_stored_at_once(admin, app, run: Run) -> None:
    answer = await run("bob", "config:set hello A=1 B=two")
    assert answer.code == 0, answer.err
    assert "Changed: A, B" in answer.out
    assert "not deployed yet: its first release will have it" in answer.out
    assert await stored(admin.platform, app) == {"A": "1", "B": "two"}


async def test_values_are_masked_for_everybody_and_revealed_to_owners(app, run: Run) -> None:
    await run("ann", f"config:set hello TOKEN={SECRET} EMPTY=")
    for who in ("root", "ann", "bob", "cy"):
        for command in ("config hello", "config:show hello", "config hello --json"):
            answer = await run(who, command)
            assert answer.code == 0
            assert "TOKEN" in answer.out
            assert SECRET not in answer.out + answer.err
    for command in ("config hello --reveal", "config:get hello TOKEN", "config:export hello"):
        assert SECRET in (await run("ann", command)).out
        for who in ("bob", "cy"):
            denied = await run(who, command)
            assert denied.code == 1
            assert SECRET not in denied.out + denied.err
    rows = json.loads((await run("root", "config hello --reveal --json")).out)
    assert [(row["name"], row["value"]) for row in rows] == [("EMPTY", ""), ("TOKEN", SECRET)]


async def test_viewers_change_nothing_and_strangers_see_nothing(admin, app, run: Run) -> None:
    await admin.person("eve")
    for command in (
        "config:set hello A=1",
        "config:unset hello A",
        "config:clear hello",
        "config:import hello",
    ):
        assert "needs a deployer" in (await run("cy", command, b"A=1\n")).err
        assert "there is no app hello" in (await run("eve", command, b"A=1\n")).err
    for command in ("config hello", "config:keys hello", "config:get hello A"):
        assert "there is no app hello" in (await run("eve", command)).err


async def test_get_prints_the_value_alone_and_says_what_is_near(app, run: Run) -> None:
    await run("ann", "config:set hello DATABASE_URL=x")
    assert (await run("ann", "config:get hello DATABASE_URL")).out == "x\n"
    answer = await run("ann", "config:get hello DATABSE_URL")
    assert answer.code == 1
    assert "there is no such variable" in answer.err
    assert "Did you mean DATABASE_URL?" in answer.err


async def test_any_text_goes_in_and_comes_out_as_it_was(app, run: Run) -> None:
    for value in VALUES:
        encoded = base64.b64encode(value.encode()).decode()
        assert (await run("ann", f"config:set hello A={encoded} --encoded")).code == 0
        assert (await run("ann", "config:get hello A")).out == f"{value}\n"
        assert (await run("ann", "config:set hello B", f"{value}\n".encode())).code == 0
        assert (await run("ann", "config:get hello B")).out == f"{value}\n"


async def test_a_value_from_standard_input_loses_one_newline_at_its_end(app, run: Run) -> None:
    for given, kept in ((b"x", "x"), (b"x\n", "x"), (b"x\n\n", "x\n"), (b"x\r\n", "x")):
        await run("ann", "config:set hello A", given)
        assert (await run("ann", "config:get hello A")).out == f"{kept}\n"


async def test_what_cannot_be_is_refused_and_changes_nothing(admin, app, run: Run) -> None:
    for command, stdin, message in REFUSED:
        answer = await run("ann", command, stdin)
        assert (answer.code, message in answer.err) == (1, True), (command, answer)
        assert await stored(admin.platform, app) == {}, command
    assert "hunter2" not in str(await audited(admin.platform))


async def test_too_many_or_too_large_in_all_is_refused(admin, app, run: Run) -> None:
    many = "".join(f"A{n}=x\n" for n in range(501)).encode()
    assert "501 variables" in (await run("ann", "config:import hello", many)).err
    large = b"x" * 120_000
    for name in "ABCD":
        assert (await run("ann", f"config:set hello {name}", large)).code == 0
    answer = await run("ann", "config:set hello E", large)
    assert "5 variables of 600015 bytes" in answer.err
    assert len(await stored(admin.platform, app)) == 4


async def test_import_reads_a_file_and_replace_drops_the_rest(admin, app, run: Run) -> None:
    await run("ann", "config:set hello OLD=1")
    text = b"# mine\nexport A='x y'\nB=\"l1\\nl2\"\nC=$A\nPORT=3000\n"
    answer = await run("ann", "config:import hello", text)
    assert "PORT is left out" in answer.out
    wanted = {"A": "x y", "B": "l1\nl2", "C": "$A"}
    assert await stored(admin.platform, app) == {"OLD": "1", **wanted}
    await run("ann", "config:import hello --replace", text)
    assert await stored(admin.platform, app) == wanted


async def test_export_gives_a_file_that_import_takes_back(admin, app, run: Run) -> None:
    values = {"A": "x y", "B": "l1\\\nl2'\"", "C": "$A # b", "D": "é"}
    encoded = " ".join(
        f"{name}={base64.b64encode(each.encode()).decode()}" for name, each in values.items()
    )
    await run("ann", f"config:set hello --encoded {encoded}")
    out = (await run("ann", "config:export hello")).out
    await run("ann", "config:clear hello")
    assert await stored(admin.platform, app) == {}
    await run("ann", "config:import hello", out.encode())
    assert await stored(admin.platform, app) == values
    assert json.loads((await run("ann", "config:export hello --format json")).out) == values
    assert "export A='x y'" in (await run("ann", "config:export hello --format exports")).out
    assert (await run("ann", "config:export hello --format shell")).out.startswith("A='x y' B=")


async def test_unset_drops_them_and_what_is_not_set_is_no_error(admin, app, run: Run) -> None:
    await run("ann", "config:set hello A=1 B=2 C=3")
    assert (await run("ann", "config:unset hello A C NONE")).code == 0
    assert await stored(admin.platform, app) == {"B": "2"}
    answer = await run("ann", "config:unset hello A")
    assert (answer.code, answer.out) == (0, "A is not set. Nothing was changed.\n")


# Of every app ---------------------------------------------------------------------------


async def test_variables_of_every_app_are_the_admins(admin, app, run: Run) -> None:
    answer = await run("root", f"config:set --global A=1 B={SECRET}")
    assert answer.code == 0, answer.err
    assert "ps:restart <app>" in answer.out
    assert await stored(admin.platform, None) == {"A": "1", "B": SECRET}
    for command in ("config --global", "config:set --global A=2", "config:export --global",
                    "config:unset --global A", "config:clear --global", "config:keys --global",
                    "config:get --global B", "config:import --global"):  # fmt: skip
        denied = await run("ann", command, b"A=2\n")
        assert "only an admin may do this" in denied.err
        assert SECRET not in denied.out + denied.err
    assert (await run("root", "config:get --global B")).out == f"{SECRET}\n"
    await run("root", "config:unset --global A")
    await run("root", "config:import --global", b"C=3")
    assert await stored(admin.platform, None) == {"B": SECRET, "C": "3"}
    assert (await run("root", "config:keys --global")).out == "B\nC\n"
    assert SECRET not in str(await audited(admin.platform))


async def test_an_app_lists_those_of_every_app_and_its_own_go_first(app, run: Run) -> None:
    await run("root", "config:set --global A=every B=every")
    await run("ann", "config:set hello A=own")
    rows = json.loads((await run("ann", "config hello --reveal --json")).out)
    assert [(row["name"], row["value"], row["of_every_app"]) for row in rows] == [
        ("A", "own", False),
        ("B", "every", True),
    ]
    assert (await run("cy", "config:keys hello")).out == "A\n"
    assert (await run("cy", "config:keys hello --merged")).out == "A\nB\n"
    assert (await run("ann", "config:get hello B")).out == "every\n"


# As releases ----------------------------------------------------------------------------


async def test_several_variables_are_one_release_without_a_build(admin, live, run: Run) -> None:
    async with worker(admin.platform) as done:
        answer = await run("bob", f"config:set hello A={SECRET} B=2")
    assert answer.code == 0, answer.err
    (one,) = done
    async with admin.platform.database.read() as session:
        deployment = await deployments.get(session, one)
    assert (deployment.kind, deployment.message) == (Kind.CONFIG, "set A, B")
    assert deployment.release == 2
    assert not admin.platform.vault.open_change(deployment.change).rebuild
    assert await stored(admin.platform, live) == {"A": SECRET, "B": "2"}
    assert SECRET not in answer.out


async def test_nothing_is_stored_until_it_is_live_and_nothing_at_all_if_it_fails(
    admin, live, run: Run
) -> None:
    async with worker(admin.platform, ok=False):
        answer = await run("bob", f"config:set hello A={SECRET}")
    assert answer.code == 1
    assert "the config is as it was: it is sick" in answer.err
    assert "--no-restart" in answer.err
    assert await stored(admin.platform, live) == {}
    events = await audited(admin.platform)
    assert events[-1] == ("config:set", "hello", "A", "the config is as it was: it is sick")


async def test_what_was_set_does_not_stay_in_the_history(admin, app, deployed) -> None:
    platform, ann = admin.platform, User(app.user_id, "ann", "member")
    await deployed(app)
    await config.set_variables(platform, ann, "hello", {"A": SECRET})
    claimed = await claim(platform)
    assert claimed is not None
    deployment, plan = await take_turn(platform, claimed)
    async with platform.database.begin() as session:
        await deployments.transition(session, deployment.id, State.DEPLOYING)
    done = await commit(platform, deployment, plan, [], {})
    async with platform.database.read() as session:
        assert (await deployments.get(session, done.id)).change is None
    assert await stored(platform, app) == {"A": SECRET}
    await platform.logs.end(done.id)


async def test_the_value_it_has_already_makes_no_release(admin, live, run: Run) -> None:
    async with worker(admin.platform) as done:
        await run("bob", "config:set hello A=1")
        answer = await run("bob", "config:set hello A=1")
        assert (answer.code, answer.out) == (
            0,
            "A has that value already. Nothing was changed.\n",
        )
        assert (await run("bob", "config:unset hello B")).code == 0
        assert (await run("bob", "config:clear hello")).code == 0
        assert "Nothing is set" in (await run("bob", "config:clear hello")).out
    assert len(done) == 2


async def test_only_a_variable_of_the_build_builds_again(admin, live, run: Run) -> None:
    async def rebuilds(command: str) -> bool:
        async with worker(admin.platform) as done:
            assert (await run("bob", command)).code == 0
        async with admin.platform.database.read() as session:
            row = await deployments.get(session, done[-1])
        return admin.platform.vault.open_change(row.change).rebuild

    assert await rebuilds("config:set hello A=1 --build")
    assert not await rebuilds("config:set hello B=2")
    assert await rebuilds("config:set hello A=2")
    assert await rebuilds("config:set hello B=2 --build")
    assert await rebuilds("config:unset hello B")
    assert await rebuilds("config:clear hello")
    assert not await rebuilds("config:set hello B=2")


async def test_no_restart_stores_at_once_and_the_next_set_takes_it_up(
    admin, live, run: Run
) -> None:
    answer = await run("bob", "config:set hello A=1 --no-restart")
    assert answer.code == 0, answer.err
    assert "ps:restart hello" in answer.out
    assert await stored(admin.platform, live) == {"A": "1"}
    (row,) = json.loads((await run("cy", "config hello --json")).out)
    assert row["running"] is False
    assert "already" in (await run("bob", "config:set hello A=1 --no-restart")).out
    async with worker(admin.platform) as done:
        assert (await run("bob", "config:set hello A=1")).code == 0
    assert len(done) == 1
    (row,) = json.loads((await run("cy", "config hello --json")).out)
    assert row["running"] is True


async def test_a_stopped_app_is_not_started_by_its_config(admin, live, run: Run) -> None:
    async with admin.platform.database.begin() as session:
        (await session.get(deployments.ProjectRow, live.id)).stopped = True
    answer = await run("bob", "config:set hello A=1")
    assert answer.code == 0
    assert "ps:start hello" in answer.out
    assert await stored(admin.platform, live) == {"A": "1"}


async def test_a_locked_app_gets_no_release_and_no_restart_still_stores(
    admin, live, run: Run
) -> None:
    async with admin.platform.database.begin() as session:
        (await session.get(deployments.ProjectRow, live.id)).locked_by = "ann"
    assert "hello is locked by ann" in (await run("bob", "config:set hello A=1")).err
    assert await stored(admin.platform, live) == {}
    assert (await run("bob", "config:set hello A=1 --no-restart")).code == 0


# At the same time -----------------------------------------------------------------------


async def test_two_at_once_both_survive(admin, live, run: Run) -> None:
    first = asyncio.create_task(run("bob", "config:set hello A=1"))
    second = asyncio.create_task(run("ann", "config:set hello B=2"))
    await until_queued(admin.platform, 2)
    async with worker(admin.platform):
        assert {(await first).code, (await second).code} == {0}
    assert await stored(admin.platform, live) == {"A": "1", "B": "2"}


async def test_what_is_stored_at_once_while_a_release_is_under_way_survives(
    admin, live, run: Run
) -> None:
    following = asyncio.create_task(run("bob", "config:set hello A=1 B=1 C=1"))
    await until_queued(admin.platform, 1)
    under_way = await claim(admin.platform)
    assert "deployment under way" in (await run("ann", "config:set hello B=2 --no-restart")).out
    await run("ann", "config:unset hello C --no-restart")
    assert await stored(admin.platform, live) == {"B": "2"}
    await finish(admin.platform, under_way)
    assert (await following).code == 0
    assert await stored(admin.platform, live) == {"A": "1", "B": "2"}


async def test_what_is_stored_at_once_survives_a_release_that_fails(admin, live, run: Run) -> None:
    following = asyncio.create_task(run("bob", "config:clear hello"))
    assert (await following).out.startswith("Nothing is set")
    await run("ann", "config:set hello Z=0 --no-restart")
    following = asyncio.create_task(run("bob", "config:clear hello"))
    await until_queued(admin.platform, 1)
    under_way = await claim(admin.platform)
    await run("ann", "config:set hello B=2 --no-restart")
    await finish(admin.platform, under_way, ok=False)
    assert (await following).code == 1
    assert await stored(admin.platform, live) == {"Z": "0", "B": "2"}


async def test_many_at_once_are_all_stored(admin, app, run: Run) -> None:
    """Not deployed: each is a transaction of its own."""
    await asyncio.gather(*(run("ann", f"config:set hello A{n}={n}") for n in range(12)))
    assert await stored(admin.platform, app) == {f"A{n}": str(n) for n in range(12)}


# Secrets --------------------------------------------------------------------------------


async def test_values_are_nowhere_in_the_data_folder_nor_in_the_audit_log(
    admin, live, run: Run
) -> None:
    await run("root", f"config:set --global EVERY={SECRET}")
    await run("bob", f"config:set hello STORED={SECRET} --no-restart")
    waiting = asyncio.create_task(run("bob", f"config:set hello QUEUED={SECRET}x"))
    await until_queued(admin.platform, 1)
    async with admin.platform.database.read() as session:
        assert await session.scalar(select(deployments.DeploymentRow.change).where(
            deployments.DeploymentRow.kind == Kind.CONFIG))  # fmt: skip
        files = [f for f in admin.platform.settings.data_dir.rglob("*") if f.is_file()]
        assert {"deployzero.db", "deployzero.db-wal"} <= {file.name for file in files}
        for file in files:
            assert SECRET.encode() not in file.read_bytes(), file
    await finish(admin.platform)
    await waiting
    events = str(await audited(admin.platform))
    assert "STORED" in events
    assert SECRET not in events


async def test_the_audit_log_names_variables_alone(admin, app, run: Run) -> None:
    """Not the pieces of a value that lost its quotes."""
    for command in (
        "config:set hello DB=host=h s3cret=word other",
        "config:set hello s3cret",
        "config:unset hello s3cret",
        "config:get hello s3cret",
        "config:set gone s3cret=word",
        "config:set hello DB=host --no-restart",
        "config:unset hello DB s3cret --no-restart",
    ):
        await run("ann", command)
    found = await audited(admin.platform)
    assert "s3cret" not in str(found)
    details = [(action, detail) for action, _, detail, _ in found if detail]
    assert details == [("config:set", "DB"), ("config:unset", "DB")]


async def test_the_key_and_the_database_are_the_owners_alone(admin) -> None:
    data = admin.platform.settings.data_dir
    for name in ("secret.key", "deployzero.db", "deployzero.db-wal"):
        assert (data / name).stat().st_mode & 0o777 == 0o600, name


async def test_another_key_is_a_clear_error_and_all_else_goes_on(admin, live, run: Run) -> None:
    await run("ann", "config:set hello A=1 --no-restart")
    other = Vault(b"o" * 32).seal("1")
    async with admin.platform.database.begin() as session:
        (row,) = await session.scalars(select(config.variables.config_vars.ConfigVarRow))
        row.sealed = other
    for command in ("config hello", "config:set hello B=1", "config:set hello B=1 --no-restart"):
        answer = await run("ann", command)
        assert answer.code == 1
        assert "secret.key does not fit" in answer.err
        assert "backup" in answer.err
    for command in ("whoami", "apps:list", "ps hello"):
        assert (await run("ann", command)).code == 0
    async with admin.platform.database.read() as session:
        assert [each.sealed for each in await of_project(session, live.id)] == [other]
