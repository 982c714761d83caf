"""HTTPS: by the proxy and on API_PORT, verified by a client that trusts one authority alone."""

import asyncio
import contextlib
import http.server
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import apps
import httpx
import pytest
from certificate_authority import CertificateAuthority, serial
from daemon import Daemon, free_port, repository, wait_until

from deployzero.errors import RoutingError
from deployzero.routing.certificates import HTTPS
from deployzero.routing.proxy import Proxy
from deployzero.routing.route import Route

DOMAIN = "apps.test"
INSTANCE = "test-tls"


class Backend(http.server.BaseHTTPRequestHandler):
    """Answers with the scheme that its client used; /slow once it is let."""

    protocol_version = "HTTP/1.1"
    asked, let_go = threading.Event(), threading.Event()

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.asked.set()
            self.let_go.wait(30)
        body = f"{self.headers['X-Forwarded-Proto']} {self.headers['Host']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def backend() -> Iterator[tuple[str, int]]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield "127.0.0.1", server.server_port
        server.shutdown()
        thread.join()


class Client:
    """Asks this machine's ports for hosts of DOMAIN, trusting the authority alone."""

    def __init__(self, authority: CertificateAuthority) -> None:
        self._context = ssl.create_default_context(cafile=authority.file)

    def ask(self, port: int, host: str, method: str = "GET", path: str = "/") -> httpx.Response:
        with httpx.Client(verify=self._context, timeout=10, trust_env=False) as client:
            return client.request(
                method,
                f"https://127.0.0.1:{port}{path}",
                headers={"Host": f"{host}:{port}"},
                extensions={"sni_hostname": host},
            )

    def serial(self, port: int) -> int:
        """Of the certificate that is served to new connections."""
        return serial(ssl.get_server_certificate(("127.0.0.1", port)).encode())


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / "ca")


@pytest.fixture
def https(tmp_path: Path, authority: CertificateAuthority) -> HTTPS:
    made = HTTPS(free_port(), DOMAIN, tmp_path / "fullchain.pem", tmp_path / "privkey.pem")
    renew(made, *authority.issue(f"*.{DOMAIN}"))
    return made


def renew(https: HTTPS, chain: bytes, key: bytes) -> None:
    assert https.cert is not None
    assert https.key is not None
    https.cert.write_bytes(chain)
    https.key.write_bytes(key)


@pytest.fixture
async def plain(tmp_path: Path, backend: tuple[str, int]) -> AsyncIterator[Proxy]:
    """A proxy without TLS that serves hello."""
    made = Proxy(tmp_path / "proxy", "127.0.0.1", free_port(), INSTANCE)
    await made.ensure_running()
    route = Route("hello", (f"hello.{DOMAIN}",), (backend,), "v1")
    made.routes.write(route)
    await made.prove(route)
    yield made
    await made.stop()
    made.close()


@pytest.fixture
async def secure(plain: Proxy, tmp_path: Path, https: HTTPS) -> AsyncIterator[Proxy]:
    """The same once TLS was turned on."""
    made = Proxy(tmp_path / "proxy", "127.0.0.1", plain._port, INSTANCE, https)
    assert await made.ensure_running() is True
    yield made
    await made.stop()
    made.close()


async def test_turning_tls_on_ends_no_request_and_every_app_is_served_by_https(
    plain: Proxy, tmp_path: Path, https: HTTPS, authority: CertificateAuthority
) -> None:
    base = f"http://127.0.0.1:{plain._port}"
    async with httpx.AsyncClient(base_url=base, timeout=10, trust_env=False) as web:
        host = {"Host": f"hello.{DOMAIN}:{plain._port}"}
        slow = asyncio.create_task(web.get("/slow", headers=host))
        assert await asyncio.to_thread(Backend.asked.wait, 10)
        made = Proxy(tmp_path / "proxy", "127.0.0.1", plain._port, INSTANCE, https)
        assert await made.ensure_running() is True
        assert not slow.done(), "it is not waited for"
        Backend.let_go.set()
        assert (await slow).status_code == 200
        told = await asyncio.to_thread(Client(authority).ask, https.port, f"hello.{DOMAIN}")
        assert (told.status_code, told.text) == (200, f"https hello.{DOMAIN}:{https.port}")
        for method, status in (("GET", 302), ("POST", 307)):
            answer = await web.request(method, "/a?b=c", headers=host)
            where = f"https://hello.{DOMAIN}:{https.port}/a?b=c"
            assert (answer.status_code, answer.headers["Location"]) == (status, where)
        route = Route("new", (f"new.{DOMAIN}",), plain.routes.read("hello").backends, "v2")
        made.routes.write(route)
        assert (await made.prove(route)).status == 200
        proof = await web.get("/", headers={"Host": "new.proof.deployzero.internal"})
        assert proof.headers["X-Deployzero-Release"] == "v2"
    made.close()


