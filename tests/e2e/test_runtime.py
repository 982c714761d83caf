"""Containers on the real engine: limits, networks, health, and every way to fail."""

import asyncio
import contextlib
import http.server
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from python_image import SERVER, python

from deployzero.build.builder import Builder, BuildRequest
from deployzero.errors import ContainerError, ResourceLimitError
from deployzero.models.project import HealthCheck, ProjectConfig
from deployzero.runtime import docker_networks, health
from deployzero.runtime.container import ContainerSpec
from deployzero.runtime.docker_manager import AddressInUseError, DockerManager
from deployzero.runtime.drain import drain
from deployzero.runtime.firewall import Firewall
from deployzero.runtime.health import DEFAULT_CHECKS, check_once, wait_healthy, wait_running
from deployzero.runtime.labels import instance_key
from deployzero.runtime.network import free_address, free_subnets, gateway_of
from deployzero.settings import Settings

INSTANCE = "test-runtime"
TAG = "deployzero-test-runtime:python"
pytestmark = pytest.mark.usefixtures("python_image")
IDLE = python("import time; print('up', flush=True); time.sleep(600)")


@pytest.fixture
def client() -> Iterator[docker.APIClient]:
    made = docker.APIClient()
    yield made
    made.close()


async def spec(
    docker_manager: DockerManager,
    app: str = "hello",
    taken: tuple[str, ...] = (),
    **environment: str,
) -> ContainerSpec:
    address = free_address(await docker_manager.ensure_network(app), taken)
    return ContainerSpec(
        app, 1, "web", 1, TAG, 8000, address, python(SERVER), environment=environment
    )


async def healthy(
    docker_manager: DockerManager,
    one: ContainerSpec,
    checks: tuple[HealthCheck, ...] = DEFAULT_CHECKS,
    timeout: float = 20,
    speaks: bool = False,
) -> float:
    """speaks: its first line is waited for, for longer than the timeout."""
    name = await docker_manager.start(one)
    if speaks:
        await first_line(docker_manager, name)
    target = await docker_manager.reach(name, one.address or "", one.port)
    return await wait_healthy(
        docker_manager, name, target, port=one.port, checks=checks, timeout=timeout
    )


async def first_line(docker_manager: DockerManager, name: str) -> None:
    async with asyncio.timeout(20):
        while not await docker_manager.logs_tail(name):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def output(docker_manager: DockerManager, one: ContainerSpec, code: str) -> list[str]:
    lines: list[str] = []
    once = replace(one, process="run", address=None, command=python(code))
    await docker_manager.run(once, lines.append, 60)
    return lines


async def test_a_started_app_becomes_healthy_and_is_seen(docker_manager: DockerManager) -> None:
    one = await spec(docker_manager)
    assert await healthy(docker_manager, one) < 15
    name = docker_manager.name_of(one)
    status = await docker_manager.status(name)
    assert status is not None
    assert status.running
    assert status.address == one.address
    assert status.memory_bytes == 512 * 1024**2
    (listed,) = await docker_manager.list_containers()
    assert (listed.app, listed.deployment_id, listed.process, listed.index) == (
        "hello",
        1,
        "web",
        1,
    )
    assert await docker_manager.logs_tail(name) == ["serving 0.0.0.0 8000"]
    assert await check_once((str(one.address), 8000), 8000, DEFAULT_CHECKS) == ""


