"""Checks over SSH: set, shown with where each part comes from, run against what is live."""

import asyncio
import json
from dataclasses import asdict

import pytest

from deployzero.deploy.processes import checks
from deployzero.models.access import Role
from deployzero.models.deployment import State
from deployzero.models.project import HealthCheck, ProjectConfig
from deployzero.store import access, containers, deployments, projects


@pytest.fixture
async def alice(admin):
    user = await admin.person("alice")
    await admin.app("hello", user)
    return user


async def project(admin, app="hello"):
    async with admin.platform.database.read() as session:
        return await projects.by_name(session, app)


async def deployed(admin, user, port, **config):
    """A live release of hello whose only web container is at this port of this machine."""
    made = ProjectConfig(type="python", port=port, **config)
    async with admin.platform.database.begin() as session:
        found = await projects.by_name(session, "hello")
        deployment = await deployments.create(
            session, project_id=found.id, user_id=user.id, branch="main", commit="1" * 40
        )
        await deployments.transition(session, deployment.id, State.BUILDING)
        await deployments.transition(
            session, deployment.id, State.DEPLOYING, image="x", config=asdict(made)
        )
        await deployments.commit_live(session, deployment.id)
        await containers.add(
            session, deployment_id=deployment.id, process="web", index=1, name="c",
            address="127.0.0.1", port=port,
        )  # fmt: skip


@pytest.fixture
async def server():
    """Answers `up` with 200 and everything else with 404; gives its port."""

    async def answer(reader, writer):
        path = (await reader.readline()).split()[1]
        status, body = (b"200 OK", b"up") if path == b"/up" else (b"404 Not Found", b"none")
        writer.write(b"HTTP/1.1 %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
                     % (status, len(body), body))  # fmt: skip
        writer.close()

    made = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield made.sockets[0].getsockname()[1]
    made.close()


async def rows(admin, command="checks hello"):
    found = json.loads((await admin.run("alice", f"{command} --json")).out)
    return {row["field"]: (row["value"], row["from"]) for row in found}


async def test_only_given_fields_change_and_an_empty_value_resets_one(admin, alice):
    answer = await admin.run("alice", "checks:set hello path=/up timeout=2.5 attempts=3")
    assert answer.code == 0, answer.err
    await admin.run("alice", "checks:set hello wait=1 initial-delay=2 content='all well' port=81")
    assert (await project(admin)).checks == {
        "path": "/up", "timeout": 2.5, "attempts": 3, "wait": 1.0, "initial_delay": 2.0,
        "content": "all well", "port": 81, "below": 400,
    }  # fmt: skip
    await admin.run("alice", "checks:set hello path= content= timeout=")
    assert await rows(admin) == {
        "path": ("/", "default"), "timeout": (5.0, "default"), "attempts": (3, "set by hand"),
        "wait": (1.0, "set by hand"), "initial_delay": (2.0, "set by hand"),
        "content": (None, "default"), "port": (81, "set by hand"),
    }  # fmt: skip
    await admin.run("alice", "checks:unset hello")
    assert (await project(admin)).checks is None


BAD = [
    ("path=up", "a path that begins with '/'"),
    ("'path=/a b'", "without blanks"),
    ("timeout=0", "seconds, from 0.1"),
    ("timeout=nan", "seconds, from 0.1"),
    ("timeout=inf", "seconds, from 0.1"),
    ("timeout=9999", "to 3600"),
    ("attempts=0", "from 1 to 10000"),
    ("attempts=1.5", "a whole number"),
    ("wait=-1", "seconds, from 0"),
    ("port=70000", "from 1 to 65535"),
    ("below=200", "a check has no 'below'"),
    ("disabled=true", "a check has no 'disabled'"),
    ("path", "is no FIELD=value"),
]


async def test_bad_fields_are_refused_and_nothing_is_stored(admin, alice):
    for pair, why in BAD:
        answer = await admin.run("alice", f"checks:set hello attempts=2 {pair}")
        assert answer.code == 1
        assert why in answer.err
    assert (await project(admin)).checks is None


