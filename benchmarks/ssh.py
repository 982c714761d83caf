"""How quickly commands answer over SSH while many people follow logs.

    .venv/bin/python benchmarks/ssh.py [--seconds 60] [--followers 50] [--rate 20] [--json FILE]

See benchmarks/README.md for what is measured and how.
"""

import argparse
import asyncio
import itertools
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import asyncssh

# The daemon of the end-to-end tests is used here too; a script's path has its own folder only.
sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

import machine

from tests.e2e.daemon import Daemon, repository

APPS = ("one", "two", "three")
LINES_A_SECOND = 5
APP = f"""\
import itertools, os, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

def talk():
    for number in itertools.count():
        print("line", number, "of what an app has to say about its work", flush=True)
        time.sleep(1 / {LINES_A_SECOND})

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *arguments):
        pass

threading.Thread(target=talk, daemon=True).start()
ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
FILES = {"app.py": APP, "requirements.txt": "", "Procfile": "web: python app.py\n"}
COMMANDS = ("apps:list", "ps one", "config two", "releases three", "whoami")
LIMIT = 30.0
WARM_UP = 5.0
"""Seconds, before memory is looked at for the first time."""
ARRIVALS = 10
"""Followers that sign in at once: the server turns away what would be an attack."""
MEDIAN_AIM = 0.060
GROWTH_AIM = 0.10
"""Of memory, from after the warm-up to the end."""


@dataclass
class Figures:
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """By command, each from its request on an open connection to its exit status."""
    handshakes: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    lines: list[int] = field(default_factory=list)
    """That each follower got."""
    memory: list[int] = field(default_factory=list)
    """Bytes of the server, a figure a second from the end of the warm-up."""
    cpu: float = 0.0
    """Share of one CPU that the server used."""

    @property
    def all(self) -> list[float]:
        return sorted(itertools.chain.from_iterable(self.seconds.values()))


class Clients:
    """Everybody signs in with the key of the server's first administrator."""

    def __init__(self, daemon: Daemon, figures: Figures) -> None:
        self.daemon = daemon
        self.figures = figures
        self.counting = False
        self._arriving = asyncio.Semaphore(ARRIVALS)

    async def connect(self) -> asyncssh.SSHClientConnection:
        return await asyncssh.connect(
            "127.0.0.1", self.daemon.ssh_port, username="deployzero", known_hosts=None,
            client_keys=[str(self.daemon.key)], agent_path=None, config=None,
            connect_timeout=LIMIT, login_timeout=LIMIT,
        )  # fmt: skip

    async def follow(self, number: int) -> None:
        """`logs APP -t` for as long as this runs; what ends before is a failure."""
        async with self._arriving:
            connection = await self.connect()
        async with connection:
            process = await connection.create_process(f"logs {APPS[number % len(APPS)]} -t")
            async for _ in process.stdout:
                self.figures.lines[number] += self.counting
            await process.wait()
            said = (await process.stderr.read()).strip()
        self.figures.failures[f"a follower ended: {said}"] += 1

    async def ask(self, command: str) -> None:
        """One command over a connection of its own."""
        try:
            async with asyncio.timeout(LIMIT):
                began = time.monotonic()
                async with await self.connect() as connection:
                    ready = time.monotonic()
                    done = await connection.run(command)
                    ended = time.monotonic()
        except (OSError, asyncssh.Error, TimeoutError) as error:
            self.figures.failures[f"{command}: {type(error).__name__} {error}"] += 1
            return
        if done.exit_status != 0 or not done.stdout:
            self.figures.failures[f"{command}: exit {done.exit_status} {done.stderr!s}"] += 1
        elif self.counting:
            self.figures.handshakes.append(ready - began)
            self.figures.seconds.setdefault(command, []).append(ended - ready)

    async def ask_on(self, rate: float) -> None:
        """So many a second, whether the ones before have been answered or not."""
        mix, due = itertools.cycle(COMMANDS), time.monotonic()
        async with asyncio.TaskGroup() as group:
            try:
                for command in mix:
                    group.create_task(self.ask(command))
                    due += 1 / rate
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
            except asyncio.CancelledError:
                return  # those under way are waited for