async def test_limits_and_hardening_are_what_the_engine_holds(
    docker_manager: DockerManager, client: docker.APIClient
) -> None:
    one = await spec(docker_manager, SECRET="s3cret")
    name = await docker_manager.start(one)
    host = client.inspect_container(name)["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == one.memory_bytes
    assert (host["CpuQuota"], host["CpuPeriod"]) == (200_000, 100_000)
    assert host["PidsLimit"] == 512
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["RestartPolicy"]["Name"] == "no"
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
    assert not host["PortBindings"]
    await docker_manager.settle(name, 0.5)
    host = client.inspect_container(name)["HostConfig"]
    assert host["CpuQuota"] == 50_000
    assert host["CpuShares"] == 1024
    assert host["RestartPolicy"]["Name"] == "always"


async def test_generated_images_have_no_capability_and_no_way_to_gain_any(
    docker_manager: DockerManager,
) -> None:
    one = await spec(docker_manager)
    code = """
wanted = ("CapEff", "CapBnd", "NoNewP")
print(*(line.split()[1] for line in open("/proc/self/status") if line[:6] in wanted))
"""
    assert await output(docker_manager, one, code) == ["0000000000000000 0000000000000000 1"]
    own = await output(docker_manager, replace(one, generated_image=False), code)
    bounding = int(own[0].split()[1], 16)
    assert bounding & (1 << 0)  # CAP_CHOWN, which nginx's image needs
    assert not bounding & (1 << 13 | 1 << 27)  # CAP_NET_RAW, CAP_MKNOD


async def test_what_settled_comes_back_after_a_crash_on_its_address(
    docker_manager: DockerManager,
) -> None:
    one = await spec(docker_manager)
    await healthy(docker_manager, one)
    name = docker_manager.name_of(one)
    await docker_manager.settle(name, 0.5)
    before = await docker_manager.status(name)
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)
    async with asyncio.timeout(20):
        while (now := await docker_manager.status(name)) is None or not now.restarts:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    async with asyncio.timeout(20):
        while await check_once((str(one.address), 8000), 8000, DEFAULT_CHECKS):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    after = await docker_manager.status(name)
    assert after is not None
    assert (after.address, after.restarts > 0) == (before.address, True)


async def test_a_crash_at_boot_is_known_at_once_with_the_last_lines(
    docker_manager: DockerManager,
) -> None:
    one = replace(
        await spec(docker_manager),
        command=python("for n in range(80): print('line', n)\nraise SystemExit(3)"),
    )
    begun = time.monotonic()
    with pytest.raises(
        ContainerError, match=r"^the app exited with code 3 after \d+\.\ds$"
    ) as error:
        await healthy(docker_manager, one, timeout=60)
    assert time.monotonic() - begun < 15
    assert list(error.value.detail) == [f"line {n}" for n in range(30, 80)]


async def test_an_out_of_memory_kill_is_named_with_the_limit(docker_manager: DockerManager) -> None:
    one = replace(
        await spec(docker_manager),
        command=python("data = []\nwhile True: data.append(b'x' * 4_000_000)"),
        memory_bytes=64 * 1024**2,
    )
    with pytest.raises(ResourceLimitError, match=r"^out of memory: killed at the limit of 64 MB$"):
        await healthy(docker_manager, one)


async def test_an_out_of_memory_kill_of_a_worker_is_named_too(
    docker_manager: DockerManager,
) -> None:
    code = """
import subprocess, sys, time
subprocess.run([sys.executable, "-S", "-c", "b'x' * 200_000_000"])
print("it is gone", flush=True)
time.sleep(600)
"""
    one = replace(await spec(docker_manager), command=python(code), memory_bytes=64 * 1024**2)
    with pytest.raises(ResourceLimitError, match="out of memory"):
        await healthy(docker_manager, one, timeout=1, speaks=True)


@pytest.mark.parametrize(
    ("environment", "seen"),
    [
        ({"LISTEN_PORT": "5000"}, "listens on 0.0.0.0:5000, expected 0.0.0.0:8000"),
        ({"LISTEN": "127.0.0.1"}, "listens on 127.0.0.1:8000, expected 0.0.0.0:8000"),
        ({"STATUS": "503"}, "GET / answered 503"),
    ],
)
async def test_an_unhealthy_app_is_told_what_was_seen(
    docker_manager: DockerManager, environment: dict[str, str], seen: str
) -> None:
    one = await spec(docker_manager, **environment)
    with pytest.raises(ContainerError) as error:
        await healthy(docker_manager, one, timeout=2, speaks=True)
    assert error.value.message == f"the app is not healthy after 2s: {seen}"
    assert ("0.0.0.0:$PORT" in error.value.hint) == ("listens" in seen)
    assert error.value.detail[0].startswith("serving")