async def test_what_is_set_goes_before_app_json_field_by_field(admin, alice, server):
    declared = HealthCheck(name="ready", path="/ready", timeout=9.0, below=400)
    await deployed(admin, alice, server, health_checks={"web": (declared, HealthCheck("two"))})
    await admin.run("alice", "checks:set hello attempts=4")
    answer = await admin.run("alice", "checks:report hello --json")
    found = {(r["check"], r["field"]): (r["value"], r["from"]) for r in json.loads(answer.out)}
    assert found["ready", "path"] == ("/ready", "app.json")
    assert found["ready", "timeout"] == (9.0, "app.json")
    assert found["ready", "attempts"] == (4, "set by hand")
    assert found["ready", "wait"] == (0.0, "default")
    config = ProjectConfig(
        type="python", health_checks={"web": (declared, HealthCheck("two")), "x": (declared,)}
    )
    own = (await project(admin)).checks
    assert checks(own, config) == (
        HealthCheck(name="ready", path="/ready", timeout=9.0, below=400, attempts=4),
        HealthCheck("two"),
    )
    assert checks(own, config, "x") == (declared,)


async def test_a_path_that_was_named_must_be_there(admin, alice):
    await admin.run("alice", "checks:set hello path=/up")
    (check,) = checks((await project(admin)).checks, ProjectConfig(type="python"))
    assert (check.path, check.below) == ("/up", 400)


async def test_disable_keeps_what_was_set_for_enable(admin, alice):
    await admin.run("alice", "checks:set hello path=/up")
    answer = await admin.run("alice", "checks:disable hello")
    shown, last = answer.out.split("Checks are disabled: ")
    assert (last, "/up" in shown) == ("checks:enable hello\n", True)
    own = (await project(admin)).checks
    assert checks(own, ProjectConfig(type="python")) == ()
    await admin.run("alice", "checks:set hello timeout=3")
    await admin.run("alice", "checks:enable hello")
    assert (await project(admin)).checks == {"path": "/up", "below": 400, "timeout": 3.0}
    await admin.run("alice", "checks:disable hello")
    await admin.run("alice", "checks:clear hello")
    assert (await project(admin)).checks == {"disabled": True}
    await admin.run("alice", "checks:enable hello")
    assert (await project(admin)).checks is None


async def test_run_asks_each_live_container_now(admin, alice, server):
    nothing = await admin.run("alice", "checks:run hello")
    assert (nothing.code, "not deployed yet" in nothing.err) == (1, True)
    await deployed(admin, alice, server)
    await admin.run("alice", "checks:set hello path=/up content=up")
    answer = await admin.run("alice", "checks:run hello")
    assert (answer.code, answer.out.splitlines()[1].split()) == (
        0, ["web.1", "GET", "/up", "passed"],
    )  # fmt: skip
    await admin.run("alice", "checks:set hello path=/down")
    answer = await admin.run("alice", "checks:run hello")
    assert answer.code == 1
    assert "GET /down answered 404" in answer.out
    answer = await admin.run("alice", "checks:run hello --json")
    assert answer.code == 1
    assert json.loads(answer.out) == [{
        "process": "web.1", "check": "GET /down", "failure": "GET /down answered 404",
        "passed": False,
    }]  # fmt: skip
    await admin.run("alice", "checks:disable hello")
    answer = await admin.run("alice", "checks:run hello")
    assert (answer.code, "disabled" in answer.out) == (0, True)


async def test_two_who_set_at_once_both_have_their_field(admin, alice):
    await asyncio.gather(
        admin.run("alice", "checks:set hello attempts=2"),
        admin.run("alice", "checks:set hello timeout=2"),
        admin.run("alice", "checks:set hello wait=2"),
    )
    assert (await project(admin)).checks == {"attempts": 2, "timeout": 2.0, "wait": 2.0}


async def test_a_viewer_reads_and_runs_but_sets_nothing(admin, alice, server):
    await deployed(admin, alice, server)
    eve = await admin.person("eve")
    async with admin.platform.database.begin() as session:
        await access.give(session, (await project(admin)).id, eve.id, Role.VIEWER)
    assert (await admin.run("eve", "checks hello")).code == 0
    assert (await admin.run("eve", "checks:run hello")).code == 0
    for command in ("set hello path=/", "clear hello", "disable hello", "enable hello"):
        answer = await admin.run("eve", f"checks:{command}")
        assert "this needs a deployer" in answer.err
