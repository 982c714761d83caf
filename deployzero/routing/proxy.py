"""The proxy: Traefik as a process of its own, which goes on while deployzero restarts."""

import asyncio
import hashlib
import logging
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

import httpx
import yaml

from deployzero.errors import RoutingError, SettingsError
from deployzero.routing import process
from deployzero.routing.binary import Version, find_traefik
from deployzero.routing.certificates import (
    HTTPS,
    Pair,
    forget_others,
    read_certificate,
    self_signed,
    take_over,
)
from deployzero.routing.proof import Proof, ProxyClient, instance_at, prove, prove_gone
from deployzero.routing.route import Route
from deployzero.routing.route_files import OWN, RouteFiles
from deployzero.routing.static_config import own_routes, static_config

logger = logging.getLogger(__name__)

T = TypeVar("T")
A = TypeVarTuple("A")
START_TIMEOUT = 15.0
PORT_GRACE = 2.0
STOP_GRACE = 12.0
"""A little more than Traefik's own grace for requests that are under way."""
BUSY_TIMEOUT = 10.0
"""A busy proxy may be slow; it is not restarted for that."""
LOG_LINES = 10


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the proxy is to run with."""

    digest: str
    """Of what it is started with."""
    static: str
    own: dict[str, Any]
    pair: Pair


class Proxy:
    """The embedded Traefik of one data directory. `folder` is `<data_dir>/proxy`."""

    def __init__(
        self, folder: Path, bind: str, port: int, instance: str, https: HTTPS | None = None
    ) -> None:
        self.routes = RouteFiles(folder / "routes", folder / "incoming")
        self._folder = folder
        self._bind = bind
        self._port = port
        self._instance = instance
        self._https = https
        self._ports = {"HTTP_PORT": ProxyClient(bind, port)}
        if https is not None:
            self._ports["HTTPS_PORT"] = ProxyClient(bind, https.port, tls=True)
        self._address = list(self._ports.values())[-1]
        self._pair: Pair | None = None
        self._bad_certificate = ""
        self._lock = asyncio.Lock()
        self._threads = ThreadPoolExecutor(1, "proxy")
        self._traefik: tuple[str, Version] | None = None
        self._child: subprocess.Popen[bytes] | None = None

    async def ensure_running(self) -> bool:
        """Start it, or start it anew when its configuration changed; True when it did.

        For the start and for a watchdog alike: while all is well it costs one request.
        Raises RoutingError, naming the setting when the port is somebody else's.
        """
        async with self._lock:
            plan = await self._in_thread(self._plan)
            running = await self._find()
            if running and running.config != plan.digest:
                await self._check_free(but_for=self._instance)  # before anything is changed
            await self._in_thread(self._write, plan)
            if running:
                if running.config == plan.digest and await self.answers(BUSY_TIMEOUT):
                    return False
                await self._let_go(running)
            await self._check_free(PORT_GRACE)
            await self._start(plan.digest)
            return True

    async def stop(self) -> None:
        """SIGTERM, wait for requests under way, SIGKILL. Idempotent; from any process."""
        async with self._lock:
            await self._end()
            self._pid_file.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of it; the proxy goes on."""
        self._threads.shutdown(wait=False)

    @property
    def certificate(self) -> Pair | None:
        """What is served now; None until it runs. A renewal brings other files."""
        return self._pair

    async def answers(self, timeout: float = 2.0) -> bool:
        """Whether this instance's proxy answers on its port."""
        return await instance_at(self._address, timeout) == self._instance

    async def prove(self, route: Route, path: str | None = "/", timeout: float = 10.0) -> Proof:
        """Wait until a written route is in force and its app answers through the proxy.

        path: None not to ask the app.

        Raises RoutingError with what was seen instead, and the proxy's own last words.
        """
        try:
            return await prove(self._address, route, path, timeout)
        except TimeoutError as error:
            raise self._not_taken(route.app, str(error), timeout) from error

    async def prove_gone(self, app: str, timeout: float = 10.0) -> float:
        """Wait until a removed route is out of force; returns the seconds it took."""
        try:
            return await prove_gone(self._address, app, timeout)
        except (TimeoutError, httpx.HTTPError) as error:
            seen = str(error) or "the proxy still has its route"
            raise self._not_taken(app, seen, timeout) from error

    def log_tail(self, lines: int = LOG_LINES) -> list[str]:
        """The last of what Traefik complained about."""
        found: list[str] = []
        for name in ("traefik.out", "traefik.log"):
            try:
                with (self._folder / name).open("rb") as file:
                    file.seek(max(0, file.seek(0, 2) - 16384))
                    found += file.read().decode(errors="replace").splitlines()
            except OSError:
                continue
        return found[-lines:]

    def _plan(self) -> _Plan:
        if self._traefik is None:
            self._traefik = find_traefik()
        binary, version = self._traefik
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        https_port = self._https.port if self._https else None
        config = static_config(self._folder, self._bind, self._port, https_port, version)
        text = yaml.safe_dump(config, sort_keys=False)
        digest = hashlib.sha256(f"{binary} {version} {text}".encode()).hexdigest()
        pair = self._current_pair()
        return _Plan(digest, text, own_routes(self._instance, pair, https_port), pair)

    def _write(self, plan: _Plan) -> None:
        """Write what is not there as it should be. A renewed certificate is in force then: the
        proxy watches its routes."""
        own = self.routes.routes / OWN
        if not own.exists() or yaml.safe_load(own.read_text()) != plan.own:
            self.routes.put(OWN, plan.own)
        elif plan.pair == self._pair:
            forget_others(self._folder, plan.pair)
        self._pair = plan.pair
        if not self._config.exists() or self._config.read_text() != plan.static:
            self._config.write_text(plan.static)

    def _current_pair(self) -> Pair:
        """Raises SettingsError if there is no certificate to serve, not an earlier one either."""
        if self._https is None:
            return self_signed(self._folder)
        if self._https.cert is None or self._https.key is None:
            return self_signed(self._folder, self._https.domain)
        try:
            pair = take_over(self._folder, read_certificate(self._https.cert, self._https.key))
        except SettingsError as error:
            if self._pair is None:
                raise
            if error.message != self._bad_certificate:
                logger.warning("the certificate stays as it was: %s", error.message)
            self._bad_certificate = error.message
            return self._pair
        self._bad_certificate = ""
        return pair

    async def _start(self, digest: str) -> None:
        if self._traefik is None:
            raise RoutingError("the proxy was not prepared", "This is a bug.")
        command = [self._traefik[0], self._argument]
        out = self._folder / "traefik.out"
        started, self._child = await self._in_thread(process.spawn, command, out, digest)
        process.save(started, self._pid_file)
        try:
            async with asyncio.timeout(START_TIMEOUT):
                while not await self.answers():
                    if self._running() is None:
                        raise self._not_started("it ended at once")
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            await self._in_thread(process.end, started, 1.0)
            raise self._not_started(f"no answer within {START_TIMEOUT:g}s") from error

    def _running(self) -> process.Process | None:
        if self._child is not None:
            self._child.poll()  # reaps it when it has ended
        found = process.load(self._pid_file)
        return found if found is not None and found.alive() else None

    async def _find(self) -> process.Process | None:
        """The one of the pid file; else one whose starter was killed before it wrote that."""
        if known := self._running():
            return known
        if orphan := await self._in_thread(process.find, self._argument):
            process.save(orphan, self._pid_file)
        return orphan

    async def _end(self) -> None:
        while running := await self._find():
            await self._in_thread(process.end, running, STOP_GRACE)
            if running.alive():
                raise RoutingError(
                    f"the proxy (process {running.pid}) does not end",
                    f"End it by hand: `kill -9 {running.pid}`.",
                )

    async def _let_go(self, running: process.Process) -> None:
        """Let it end what is under way while the next one takes the ports that it leaves.

        It does so at once when it is asked to end; one that does not is ended here.
        """
        await self._in_thread(running.signal, signal.SIGTERM)
        until = time.monotonic() + PORT_GRACE
        while running.alive() and time.monotonic() < until:
            seen = [await instance_at(address) for address in self._ports.values()]
            if all(each is None for each in seen):
                return
            await asyncio.sleep(0.01)
        await self._in_thread(process.end, running, 0.0)

    async def _check_free(self, grace: float = 0.0, but_for: str | None = None) -> None:
        """Raises RoutingError, naming the setting, for a port that somebody else has.

        grace: a proxy that was just killed may hold its port for a moment. but_for: the
        instance whose proxy may have it.
        """
        for name, address in self._ports.items():
            until = time.monotonic() + grace
            while (seen := await instance_at(address)) not in (None, but_for):
                if time.monotonic() >= until:
                    raise self._taken(name, address.port, seen)
                await asyncio.sleep(0.05)

    def _taken(self, name: str, port: int, seen: str | None) -> RoutingError:
        whose = f"the proxy of another deployzero ({seen})" if seen else "another server"
        return RoutingError(
            f"port {port} on {self._bind} belongs to {whose}",
            f"Stop it, or choose another port with DEPLOYZERO_{name}.",
        )

    def _not_started(self, why: str) -> RoutingError:
        return RoutingError(
            f"the proxy did not start: {why}",
            f"Look at its log, and at DEPLOYZERO_BIND and DEPLOYZERO_{', '.join(self._ports)}.",
            self.log_tail(),
        )

    def _not_taken(self, app: str, seen: str, timeout: float) -> RoutingError:
        if broken := self.routes.broken():
            return RoutingError(
                f"the proxy takes no new routes: a file in its folder is broken ({broken[0]})",
                "Mend or remove that file, then push again.",
                broken,
            )
        return RoutingError(
            f"the proxy did not take the route of {app} within {timeout:g}s: {seen}",
            "Run `deployzero doctor`; the proxy's log says more.",
            self.log_tail(),
        )

    @property
    def _config(self) -> Path:
        return self._folder / "traefik.yml"

    @property
    def _argument(self) -> str:
        """Nobody else's proxy has it, since the folder is ours alone."""
        return f"--configFile={self._config}"

    @property
    def _pid_file(self) -> Path:
        return self._folder / "traefik.pid"

    async def _in_thread(self, function: Callable[[*A], T], *args: *A) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)
