"""apps:*, over SSH; what only an engine can do is played by the test."""

import asyncio
import functools
import json
from collections.abc import Awaitable, Callable

import asyncssh
import pytest
from dulwich.objects import Blob

from deployzero.deploy import rename, watch
from deployzero.deploy.completion import complete
from deployzero.deploy.destroy import destroy
from deployzero.errors import ContainerError
from deployzero.models.deployment import State
from deployzero.operations import apps
from deployzero.routing.route import Route
from deployzero.source.channel import pkt_line
from deployzero.ssh import streams
from deployzero.store import deployments, projects, releases

LIMIT = 10.0
COMMAND = b"%s %s refs/heads/main\0report-status side-band-64k" % (b"0" * 40, b"a" * 40)
PUSH = pkt_line(COMMAND) + b"0000"
"""As far as git gets before it sends what is in the commit."""
Run = Callable[..., Awaitable]


@pytest.fixture
def engine(admin, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An engine on which there is nothing."""

    async def nothing(*_: object) -> list:
        return []

    for call in ("list_containers", "list_images", "remove_network", "remove"):
        monkeypatch.setattr(admin.platform.runtime, call, nothing)
    for call in ("prove", "prove_gone"):
        monkeypatch.setattr(admin.platform.proxy, call, nothing)
    return monkeypatch


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(LIMIT):
        while not await condition():  # noqa: ASYNC110 - it is the database that changes
            await asyncio.sleep(0.01)


async def names(run: Run, user: str = "root") -> list[str]:
    return [app["name"] for app in json.loads((await run(user, "apps:list --json")).out)]


async def row(admin, name: str) -> projects.Project | None:
    async with admin.platform.database.read() as session:
        return await projects.by_name(session, name)


async def test_who_creates_an_app_owns_it_and_the_name_is_taken_for_all(admin, run: Run) -> None:
    await admin.person("ann")
    await admin.person("bob")
    made = await run("ann", "apps:create hello")
    assert made.code == 0, made.err
    assert "git remote add deployzero ssh://deployzero@localhost:1/hello" in made.out
    assert json.loads((await run("ann", "apps:info hello --json")).out)["owner"] == "ann"
    for user in ("ann", "bob"):
        taken = await run(user, "apps:create hello")
        assert (taken.code, taken.err.splitlines()[0]) == (1, " !     the name hello is taken")
    assert (await names(run, "ann"), await names(run, "bob")) == (["hello"], [])


async def test_what_a_name_left_behind_is_deleted_when_an_app_is_made(admin, run: Run) -> None:
    repositories = admin.platform.repositories
    repositories.open("hello").close()
    assert (await run("root", "apps:create hello")).code == 0
    await until(lambda: asyncio.sleep(0, not list(repositories.root.iterdir())))


async def test_a_user_has_so_many_apps_and_no_more(
    admin, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apps, "MOST", 1)
    await admin.person("ann")
    assert (await run("ann", "apps:create hello")).code == 0
    refused = await run("ann", "apps:create other")
    assert (refused.code, "you have 1 apps: that is the most" in refused.err) == (1, True)


async def test_a_bad_name_is_refused_in_words(run: Run) -> None:
    for name in ("Hello", "api", "a" * 51, "-a", "a_b", "../x"):
        refused = await run("root", f"apps:create -- {name}")
        assert refused.code == 1
        assert "bad app name" in refused.err or "is reserved" in refused.err


async def test_an_app_that_one_may_not_see_is_as_one_that_does_not_exist(admin, run: Run) -> None:
    await admin.app("hello", await admin.person("ann"))
    await admin.person("bob")
    assert (await run("ann", "apps:exists hello")).code == 0
    for command in ("exists", "info", "url", "lock", "locked", "unlock", "destroy --force"):
        hidden = await run("bob", f"apps:{command} hello")
        missing = await run("bob", f"apps:{command} other")
        assert hidden.code == missing.code == 1
        assert hidden.err == missing.err.replace("other", "hello")


async def test_info_tells_what_is_live(admin, run: Run, deployed) -> None:
    await deployed(await admin.app("hello", await admin.person("ann")))
    info = json.loads((await run("ann", "apps:info hello --json")).out)
    wanted = {
        "url": "http://hello.localhost:8080", "release": 1, "commit": "a" * 40,
        "deployed_by": "ann", "deploy_branch": None, "locked_by": None, "stopped": False,
        "git_remote": "ssh://deployzero@localhost:1/hello",
    }  # fmt: skip
    assert info.items() >= wanted.items()
    assert "web.1=healthy" in (await run("ann", "apps:info hello")).out
    assert (await run("ann", "apps:url hello")).out == "http://hello.localhost:8080\n"
    (line,) = (await run("ann", "apps")).out.splitlines()[1:]
    assert line.split() == ["hello", "v1", "web.1", "healthy", "http://hello.localhost:8080"]


async def test_a_locked_app_takes_no_release_until_it_is_unlocked(
    admin, run: Run, deployed
) -> None:
    project = await admin.app("hello", await admin.person("ann"))
    await deployed(project)
    assert (await run("ann", "apps:locked hello")).code == 1
    assert (await run("ann", "apps:lock hello")).code == 0
    assert "locked already, by ann" in (await run("root", "apps:lock hello")).err
    assert (await run("ann", "apps:locked hello")).out == "locked by ann\n"
    # Before the client has built a pack: in place of the refs.
    pushed = await run("ann", "git-receive-pack 'hello'")
    assert (pushed.code, "hello is locked by ann" in pushed.out) == (128, True)
    assert "apps:unlock hello" in pushed.err
    assert "hello is locked by ann" in (await run("root", "ps:rebuild hello")).err
    assert (await run("root", "apps:unlock hello")).code == 0
    assert "hello is not locked" in (await run("root", "apps:unlock hello")).err
    assert "capabilities" in (await run("ann", "git-receive-pack 'hello'", b"0000")).out


CONFIRMED = (
    ("", b"hello\n"), ("", b"hello"), ("", b" hello \r\n"),
    ("--confirm hello", b""), ("--force", b""),
)  # fmt: skip
NOT_CONFIRMED = (
    ("", b""), ("", b"\n"), ("", b"hell\nhello\n"), ("", b"x" * 2_000_000),
    ("--confirm other", b"hello\n"),
)  # fmt: skip


async def test_an_app_is_destroyed_once_its_name_is_confirmed(
    admin, run: Run, engine: object
) -> None:
    await admin.app("hello", await admin.person("ann"))
    for words, typed in NOT_CONFIRMED:
        answer = await run("ann", f"apps:destroy hello {words}", typed)
        assert answer.code == 1
        assert " !     hello is not destroyed: its name was not confirmed" in answer.err
    assert await names(run) == ["hello"]
    for words, typed in CONFIRMED:
        answer = await run("ann", f"apps:destroy hello {words}", typed)
        assert (answer.code, answer.out.splitlines()[-1]) == (0, "=====> hello is destroyed")
        assert await names(run) == []
        assert (await run("ann", "apps:create hello")).code == 0


async def test_a_question_is_not_asked_for_ever(
    admin, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "ANSWER_LIMIT", 0.05)
    await run("root", "apps:create hello")
    async with await admin.connect("root") as connection:
        asked = await connection.create_process("apps:destroy hello", encoding=None)
        done = await asyncio.wait_for(asked.wait(), LIMIT)
    assert done.exit_status == 1
    assert b"hello is not destroyed: its name was not confirmed" in done.stderr


TYPED = (
    (b"hell\r", b"hell\r\n", 1),
    (b"hello\x03", b"hello^C\r\n", 1),
    (b"\x04", b"\r\n", 1),
    (b"hellp\x7fo\r", b"hellp\b \bo\r\n", 0),
    (b"no\x15hello\r", b"no\b \b\b \bhello\r\n", 0),
    (b"\x7f\x01hello\r", b"hello\r\n", 0),
    ("ö\x7fhello\r".encode(), "ö\b \bhello\r\n".encode(), 0),
)


async def test_on_a_terminal_what_is_typed_shows_and_can_be_mended(
    admin, run: Run, engine: object
) -> None:
    await admin.person("ann")
    async with await admin.connect("ann") as connection:
        for typed, shown, code in TYPED:
            await run("ann", "apps:create hello")
            process = await connection.create_process(
                "apps:destroy hello", term_type="xterm", encoding=None, stderr=asyncssh.STDOUT
            )
            async with asyncio.timeout(LIMIT):
                await process.stdout.readuntil(b"(hello): ")
                process.stdin.write(typed)
                printed = await process.stdout.read()
                await process.wait()
            assert process.exit_status == code
            assert printed.startswith(shown)


async def test_destroying_leaves_nothing_of_the_app_and_all_of_the_others(
    admin, run: Run, engine: object, deployed
) -> None:
    ann, platform = await admin.person("ann"), admin.platform
    hello, other = await admin.app("hello", ann), await admin.app("other", ann)
    for project in (hello, other):
        await deployed(project, logs=["one", "two"])
    for project in (hello, other):
        platform.repositories.open(project.name).close()
        (platform.settings.data_dir / "logs" / str(project.id)).mkdir(parents=True)
        checkout = platform.checkouts / project.name
        checkout.mkdir(parents=True)
        async with platform.database.begin() as session:  # one that waits
            await deployments.create(
                session, project.id, ann.id, "main", "b" * 40, checkout=str(checkout)
            )
    following = asyncio.create_task(run("ann", "builds:output hello -f"))
    await until(lambda: asyncio.sleep(0, platform.bus._topics.get("logs:3")))
    assert (await run("ann", "apps:destroy hello --force")).code == 0
    assert "cancelled by ann" in (await following).out
    assert await names(run) == ["other"]
    for folder, kept in (("repositories", ".git"), ("checkouts", ""), ("logs", None)):
        left = {path.name for path in (platform.settings.data_dir / folder).iterdir()}
        assert left == {str(other.id) if kept is None else f"other{kept}"}
    async with platform.database.read() as session:
        assert {each.app for each in await deployments.unfinished(session)} == {"other"}
        assert set(await releases.every_live(session)) == {other.id}
    assert (await run("root", "apps:create hello")).code == 0
    assert (await run("root", "releases hello")).out == "There is none yet.\n"


async def test_an_app_that_goes_is_invisible_at_once_and_its_name_free_at_the_end(
    admin, run: Run, engine: pytest.MonkeyPatch
) -> None:
    await admin.app("hello", await admin.person("ann"))
    reached, go = asyncio.Event(), asyncio.Event()

    async def slow(_: str) -> None:
        reached.set()
        await go.wait()

    engine.setattr(admin.platform.runtime, "remove_network", slow)
    first = asyncio.create_task(run("ann", "apps:destroy hello --force"))
    await asyncio.wait_for(reached.wait(), LIMIT)
    assert await names(run) == []
    again = await run("ann", "apps:destroy hello --force")
    assert (again.code, again.err.splitlines()[0]) == (1, " !     there is no app hello")
    busy = await run("ann", "apps:create hello")
    assert "hello is being destroyed: its name is not free yet" in busy.err
    assert "is being destroyed" in (await run("ann", "git-receive-pack 'hello'", PUSH)).out
    go.set()
    assert (await first).code == 0
    assert (await run("ann", "apps:create hello")).code == 0


async def test_two_destroys_at_once_end_in_one_and_a_clear_answer(
    admin, run: Run, engine: object
) -> None:
    await admin.app("hello", await admin.person("ann"))
    both = [run(user, "apps:destroy hello --force") for user in ("ann", "root")]
    answers = sorted(await asyncio.gather(*both), key=lambda answer: answer.code)
    assert [answer.code for answer in answers] == [0, 1]
    assert "there is no app hello" in answers[1].err


STEPS = (
    ("runtime", "list_containers"), ("runtime", "list_images"), ("runtime", "remove_network"),
    ("repositories", "remove"), ("log_archive", "forget"),
)  # fmt: skip


async def test_a_destroy_that_was_cut_off_anywhere_is_finished_later(
    admin, run: Run, engine: pytest.MonkeyPatch, deployed
) -> None:
    ann = await admin.person("ann")

    def cut(*_: object) -> None:
        raise ContainerError("the engine is away")

    for part, call in STEPS:
        await deployed(await admin.app("hello", ann))
        admin.platform.repositories.open("hello").close()
        with engine.context() as broken:
            owner = getattr(admin.platform, part)
            broken.setattr(owner if part == "runtime" else type(owner), call, cut)
            failed = await run("ann", "apps:destroy hello --force")
            assert (failed.code, "the engine is away" in failed.err) == (1, True)
            assert await names(run) == []
        await complete(admin.platform, busy=60)  # who asked for it is still at it
        assert await row(admin, "hello") is not None
        await complete(admin.platform, busy=0)
        assert await row(admin, "hello") is None
        assert not admin.platform.repositories.path("hello").exists()


@pytest.mark.parametrize("end", [destroy, rename.finish_rename])
async def test_what_runs_twice_never_takes_from_who_gets_the_name_next(
    admin, engine: pytest.MonkeyPatch, end: Callable[..., Awaitable]
) -> None:
    ann, platform = await admin.person("ann"), admin.platform
    project, asked = await admin.app("hello", ann), 0
    first, second = asyncio.Event(), asyncio.Event()
    networks: list[str] = []

    async def list_containers(*_: object) -> list:
        nonlocal asked
        asked += 1
        await (first if asked == 1 else second).wait()
        return []

    async def remove_network(name: str) -> None:
        networks.append(name)

    engine.setattr(platform.runtime, "list_containers", list_containers)
    engine.setattr(platform.runtime, "remove_network", remove_network)
    async with platform.database.begin() as session:
        if end is destroy:
            await projects.set_destroying(session, project.id)
        else:
            await projects.rename(session, project, "world")
    lock = platform.name_locks.setdefault(project.id, asyncio.Lock())
    both = [asyncio.create_task(end(platform, project.id)) for _ in range(2)]
    await until(lambda: asyncio.sleep(0, asked == 2 or lock._waiters))
    await complete(platform, busy=0)  # nor does the watch wait for them
    first.set()
    await asyncio.wait(both, timeout=LIMIT, return_when=asyncio.FIRST_COMPLETED)
    await apps.create(platform, ann, "hello")
    platform.repositories.open("hello").close()
    route = Route("hello", ("hello.localhost",), (("10.0.0.9", 80),), "marker")
    platform.proxy.routes.write(route)
    second.set()
    await asyncio.gather(*both)
    assert networks == ["hello"]
    assert platform.repositories.path("hello").exists()
    assert platform.proxy.routes.read("hello") == route


async def test_a_destroy_waits_for_the_deployment_under_way(
    admin, run: Run, engine: object
) -> None:
    ann, platform = await admin.person("ann"), admin.platform
    project = await admin.app("hello", ann)
    async with platform.database.begin() as session:
        await deployments.create(session, project.id, ann.id, "main", "a" * 40)
        under_way = await deployments.claim_next(session)
        await deployments.create(session, project.id, ann.id, "main", "b" * 40)
    assert under_way is not None
    destroying = asyncio.create_task(run("ann", "apps:destroy hello --force"))
    await asyncio.wait_for(platform.queue.woken(), LIMIT)
    asked: dict[int, str] = {}
    await until(lambda: asyncio.sleep(0, asked.update(platform.queue.take_cancels()) or asked))
    assert asked == {under_way.id: "ann"}
    async with platform.database.begin() as session:
        assert await deployments.claim_next(session) is None  # what waited is cancelled before
        await deployments.transition(session, under_way.id, State.CANCELLED)
    await platform.logs.end(under_way.id)
    assert (await destroying).code == 0


async def test_an_app_without_a_release_moves_to_its_new_name_at_once(
    admin, run: Run, engine: object
) -> None:
    ann, repositories = await admin.person("ann"), admin.platform.repositories
    await admin.app("hello", ann)
    blob = Blob.from_string(b"kept")
    with repositories.open("hello") as repo:
        repo.object_store.add_object(blob)
    renamed = await run("ann", "apps:rename hello world")
    assert renamed.code == 0, renamed.err
    assert "=====> hello is world now: http://world.localhost:8080" in renamed.out
    assert await names(run) == ["world"]
    with repositories.open("world") as repo:
        assert blob.id in repo.object_store
    assert not repositories.path("hello").exists()
    assert (await run("root", "apps:create hello")).code == 0
    for name, why in (("hello", "the name hello is taken"), ("world", "its name already")):
        assert why in (await run("ann", f"apps:rename world {name}")).err
    assert "there is no app nope" in (await run("ann", "apps:rename nope other")).err


async def test_a_name_whose_last_containers_just_end_is_not_worth_a_word(
    admin, run: Run, engine: pytest.MonkeyPatch
) -> None:
    await admin.app("hello", await admin.person("ann"))
    tries = 0

    async def busy(_: str) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ContainerError("the last containers of hello are ending")

    engine.setattr(admin.platform.runtime, "remove_network", busy)
    renamed = await run("ann", "apps:rename hello world")
    assert (renamed.code, tries, "not free" in renamed.out) == (0, 3, False)
    tries = -1000
    engine.setattr(apps, "FREE_LIMIT", 0.2)
    assert "name world is not free yet: " in (await run("ann", "apps:rename world moon")).out


async def test_the_watch_tells_once_in_a_while_what_it_cannot_finish(
    admin, engine: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    project = await admin.app("hello", await admin.person("ann"))
    async with admin.platform.database.begin() as session:
        await projects.set_destroying(session, project.id)

    async def away(*_: object) -> None:
        raise ContainerError("the engine is away")

    engine.setattr(admin.platform.runtime, "list_containers", away)
    engine.setattr(watch, "complete", functools.partial(complete, busy=0))
    watching = watch.Watch(admin.platform)
    for _ in range(3):
        await watching._complete()
    told = [record.getMessage() for record in caplog.records]
    assert told == ["watch: hello is not done with yet: the engine is away"]


async def test_while_a_live_app_moves_both_names_are_its_own(
    admin, run: Run, engine: object, deployed
) -> None:
    ann, platform = await admin.person("ann"), admin.platform
    project = await admin.app("hello", ann)
    await deployed(project)
    _, deployment = await apps.rename_app(platform, ann, "hello", "world")
    assert deployment is not None
    for user, name in (("root", "hello"), ("root", "world")):
        assert f"the name {name} is taken" in (await run(user, f"apps:create {name}")).err
    early = await run("ann", "apps:rename world x")
    assert "hello, another name of world, is still being cleared" in early.err
    await complete(platform, busy=0)  # nothing to finish before the restart has ended
    assert (await row(admin, "world")).previous_name == "hello"
    async with platform.database.begin() as session:
        await deployments.claim_next(session)
        await deployments.transition(session, deployment, State.DEPLOYING)
        await deployments.commit_live(session, deployment)
    assert (await row(admin, "world")).previous_name == "hello"  # its containers still run
    assert await apps.rename.finish_rename(platform, project.id) is False
    async with platform.database.begin() as session:
        await apps.containers.remove_of_project(session, project.id)
    await complete(platform, busy=0)
    assert (await row(admin, "world")).previous_name is None
    assert (await run("root", "apps:create hello")).code == 0


async def test_a_rename_whose_restart_fails_is_undone_with_it(
    admin, run: Run, engine: object, deployed
) -> None:
    ann, platform = await admin.person("ann"), admin.platform
    await deployed(await admin.app("hello", ann))
    with platform.repositories.open("hello") as repo:
        repo.object_store.add_object(Blob.from_string(b"kept"))
    for to in (State.ERROR, State.CANCELLED):
        await fail_to_rename(admin, run, to)
    assert (await run("root", "apps:create world")).code == 0


async def fail_to_rename(admin, run: Run, to: State) -> None:
    platform = admin.platform
    renaming = asyncio.create_task(run("ann", "apps:rename hello world"))
    await until(lambda: row(admin, "world"))
    await until(lambda: asyncio.sleep(0, platform.repositories.path("world").exists()))
    async with platform.database.begin() as session:
        claimed = await deployments.claim_next(session)
        await deployments.transition(session, claimed.id, to, reason="it did not boot")
    assert await names(run) == ["hello"]  # in the same moment
    await platform.logs.end(claimed.id)
    answer = await renaming
    assert (answer.code, "hello keeps its name" in answer.out) == (1, True)
    assert platform.repositories.path("hello").exists()
    assert not platform.repositories.path("world").exists()


async def test_an_app_is_not_renamed_in_the_middle_of_a_deployment(
    admin, run: Run, deployed
) -> None:
    ann = await admin.person("ann")
    project = await admin.app("hello", ann)
    async with admin.platform.database.begin() as session:
        await deployments.create(session, project.id, ann.id, "main", "a" * 40)
    refused = await run("ann", "apps:rename hello world")
    assert "hello is being deployed: ann's push (created)" in refused.err
    assert await names(run) == ["hello"]
