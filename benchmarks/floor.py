"""The floor: what a warm push costs at least, made of stock parts and nothing of deployzero's.

A stock `git push` to a bare OpenSSH repository, an Engine API build, a container's create,
start and boot, one switch of Traefik: each timed by itself, one after the other, then added.
"""

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import sample
from engine import Engine
from openssh import OpenSSH, free_port
from page import Page

PORT = 8000
HOST = "floor.localhost"
LIMIT = 60.0
SWITCH_INTERVAL = 0.005
DOCKERFILE = f"""FROM {{base}}
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
RUN python3 -m venv /opt/venv && useradd --uid 1000 app
COPY requirements.txt /app/
RUN pip install --quiet --no-cache-dir --requirement /app/requirements.txt
WORKDIR /app
COPY . /app/
USER app
CMD {json.dumps(["sh", "-c", f"exec {sample.COMMAND}"])}
"""


@dataclass(frozen=True)
class FloorRound:
    """Seconds."""

    push: float
    build: float
    boot: float
    switch: float

    @property
    def total(self) -> float:
        return self.push + self.build + self.boot + self.switch


class Floor:
    """Ready for rounds between `with` and its end. `run` labels what the engine makes."""

    def __init__(self, folder: Path, run: str) -> None:
        self._folder = folder
        self._run = run
        self._name = f"deployzero-bench-{run}"
        self._base = f"{self._name}-base:1"
        self._image = f"{self._name}-app:1"
        self._http_port = free_port()
        self._running: str | None = None
        self._stack = ExitStack()

    def __enter__(self) -> "Floor":
        with ExitStack() as stack:
            self._engine = Engine(self._run)
            stack.callback(self._engine.remove_all)
            self._ssh = stack.enter_context(OpenSSH(self._folder / "openssh"))
            self._work = sample.repository(self._folder / "floor", "first")
            self._engine.make_base(self._base)
            self._engine.network(self._name)
            self._start_traefik(stack)
            self.round("warm-up")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def round(self, page: str) -> FloorRound:
        """One changed line, all the way. Raises when a part of it fails."""
        sample.change(self._work, page)
        began = time.monotonic()
        self._push()
        pushed = time.monotonic()
        self._build(page)
        built = time.monotonic()
        name = f"{self._name}-{time.monotonic_ns()}"
        address = self._engine.start(name, self._image, self._name, PORT)
        booted = Page(address, PORT).wait(page, LIMIT)
        switching = time.monotonic()
        self._route(address)
        switched = Page("127.0.0.1", self._http_port, HOST).wait(
            page, LIMIT, interval=SWITCH_INTERVAL
        )
        if self._running:
            self._engine.remove(self._running)
        self._running = name
        return FloorRound(pushed - began, built - pushed, booted - built, switched - switching)

    def _push(self) -> None:
        subprocess.run(
            ["git", "push", self._ssh.remote, "main"], cwd=self._work, check=True,
            env=self._ssh.environment, capture_output=True, timeout=LIMIT,
        )  # fmt: skip

    def _build(self, page: str) -> None:
        files = {
            **sample.FILES,
            "app.py": sample.APP.format(page=page),
            "Dockerfile": DOCKERFILE.format(base=self._base),
        }
        self._engine.build(self._image, files)

    def _route(self, address: str) -> None:
        """Write the route beside its place, then rename it: Traefik never sees half a file."""
        route = {
            "http": {
                "routers": {"floor": {"rule": f"Host(`{HOST}`)", "service": "floor"}},
                "services": {
                    "floor": {"loadBalancer": {"servers": [{"url": f"http://{address}:{PORT}"}]}}
                },
            }
        }
        draft = self._folder / "route.draft"
        draft.write_text(json.dumps(route))  # JSON is YAML
        draft.rename(self._folder / "routes" / "floor.yml")

    def _start_traefik(self, stack: ExitStack) -> None:
        routes = self._folder / "routes"
        routes.mkdir()
        program = Path(sys.executable).parent / "traefik"
        log = stack.enter_context((self._folder / "traefik.log").open("wb"))
        process = subprocess.Popen(
            [
                program, f"--entrypoints.web.address=127.0.0.1:{self._http_port}",
                f"--providers.file.directory={routes}", "--providers.file.watch=true",
                "--providers.providersthrottleduration=50ms",
                "--global.checknewversion=false", "--global.sendanonymoususage=false",
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        stack.callback(process.wait, 20)
        stack.callback(process.terminate)