def main() -> int:
    options = _options()
    busy = machine.busy_share()
    if busy > machine.BUSY:
        print(f"The machine is busy ({busy:.0%} of its CPUs): the figures say little", flush=True)
    with _daemon() as daemon:
        figures = asyncio.run(_measure(daemon, options))
    _print(figures, options)
    if options.json:
        options.json.write_text(json.dumps(asdict(figures), indent=1) + "\n")
    return 0 if not any(_missed(figures, options)) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="how long (60)")
    parser.add_argument("--followers", type=int, default=50, help="sessions of logs -t (50)")
    parser.add_argument("--rate", type=float, default=20, help="commands a second (20)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    return parser.parse_args()


@contextmanager
def _daemon() -> Iterator[Daemon]:
    """A server of our own with a few apps that talk, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="deployzero-bench-"))
    daemon = Daemon(folder / "deployzero")
    try:
        daemon.start(600)
        repo = repository(folder / "work", FILES)
        for app in APPS:
            pushed = daemon.push(repo, app)
            if pushed.returncode:
                sys.exit(f"The push of {app} failed:\n{pushed.stderr}")
        yield daemon
    finally:
        if (daemon.data / "deployzero.db").exists():
            daemon.down()
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(daemon: Daemon, options: argparse.Namespace) -> Figures:
    figures = Figures(lines=[0] * options.followers)
    clients = Clients(daemon, figures)
    pid = daemon.process.pid if daemon.process else 0
    async with AsyncExitStack() as stack:
        tasks = [asyncio.create_task(clients.follow(n)) for n in range(options.followers)]
        stack.push_async_callback(_end, tasks)
        asking = asyncio.create_task(clients.ask_on(options.rate))
        await asyncio.sleep(WARM_UP)
        clients.counting, used = True, _cpu_seconds(pid)
        for _ in range(int(options.seconds)):
            figures.memory.append(_memory(pid))
            await asyncio.sleep(1)
        figures.cpu = (_cpu_seconds(pid) - used) / options.seconds
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        clients.counting = False
        figures.memory.append(_memory(pid))
        for task in tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                figures.failures[f"a follower: {type(error).__name__} {error}"] += 1
    return figures


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _memory(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    return 0


def _cpu_seconds(pid: int) -> float:
    """User and system time, in ticks of 10 ms (proc(5))."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / 100


def _p95(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)] if ordered else float("nan")


def _print(figures: Figures, options: argparse.Namespace) -> None:
    print(f"\n{'milliseconds':<20}{'count':>7}{'median':>9}{'p95':>9}{'most':>9}")
    rows = {**figures.seconds, "all commands": figures.all, "handshake": figures.handshakes}
    for name, values in rows.items():
        if values:
            shown = [1000 * each for each in (median(values), _p95(values), max(values))]
            print(f"{name:<20}{len(values):>7}" + "".join(f"{each:>9.1f}" for each in shown))
    expected = LINES_A_SECOND * options.seconds
    low, high = min(figures.lines, default=0), max(figures.lines, default=0)
    print(f"lines that a follower got: {low} to {high} of about {expected:.0f}")
    first, last = figures.memory[0], figures.memory[-1]
    print(f"memory: {first >> 20} MB, {last >> 20} MB at the end, {max(figures.memory) >> 20} most")
    print(f"CPU of the server: {figures.cpu:.0%} of one")
    print(f"failures: {sum(figures.failures.values())}")
    for what, count in figures.failures.most_common(10):
        print(f"  {count} x {what}")
    for aim in _missed(figures, options):
        print(f"Missed: {aim}")


def _missed(figures: Figures, options: argparse.Namespace) -> Iterator[str]:
    if not figures.all or median(figures.all) > MEDIAN_AIM:
        yield f"a median of {1000 * MEDIAN_AIM:.0f} ms"
    if figures.failures:
        yield "no failure"
    if figures.memory[-1] > figures.memory[0] * (1 + GROWTH_AIM):
        yield "flat memory"
    if min(figures.lines, default=1) < LINES_A_SECOND * options.seconds * 0.9:
        yield "every line for every follower"


if __name__ == "__main__":
    sys.exit(main())