async def test_a_renewed_certificate_is_served_without_a_lost_request(
    secure: Proxy,
    https: HTTPS,
    authority: CertificateAuthority,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client, host = Client(authority), f"hello.{DOMAIN}"
    statuses: list[int] = []
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            statuses.append(client.ask(https.port, host).status_code)

    async def more() -> None:
        wanted = len(statuses) + 5
        async with asyncio.timeout(10):
            while len(statuses) < wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    loading = asyncio.create_task(asyncio.to_thread(load))
    await more()
    renewed = authority.issue(f"*.{DOMAIN}")
    renew(https, *renewed)
    assert await secure.ensure_running() is False
    async with asyncio.timeout(10):
        while await asyncio.to_thread(client.serial, https.port) != serial(renewed[0]):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    for chain, key in (
        (b"no certificate", renewed[1]),
        (authority.issue(f"*.{DOMAIN}")[0], renewed[1]),
        authority.issue(f"*.{DOMAIN}", days=-1),
    ):
        renew(https, chain, key)
        caplog.clear()
        for _ in range(2):
            assert await secure.ensure_running() is False
        assert caplog.text.count("the certificate stays as it was") == 1
        assert await asyncio.to_thread(client.serial, https.port) == serial(renewed[0])
    await more()
    stop.set()
    await loading
    assert set(statuses) == {200}


async def test_without_a_certificate_the_proxys_own_serves_until_tls_is_turned_off(
    plain: Proxy, tmp_path: Path
) -> None:
    own = HTTPS(free_port(), DOMAIN, None, None)
    made = Proxy(tmp_path / "proxy", "127.0.0.1", plain._port, INSTANCE, own)
    assert await made.ensure_running() is True
    assert made.certificate is not None
    url = f"https://127.0.0.1:{own.port}/"
    host = {"Host": f"hello.{DOMAIN}"}
    context = ssl.create_default_context(cafile=made.certificate.cert)
    async with httpx.AsyncClient(verify=context, trust_env=False) as web:
        answer = await web.get(url, headers=host, extensions={"sni_hostname": host["Host"]})
    assert answer.text.startswith("https ")
    assert await plain.ensure_running() is True
    async with httpx.AsyncClient(trust_env=False) as web:
        with pytest.raises(httpx.ConnectError):
            await web.get(url)
        answer = await web.get(f"http://127.0.0.1:{plain._port}/", headers=host)
    assert answer.text.startswith("http ")
    made.close()


async def test_a_taken_https_port_is_named_and_what_runs_goes_on(
    plain: Proxy, tmp_path: Path, https: HTTPS, backend: tuple[str, int]
) -> None:
    taken = HTTPS(backend[1], DOMAIN, https.cert, https.key)
    made = Proxy(tmp_path / "proxy", "127.0.0.1", plain._port, INSTANCE, taken)
    with pytest.raises(RoutingError, match="belongs to another server") as caught:
        await made.ensure_running()
    assert "DEPLOYZERO_HTTPS_PORT" in caught.value.hint
    made.close()
    async with httpx.AsyncClient(timeout=10, trust_env=False) as web:
        url = f"http://127.0.0.1:{plain._port}/"
        assert (await web.get(url, headers={"Host": f"hello.{DOMAIN}"})).status_code == 200


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.settimeout(10)
        made.bind(str(tmp_path / "notify"))
        yield made


def test_a_server_with_a_certificate_serves_apps_and_api_by_https(
    tmp_path: Path, authority: CertificateAuthority, manager: socket.socket
) -> None:
    server = Daemon(tmp_path / "server", {"DEPLOYZERO_DOMAIN": DOMAIN})
    https = HTTPS(free_port(), DOMAIN, tmp_path / "fullchain.pem", tmp_path / "privkey.pem")
    renew(https, *authority.issue(f"*.{DOMAIN}"))
    client = Client(authority)
    with contextlib.ExitStack() as stack:
        stack.callback(server.down)
        server.start()
        pushed = server.push(repository(tmp_path / "repo", apps.script("hello")), "hello")
        assert pushed.returncode == 0, pushed.stderr
        assert server.stop() == 0
        server.environment |= {
            "DEPLOYZERO_HTTPS_PORT": str(https.port),
            "DEPLOYZERO_TLS_CERT": str(https.cert),
            "DEPLOYZERO_TLS_KEY": str(https.key),
            "NOTIFY_SOCKET": manager.getsockname(),
        }
        server.program = (*server.program[:-1], "serve")
        server.log.unlink()
        server.start()
        assert manager.recv(100) == b"READY=1"
        assert client.ask(https.port, f"hello.{DOMAIN}").text == "hello"
        for port in (https.port, server.api_port):
            health = client.ask(port, f"api.{DOMAIN}", path="/healthz")
            assert (health.status_code, health.json()["proxy"]) == (200, "ok")
        http_answer = httpx.get(
            f"http://127.0.0.1:{server.http_port}/healthz",
            headers={"Host": f"api.{DOMAIN}"}, trust_env=False,
        )  # fmt: skip
        assert http_answer.headers["Location"] == f"https://api.{DOMAIN}:{https.port}/healthz"
        links = client.ask(https.port, f"api.{DOMAIN}", path="/docs/")  # FastAPI's own redirect
        assert links.headers["Location"].startswith("https://")
        renewed = authority.issue(f"*.{DOMAIN}")
        renew(https, *renewed)
        for port in (https.port, server.api_port):
            wait_until(lambda: client.serial(port) == serial(renewed[0]), 15, "the new one")  # noqa: B023
        assert server.stop() == 0
        told = server.log.read_text()
        assert "Traceback" not in told
        assert "git push" not in told  # no greeting
