"""The real proxy: its life, its routes, and that no request is lost when they change."""

import asyncio
import contextlib
import http.server
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import docker
import httpx
import pytest
from python_image import SERVER, python

from deployzero.errors import RoutingError
from deployzero.routing import process
from deployzero.routing.proxy import Proxy
from deployzero.routing.route import RELEASE_HEADER, Route
from deployzero.runtime.container import ContainerSpec
from deployzero.runtime.docker_manager import DockerManager
from deployzero.runtime.drain import drain
from deployzero.runtime.health import DEFAULT_CHECKS, check_once, wait_healthy
from deployzero.runtime.network import free_address

INSTANCE = "test-routing"
TAG = "deployzero-test-routing:python"
pytestmark = pytest.mark.usefixtures("python_image")


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def proxy(tmp_path: Path, port: int) -> AsyncIterator[Proxy]:
    made = Proxy(tmp_path / "proxy", "127.0.0.1", port, INSTANCE)
    await made.ensure_running()
    yield made
    await made.stop()
    made.close()


@pytest.fixture
async def web(port: int) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        yield client


@pytest.fixture
def backend() -> Iterator[tuple[str, int]]:
    """A server on this host that answers with the Host header that it was asked for."""
    with _server() as address:
        yield address


async def boot(docker_manager: DockerManager, app: str, release: int, after: str | None) -> str:
    """Start a container of a release and wait for it; returns its address."""
    network = await docker_manager.ensure_network(app)
    address = free_address(network, {after or ""}, after)
    one = spec(app, release, address)
    name = await docker_manager.start(one)
    await wait_healthy(docker_manager, name, (address, 8000), port=8000, timeout=30)
    await docker_manager.settle(name, 1.0)
    return address


def spec(app: str, release: int, address: str | None = None) -> ContainerSpec:
    return ContainerSpec(
        app,
        release,
        "web",
        1,
        TAG,
        8000,
        address,
        python(SERVER),
        environment={"BODY": f"{app} v{release}"},
    )


def route(app: str, backend: tuple[str, int], marker: str = "v1", *hosts: str) -> Route:
    return Route(app, hosts or (f"{app}.localhost",), (backend,), marker)


async def test_a_route_is_in_force_once_it_is_proven(
    proxy: Proxy, web: httpx.AsyncClient, backend: tuple[str, int]
) -> None:
    for marker in ("v1", "v2"):
        proxy.routes.write(route("hello", backend, marker))
        proof = await proxy.prove(route("hello", backend, marker))
        assert proof.status == 200
        answer = await web.get("/", headers={"host": "hello.localhost"})
        assert (answer.status_code, answer.text) == (200, "hello.localhost")
        assert answer.headers[RELEASE_HEADER] == marker
    assert (await web.get("/", headers={"host": "other.localhost"})).status_code == 404
    proxy.routes.remove("hello")
    await proxy.prove_gone("hello")
    assert (await web.get("/", headers={"host": "hello.localhost"})).status_code == 404


async def test_a_wildcard_takes_neither_another_apps_host_nor_deeper_names(
    proxy: Proxy, web: httpx.AsyncClient, backend: tuple[str, int]
) -> None:
    wild = route("wild", backend, "wild", "*.example.com")
    exact = route("exact", backend, "exact", "a.example.com")
    for one in (exact, wild):
        proxy.routes.write(one)
        await proxy.prove(one)
    hosts = ("a.example.com", "b.example.com", "B.example.com:80", "b.a.example.com", "examplexcom")
    answers = [await web.get("/", headers={"host": host}) for host in hosts]
    assert [one.headers.get(RELEASE_HEADER) for one in answers] == [
        "exact",
        "wild",
        "wild",
        None,
        None,
    ]


async def test_a_broken_file_is_named_and_the_old_route_stays(
    proxy: Proxy, web: httpx.AsyncClient, backend: tuple[str, int]
) -> None:
    proxy.routes.write(route("hello", backend, "v1"))
    await proxy.prove(route("hello", backend, "v1"))
    foreign = proxy.routes.routes / "foreign.yml"
    foreign.write_text("http: [")
    proxy.routes.write(route("hello", backend, "v2"))
    with pytest.raises(RoutingError, match=r"a file in its folder is broken .*foreign\.yml"):
        await proxy.prove(route("hello", backend, "v2"), timeout=0.5)
    answer = await web.get("/", headers={"host": "hello.localhost"})
    assert answer.headers[RELEASE_HEADER] == "v1"
    foreign.unlink()
    await proxy.prove(route("hello", backend, "v2"))


