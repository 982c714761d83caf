"""`logs` without an engine: who may ask, what is refused, what a failed deployment left."""

from deployzero.models.access import Role
from deployzero.models.deployment import State
from deployzero.store import access, deployments


async def failed_deployment(admin, project, user, *lines: str) -> int:
    platform = admin.platform
    async with platform.database.begin() as session:
        made = await deployments.create(session, project.id, user.id, "main", "c" * 40)
        await deployments.transition(session, made.id, State.ERROR, reason="it broke")
    for line in lines:
        platform.logs.append(made.id, line)
    await platform.logs.end(made.id)
    return made.id


async def test_the_whole_log_of_the_newest_failed_deployment_and_its_output(admin) -> None:
    owner = await admin.person("owner")
    project = await admin.app("hello", owner)
    assert (
        "no deployment of hello has failed" in (await admin.run("owner", "logs:failed hello")).err
    )
    await failed_deployment(admin, project, owner, "old")
    newest = await failed_deployment(admin, project, owner, "-----> Building", " !     it broke")
    at = "2026-11-23T04:00:00.123456789Z"
    for number, deployment_id in enumerate((newest, newest - 1)):
        lines = [(at, f"of {deployment_id}")]
        admin.platform.log_archive.write(
            project.id, "web.1", deployment_id, f"{number}" * 64, lines
        )
    answer = await admin.run("owner", "logs:failed hello")
    assert answer.out.splitlines() == [
        "-----> Building",
        " !     it broke",
        f"2026-11-23T04:00:00.123Z app[web.1]: of {newest}",
    ]
    assert '"output": [{"at": ' in (await admin.run("owner", "logs:failed hello --json")).out


async def test_a_viewer_reads_and_for_a_stranger_there_is_no_app(admin) -> None:
    owner = await admin.person("owner")
    viewer = await admin.person("viewer")
    await admin.person("stranger")
    project = await admin.app("hello", owner)
    async with admin.platform.database.begin() as session:
        await access.give(session, project.id, viewer.id, Role.VIEWER)
    for command in ("logs hello", "logs hello -t", "logs:failed hello"):
        answer = await admin.run("stranger", command)
        assert (answer.code, answer.out) == (1, "")
        assert answer.err.startswith(" !     there is no app hello\n")
        answer = await admin.run("viewer", command)
        assert "no app" not in answer.err
        assert "needs" not in answer.err


async def test_bad_numbers_and_an_engine_that_is_away_are_told(admin) -> None:
    await admin.app("hello", await admin.person("owner"))
    for words in ("-n x", "-n -1", "-n 1000000", "--nonesuch"):
        answer = await admin.run("owner", f"logs hello {words}")
        assert (answer.code, answer.out) == (1, "")
        assert "`logs --help` explains it." in answer.err
    answer = await admin.run("owner", "logs hello")
    assert " !     the Docker Engine does not answer\n" in answer.err


async def test_colour_is_for_terminals_alone(admin) -> None:
    project = await admin.app("hello", await admin.person("owner"))
    newest = await failed_deployment(admin, project, await admin.person("other"))
    at = "2026-11-23T04:00:00.123456789Z"
    admin.platform.log_archive.write(project.id, "web.1", newest, "a" * 64, [(at, "text")])
    async with await admin.connect("owner") as connection:
        plain = await connection.run("logs:failed hello", encoding=None)
        terminal = await connection.run("logs:failed hello", encoding=None, term_type="xterm")
    assert plain.stdout == b"2026-11-23T04:00:00.123Z app[web.1]: text\n"
    assert b"\x1b[" in terminal.stdout
    assert terminal.stdout.endswith(b"\x1b[0m text\r\n")