async def test_a_port_held_on_the_loopback_address_is_not_waited_for(
    docker_manager: DockerManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "NOTE_AFTER", 0.2)
    monkeypatch.setattr(health, "LOOPBACK_PAUSE", 0.2)
    one = await spec(docker_manager, LISTEN="127.0.0.1")
    async with asyncio.timeout(30):
        with pytest.raises(ContainerError, match=r"listens on 127\.0\.0\.1:8000, expected"):
            await healthy(docker_manager, one, timeout=60)


async def test_nothing_that_listens_is_named(docker_manager: DockerManager) -> None:
    one = replace(await spec(docker_manager), command=IDLE)
    with pytest.raises(ContainerError, match=r"nothing listens on port 8000$"):
        await healthy(docker_manager, one, timeout=1)


async def test_checks_of_app_json_are_kept(docker_manager: DockerManager) -> None:
    one = await spec(docker_manager, BODY="ready now")
    await healthy(docker_manager, one, (HealthCheck(path="/up", content="ready"),))
    await docker_manager.remove(docker_manager.name_of(one))
    with pytest.raises(ContainerError, match=r"GET /up answered 200 without 'gone'$"):
        await healthy(docker_manager, one, (HealthCheck(path="/up", content="gone", attempts=2),))


@pytest.mark.parametrize(("answer", "grace"), [("sys.exit(0)", 20), ("None", 0.5)])
async def test_what_is_stopped_is_asked_first_and_stays_down(
    docker_manager: DockerManager, answer: str, grace: float
) -> None:
    code = f"""
import signal, sys, time
def asked(*args):
    print("asked", flush=True)
    {answer}
signal.signal(signal.SIGTERM, asked)
print("up", flush=True)
while True: time.sleep(60)
"""
    name = await docker_manager.start(replace(await spec(docker_manager), command=python(code)))
    await docker_manager.settle(name, 0.5)
    await first_line(docker_manager, name)
    begun = time.monotonic()
    await docker_manager.stop(name, grace)
    assert time.monotonic() - begun < 15
    assert (await docker_manager.logs_tail(name))[-1] == "asked"
    status = await docker_manager.status(name)
    assert status is not None
    assert (status.running, status.restarts) == (False, 0)


async def test_a_process_without_a_port_is_well_when_it_lives(
    docker_manager: DockerManager,
) -> None:
    one = replace(await spec(docker_manager), command=IDLE)
    await wait_running(docker_manager, await docker_manager.start(one), 0.5)
    await docker_manager.remove(docker_manager.name_of(one))
    name = await docker_manager.start(replace(one, command=python("raise SystemExit(4)")))
    with pytest.raises(ContainerError, match="code 4"):
        await wait_running(docker_manager, name, 20)


async def test_a_start_that_fails_leaves_nothing(docker_manager: DockerManager) -> None:
    one = await spec(docker_manager)
    with pytest.raises(ContainerError, match="is not on the engine"):
        await docker_manager.start(replace(one, image="deployzero-test:missing"))
    assert await docker_manager.list_containers() == []


async def test_a_command_that_is_not_there_is_told(docker_manager: DockerManager) -> None:
    one = replace(await spec(docker_manager), command=("/no/such/program",))
    with pytest.raises(ContainerError, match=r"^the app exited with code 127") as error:
        await healthy(docker_manager, one)
    assert "there is no program '/no/such/program' in the image" in error.value.message
    assert "/no/such/program" in error.value.detail[0]


async def test_an_address_in_use_is_named_as_that(docker_manager: DockerManager) -> None:
    one = await spec(docker_manager)
    await docker_manager.start(one)
    with pytest.raises(AddressInUseError):
        await docker_manager.start(replace(one, index=2))
    assert len(await docker_manager.list_containers()) == 1


async def test_a_cancelled_start_leaves_nothing(docker_manager: DockerManager) -> None:
    one = await spec(docker_manager)
    starting = asyncio.ensure_future(docker_manager.start(one))
    await asyncio.sleep(0)
    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting
    assert await docker_manager.list_containers() == []