async def test_a_route_to_nobody_is_not_proven(proxy: Proxy) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = route("hello", ("127.0.0.1", closed.getsockname()[1]))
        proxy.routes.write(nobody)
        with pytest.raises(RoutingError, match="through the proxy answered 502"):
            await proxy.prove(nobody, timeout=3)


async def test_paths_bodies_and_what_a_local_tls_proxy_says_arrive_unchanged(
    proxy: Proxy, web: httpx.AsyncClient, backend: tuple[str, int]
) -> None:
    proxy.routes.write(route("hello", backend))
    await proxy.prove(route("hello", backend))
    headers = {"host": "hello.localhost", "x-forwarded-for": "6.6.6.6"}
    answer = await web.get("/raw/a%2Fb%20c?q=%00&x", headers=headers)
    assert answer.text == "/raw/a%2Fb%20c?q=%00&x 6.6.6.6, 127.0.0.1"
    body = os.urandom(1 << 20)
    answer = await web.post("/", content=body, headers={"host": "hello.localhost"})
    assert answer.content == body


async def test_a_request_goes_to_another_container_when_one_is_gone(
    proxy: Proxy, web: httpx.AsyncClient, backend: tuple[str, int]
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        both = replace(route("hello", backend), backends=(closed.getsockname(), backend))
        proxy.routes.write(both)
        await proxy.prove(both)
        for _ in range(6):
            answer = await web.post("/", content=b"once", headers={"host": "hello.localhost"})
            assert (answer.status_code, answer.text) == (200, "once")


async def test_the_proxy_is_reused_and_comes_back_when_it_died(
    proxy: Proxy, port: int, tmp_path: Path
) -> None:
    second = Proxy(tmp_path / "proxy", "127.0.0.1", port, INSTANCE)
    assert await second.ensure_running() is False
    running = process.load(tmp_path / "proxy" / "traefik.pid")
    assert running is not None
    assert os.getsid(running.pid) == running.pid  # no Ctrl-C or hang-up reaches it
    os.kill(running.pid, signal.SIGKILL)
    assert await proxy.ensure_running() is True
    assert await second.answers()
    await second.stop()
    await second.stop()
    assert not await proxy.answers()
    second.close()


async def test_a_proxy_whose_starter_was_killed_before_the_pid_file_is_adopted(
    proxy: Proxy, port: int, tmp_path: Path
) -> None:
    pid_file = tmp_path / "proxy" / "traefik.pid"
    before = process.load(pid_file)
    pid_file.unlink()
    second = Proxy(tmp_path / "proxy", "127.0.0.1", port, INSTANCE)
    assert await second.ensure_running() is False
    assert process.load(pid_file) == before
    second.close()


async def test_an_orphan_with_another_configuration_is_replaced_and_stop_ends_one(
    proxy: Proxy, port: int, tmp_path: Path
) -> None:
    pid_file = tmp_path / "proxy" / "traefik.pid"
    before = process.load(pid_file)
    assert before is not None
    pid_file.unlink()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        other_port = probe.getsockname()[1]
    changed = Proxy(tmp_path / "proxy", "127.0.0.1", other_port, INSTANCE)
    assert await changed.ensure_running() is True
    assert not before.alive()
    assert await changed.answers()
    pid_file.unlink()
    await changed.stop()
    assert not await changed.answers()
    changed.close()


async def test_the_watch_writes_nothing_while_nothing_changed(proxy: Proxy, tmp_path: Path) -> None:
    folder = tmp_path / "proxy"
    before = {p: p.stat().st_mtime_ns for p in (folder / "traefik.yml", folder / "routes")}
    assert await proxy.ensure_running() is False
    assert {path: path.stat().st_mtime_ns for path in before} == before


async def test_the_proxy_starts_anew_when_its_configuration_changed(
    proxy: Proxy, tmp_path: Path, port: int
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        other_port = probe.getsockname()[1]
    changed = Proxy(tmp_path / "proxy", "127.0.0.1", other_port, INSTANCE)
    assert await changed.ensure_running() is True
    assert await changed.answers()
    assert not await proxy.answers()
    await changed.stop()
    changed.close()


async def test_a_taken_port_is_named_with_its_setting(
    tmp_path: Path, proxy: Proxy, port: int, backend: tuple[str, int]
) -> None:
    other = Proxy(tmp_path / "other", "127.0.0.1", port, "other")
    with pytest.raises(RoutingError, match=rf"port {port} .* another deployzero") as error:
        await other.ensure_running()
    assert "DEPLOYZERO_HTTP_PORT" in error.value.hint
    other.close()
    third = Proxy(tmp_path / "third", "127.0.0.1", backend[1], "third")
    with pytest.raises(RoutingError, match="belongs to another server"):
        await third.ensure_running()
    third.close()
    assert await proxy.answers()


async def test_ten_redeploys_under_load_lose_no_request(
    proxy: Proxy, docker_manager: DockerManager, web: httpx.AsyncClient
) -> None:
    address = await boot(docker_manager, "hello", 0, None)
    proxy.routes.write(route("hello", (address, 8000), "v0"))
    await proxy.prove(route("hello", (address, 8000), "v0"))
    load = Load(web, "hello.localhost")
    loading = asyncio.create_task(load.run())
    for release in range(1, 11):
        old = docker_manager.name_of(spec("hello", release - 1))
        address = await boot(docker_manager, "hello", release, address)
        one = route("hello", (address, 8000), f"v{release}")
        proxy.routes.write(one)
        await proxy.prove(one)
        answer = await web.get("/", headers={"host": "hello.localhost"})
        assert answer.text == f"hello v{release}"
        await drain(docker_manager, old, 8000, 10)
        await docker_manager.stop(old, 5)
        await docker_manager.remove(old)
    load.stopping.set()
    await asyncio.wait_for(loading, 30)
    assert load.lost == []
    assert load.seen == {f"hello v{release}" for release in range(11)}
    assert load.count > 500


async def test_after_a_restart_in_another_order_every_route_reaches_its_own_app(
    proxy: Proxy, docker_manager: DockerManager, web: httpx.AsyncClient
) -> None:
    client = docker.APIClient()
    apps = ("one", "two")
    targets: dict[tuple[str, int], str] = {}
    for app in apps:
        after = None
        for release in (1, 2):
            after = targets[app, release] = await boot(docker_manager, app, release, after)
        for release in (1, 2):
            hosts = (f"{app}{release}.localhost",)
            one = Route(f"{app}{release}", hosts, ((targets[app, release], 8000),), "v1")
            proxy.routes.write(one)
            await proxy.prove(one)
    names = {key: docker_manager.name_of(spec(*key)) for key in targets}
    for name in names.values():
        await docker_manager.stop(name, 0)
    for key in reversed(names):
        await asyncio.to_thread(client.start, names[key])
    client.close()
    for (app, release), address in targets.items():
        async with asyncio.timeout(30):
            while await check_once((address, 8000), 8000, DEFAULT_CHECKS):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        answer = await web.get("/", headers={"host": f"{app}{release}.localhost"})
        assert answer.text == f"{app} v{release}"


class Load:
    """A hundred requests a second, each with its own answer accounted for."""

    def __init__(self, web: httpx.AsyncClient, host: str) -> None:
        self.stopping = asyncio.Event()
        self.lost: list[str] = []
        self.seen: set[str] = set()
        self.count = 0
        self._web = web
        self._host = host

    async def run(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        async with asyncio.TaskGroup() as group:
            while not self.stopping.is_set():
                group.create_task(self._ask())
                due += 0.01
                await asyncio.sleep(max(0, due - clock()))

    async def _ask(self) -> None:
        self.count += 1
        try:
            answer = await self._web.get("/", headers={"host": self._host})
        except httpx.HTTPError as error:
            self.lost.append(repr(error))
            return
        if answer.status_code != 200:
            self.lost.append(f"{answer.status_code}: {answer.text[:80]}")
        self.seen.add(answer.text)


class _Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        text = self.headers["host"]
        if self.path.startswith("/raw/"):
            text = f"{self.path} {self.headers['x-forwarded-for']}"
        self._answer(text.encode())

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["content-length"])))

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _server() -> Iterator[tuple[str, int]]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield "127.0.0.1", server.server_port
        server.shutdown()
        thread.join()
