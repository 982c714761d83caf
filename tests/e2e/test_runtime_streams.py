"""What a container prints, what happens to it, and programs that somebody talks to."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace

import docker
import pytest
from python_image import python

from deployzero.errors import ContainerError
from deployzero.runtime.attachment import STDERR, STDOUT, Attachment
from deployzero.runtime.container import ContainerSpec
from deployzero.runtime.docker_manager import DockerManager
from deployzero.runtime.engine_stream import NoSuchContainerError
from deployzero.runtime.lines import LINE_LIMIT
from deployzero.runtime.log_entries import LogEntry

INSTANCE = "test-streams"
TAG = "deployzero-test-streams:python"
pytestmark = pytest.mark.usefixtures("python_image")
LIMIT = 30.0
ECHO = "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer, 1 << 16)"


def spec(code: str, **changes: object) -> ContainerSpec:
    one = ContainerSpec("hello", 1, "web", 1, TAG, 8000, command=python(code))
    return replace(one, boot_cpus=2.0, **changes)


async def entries(docker_manager: DockerManager, name: str, **wanted: object) -> list[LogEntry]:
    async with docker_manager.logs(name, **wanted) as batches:  # type: ignore[arg-type]
        return [entry async for batch in batches for entry in batch]


async def test_a_log_is_followed_to_its_end_and_taken_up_where_it_was_left(
    docker_manager: DockerManager,
) -> None:
    code = "print('a\\n' + 'x' * 40_000 + '\\nb', flush=True); print('end', end='')"
    name = await docker_manager.start(spec(code))
    async with asyncio.timeout(LIMIT):
        lines = await entries(docker_manager, name, follow=True)
    # An engine may close a followed log right before its last lines (seen on 20.10).
    lines += (await entries(docker_manager, name, since=lines[-1].at))[1:]
    assert [line.text for line in lines] == ["a", "x" * LINE_LIMIT, "b", "end"]
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert await entries(docker_manager, name, since=lines[2].at) == lines[2:]
    assert await entries(docker_manager, name, tail=1) == lines[3:]
    with pytest.raises(NoSuchContainerError):
        await entries(docker_manager, "deployzero-test-none")


async def test_what_happens_to_ours_is_told_and_nothing_else(
    docker_manager: DockerManager,
) -> None:
    other = DockerManager("", INSTANCE + "-other")
    async with docker_manager.events() as events, asyncio.timeout(LIMIT):
        for manager in (other, docker_manager):
            name = await manager.start(spec("pass"))
            while (status := await manager.status(name)) and status.running:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            await manager.remove(name)
        seen = [await anext(events) for _ in range(3)]
    await other.remove_network("hello")
    other.close()
    assert [event.action for event in seen] == ["start", "die", "destroy"]
    assert {(event.container.name, event.container.source) for event in seen} == {(name, "web.1")}


async def output(attachment: Attachment) -> dict[int, bytes]:
    found = {STDOUT: b"", STDERR: b""}
    async for source, data in attachment.output():
        found[source] += data
    return found


@contextlib.asynccontextmanager
async def attached(
    docker_manager: DockerManager, code: str, terminal: bool = False, **changes: object
) -> AsyncIterator[Attachment]:
    one = spec(code, process="run", attached=True, terminal=terminal, **changes)
    async with asyncio.timeout(LIMIT):
        attachment = await docker_manager.attach(one)
        try:
            yield attachment
        finally:
            await attachment.end()


async def test_a_program_gets_its_input_and_its_outputs_and_code_come_back(
    docker_manager: DockerManager,
) -> None:
    code = "import sys; print(sys.stdin.read().upper()); print('no', file=sys.stderr); sys.exit(7)"
    async with attached(docker_manager, code) as program:
        await program.write(b"hello")
        program.end_input()
        assert await output(program) == {STDOUT: b"HELLO\n", STDERR: b"no\n"}
        assert await program.exit_code() == 7
    assert await docker_manager.list_containers() == []


async def test_bytes_pass_through_unharmed_and_nothing_is_read_ahead(
    docker_manager: DockerManager,
) -> None:
    block = bytes(range(256)) * 256
    blocks = 300
    async with attached(docker_manager, ECHO, cpus=2.0) as program:
        sent = 0

        async def send() -> None:
            nonlocal sent
            for _ in range(blocks):
                await program.write(block)
                sent += 1
            program.end_input()

        sending = asyncio.create_task(send())
        reading = program.output()
        got = bytearray((await anext(reading))[1])
        while True:  # nobody reads on: what is sent stops where the buffers are full
            before = sent
            await asyncio.sleep(0.2)
            if sent == before:
                break
        assert sent < blocks
        async for source, data in reading:
            assert source == STDOUT
            got += data
        await sending
    assert bytes(got) == block * blocks


async def test_a_terminal_follows_its_window(docker_manager: DockerManager) -> None:
    code = """
import os, signal, sys
seen = []
signal.signal(signal.SIGWINCH, lambda *_: print(*os.get_terminal_size(), flush=True))
print(sys.stdin.isatty(), os.environ["TERM"], flush=True)
print(repr(sys.stdin.readline()), flush=True)
"""
    once = attached(docker_manager, code, True, environment={"TERM": "vt220"})
    async with once as program:
        reading = program.output()
        seen = b""
        while b"True vt220\r\n" not in seen:
            seen += (await anext(reading))[1]
        await program.resize(132, 43)
        while b"132 43\r\n" not in seen:
            seen += (await anext(reading))[1]
        await program.write(b"done\n")
        async for _, data in reading:
            seen += data
        assert b"'done\\n'" in seen
        assert await program.exit_code() == 0


async def test_a_program_in_a_running_container(docker_manager: DockerManager) -> None:
    name = await docker_manager.start(spec("import time; time.sleep(600)"))
    code = "import os, sys; print(os.environ['X'], sys.stdin.read()); sys.exit(7)"
    program = await docker_manager.execute(name, python(code), {"X": "y"}, False)
    await program.write(b"hello")
    program.end_input()
    assert await output(program) == {STDOUT: b"y hello\n", STDERR: b""}
    assert await program.exit_code() == 7
    await program.end()
    with pytest.raises(ContainerError):
        await docker_manager.execute("deployzero-test-none", python(code), {}, False)


@pytest.mark.parametrize("terminal", [False, True])
async def test_a_program_in_a_container_ends_with_whoever_held_it(
    docker_manager: DockerManager, terminal: bool
) -> None:
    name = await docker_manager.start(spec("import time; time.sleep(600)"))
    client = docker.APIClient()
    code = "import signal, time; signal.signal(1, signal.SIG_IGN); print('up', flush=True)"
    code += "; time.sleep(600)"
    program = await docker_manager.execute(name, python(code), {}, terminal)
    assert (await anext(program.output()))[1].strip() == b"up"
    before = len(client.top(name)["Processes"])
    await program.end()
    async with asyncio.timeout(LIMIT):
        for _ in itertools.count():
            left = len(client.top(name)["Processes"])
            if left < before:
                break
            await asyncio.sleep(0.05)
    status = await docker_manager.status(name)
    assert status is not None
    assert status.running
    client.close()