async def test_a_one_off_run_streams_its_lines_and_leaves_nothing(
    docker_manager: DockerManager,
) -> None:
    one = await spec(docker_manager)
    once = replace(
        one,
        process="release",
        address=None,
        command=python(
            "import os, sys\n"
            "print('migrating', os.environ['DB'], flush=True)\n"
            "print('no', file=sys.stderr)\n"
            "sys.exit(7)"
        ),
        environment={"DB": "here"},
    )
    lines: list[str] = []
    assert await docker_manager.run(once, lines.append, 30) == 7
    assert sorted(lines) == ["migrating here", "no"]
    assert await docker_manager.list_containers() == []


async def test_a_one_off_run_ends_at_its_limit_or_when_cancelled(
    docker_manager: DockerManager,
) -> None:
    once = replace(await spec(docker_manager), process="release", address=None, command=IDLE)
    with pytest.raises(ContainerError, match="the release command did not end within 1s"):
        await docker_manager.run(once, print, 1)
    assert await docker_manager.list_containers() == []
    came = asyncio.Event()
    running = asyncio.ensure_future(docker_manager.run(once, lambda _: came.set(), 60))
    await asyncio.wait_for(came.wait(), 20)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await docker_manager.list_containers() == []


async def test_a_deleted_network_is_made_again_on_its_subnet(
    docker_manager: DockerManager, client: docker.APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def last_first(used: Iterable[str]) -> Iterator[str]:
        """For a moment it is free, and servers of other tests take the first."""
        return reversed([*free_subnets(used)])

    monkeypatch.setattr(docker_networks, "free_subnets", last_first)
    one = await spec(docker_manager)
    network = await docker_manager.ensure_network("hello")
    client.remove_network(network.name)
    assert await docker_manager.start(one) == docker_manager.name_of(one)
    assert await docker_manager.ensure_network("hello") == network


async def test_what_is_not_ours_is_never_touched(
    docker_manager: DockerManager, client: docker.APIClient
) -> None:
    made = client.create_container(TAG, list(IDLE), name="deployzero-test-foreign")["Id"]
    try:
        with pytest.raises(ContainerError, match="does not belong"):
            await docker_manager.remove(made)
        with pytest.raises(ContainerError, match="does not belong"):
            await docker_manager.stop(made, 0)
        assert await docker_manager.list_containers() == []
        other = DockerManager("", "test-runtime-other")
        with pytest.raises(ContainerError, match="does not belong"):
            await other.remove_image(TAG)
        assert await other.list_images() == []
        other.close()
        assert [image.tags for image in await docker_manager.list_images()] == [(TAG,)]
    finally:
        client.remove_container(made, force=True)


async def test_removing_is_idempotent(docker_manager: DockerManager) -> None:
    await docker_manager.remove("deployzero-test-none")
    await docker_manager.stop("deployzero-test-none", 1)
    await docker_manager.remove_network("none")
    await docker_manager.remove_image("deployzero-test:none")
    assert await docker_manager.status("deployzero-test-none") is None
    assert await docker_manager.logs_tail("deployzero-test-none") == []


async def test_what_somebody_else_removes_is_gone_when_its_removal_returns(
    docker_manager: DockerManager,
) -> None:
    for _ in range(3):
        one = await spec(docker_manager)
        name = await docker_manager.start(one)
        removals = [asyncio.create_task(docker_manager.remove(name)) for _ in range(3)]
        for removal in asyncio.as_completed(removals):  # whichever it is
            await removal
            assert await docker_manager.status(name) is None


async def test_apps_cannot_reach_each_other_nor_control_ports(
    docker_manager: DockerManager,
) -> None:
    hello = await spec(docker_manager, "hello")
    await healthy(docker_manager, hello)
    other = await spec(docker_manager, "other")
    firewall = Firewall(INSTANCE)
    with _http_server() as open_port, _http_server() as control_port:
        assert await firewall.apply([control_port]) is None
        assert await firewall.apply([control_port]) is None
        try:
            gateway = (await docker_manager.ensure_network("other")).gateway
            targets = [
                (gateway, open_port),
                (gateway, control_port),
                (hello.address, 8000),
                ("169.254.169.254", 80),
            ]
            code = _trying(targets)
            assert await output(docker_manager, other, code) == ["open", *["closed"] * 3]
        finally:
            await firewall.remove()
    rules = await _rules()
    assert f"DEPLOYZERO-{instance_key(INSTANCE)}" not in rules


async def test_a_build_step_reaches_neither_control_ports_nor_metadata(tmp_path: Path) -> None:
    """Steps run on docker's default bridge: an open port there shows that they do."""
    bridge = docker.APIClient().inspect_network("bridge")
    gateway = gateway_of(bridge["IPAM"]["Config"][0]["Subnet"])
    firewall = Firewall(INSTANCE)
    settings = Settings(data_dir=tmp_path / "data", base_images="debian")
    builder = Builder(settings, INSTANCE, b"the same for every run")
    lines: list[str] = []
    with _http_server() as open_port, _http_server() as control_port:
        targets = [(gateway, open_port), (gateway, control_port), ("169.254.169.254", 80)]
        source = tmp_path / "source"
        source.mkdir()
        (source / "try.py").write_text(_trying(targets))
        assert await firewall.apply([control_port]) is None
        tag = f"deployzero-{INSTANCE}/step:1"
        config = ProjectConfig("python", build_command="python try.py", start_command="true")
        marks = {"deployzero.instance": INSTANCE}
        try:
            await builder.build(BuildRequest("step", tag, source, config, marks), lines.append)
        finally:
            await firewall.remove()
            await builder.close()
    docker.APIClient().remove_image(tag, force=True)
    assert [line for line in lines if line in ("open", "closed")] == ["open", "closed", "closed"]


async def test_draining_waits_for_what_is_under_way(docker_manager: DockerManager) -> None:
    one = await spec(docker_manager)
    await healthy(docker_manager, one)
    name = docker_manager.name_of(one)
    assert 0.5 <= await drain(docker_manager, name, 8000, 10) < 5
    _, writer = await asyncio.open_connection(one.address, 8000)
    assert await drain(docker_manager, name, 8000, 1) >= 1
    draining = asyncio.ensure_future(drain(docker_manager, name, 8000, 30))
    await asyncio.sleep(0)
    writer.close()
    assert await draining < 10


async def test_where_addresses_are_out_of_reach_a_port_on_loopback_is_used(
    docker_manager: DockerManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployzero.runtime.docker_networks.is_local", lambda _: False)
    one = await spec(docker_manager)
    name = await docker_manager.start(one)
    target = await docker_manager.reach(name, str(one.address), 8000)
    assert target[0] == "127.0.0.1"
    assert target[1] != 8000
    await wait_healthy(docker_manager, name, target, port=8000, timeout=20)


async def test_an_engine_that_does_not_answer_is_named() -> None:
    gone = DockerManager("unix:///nonexistent.sock", INSTANCE)
    with pytest.raises(ContainerError, match="the Docker Engine does not answer") as error:
        await gone.list_containers()
    assert "deployzero doctor" in error.value.hint
    gone.close()


def _trying(targets: list[tuple[str, int]]) -> str:
    return f"""
import socket
for target in {targets!r}:
    try: socket.create_connection(target, 2).close(); print('open')
    except OSError: print('closed')
"""


@contextlib.contextmanager
def _http_server() -> Iterator[int]:
    server = http.server.HTTPServer(("0.0.0.0", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def _rules() -> str:
    process = await asyncio.create_subprocess_exec("iptables-save", stdout=asyncio.subprocess.PIPE)
    return (await process.communicate())[0].decode()


async def test_what_a_container_uses_is_measured_as_it_works(
    docker_manager: DockerManager,
) -> None:
    address = free_address(await docker_manager.ensure_network("hello"), ())
    code = "kept = bytearray(64 << 20)\nprint('up', flush=True)\nwhile True: pass"
    one = ContainerSpec("hello", 1, "web", 1, TAG, 8000, address, python(code), boot_cpus=0.5)
    name = await docker_manager.start(one)
    await first_line(docker_manager, name)
    found = await docker_manager.usage(name)
    assert found is not None
    assert 0.05 < found.cpus < 1  # its limit is half a core
    assert 64 << 20 < found.memory_bytes < 128 << 20
    assert found.memory_limit == one.memory_bytes
    await docker_manager.stop(name, 0)
    assert await docker_manager.usage(name) is None
    await docker_manager.remove(name)
    assert await docker_manager.usage(name) is None
