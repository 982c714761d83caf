"""How long a warm push takes until it is live, against the floor that stock parts set.

    .venv/bin/python benchmarks/push.py [--rounds 10] [--load] [--json FILE] [--keep]

See benchmarks/README.md for what is measured and how.
"""

import argparse
import asyncio
import json
import secrets
import shutil
import signal
import sys
import tempfile
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

# The daemon of the end-to-end tests is used here too; a script's path has its own folder only.
sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

import machine
import openssh
import report
import sample
from floor import Floor
from redeploys import Loaded, Neighbour, measure_load, measure_neighbour
from target import Target, own_daemon, running_server
from warm_push import push

FIRST_LIMIT = 900.0
"""Seconds for the first push of an app, base images included."""


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="deployzero-bench-"))
    try:
        openssh.install()
        _warn_when_busy()
        return _measure(options, folder, secrets.token_hex(3))
    except KeyboardInterrupt:
        print("Stopped, and cleaned up.", file=sys.stderr)
        return 130
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10, help="warm pushes (10)")
    parser.add_argument(
        "--load", action="store_true", help="then redeploy under 100 requests/s, and look at p99"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--keep", action="store_true", help="leave deployzero's apps and data")
    parser.add_argument("--server", metavar="URL", help="ssh://user@host:port of a running one")
    parser.add_argument("--http", metavar="URL", default="http://127.0.0.1:8080", help="its proxy")
    parser.add_argument("--domain", default="localhost", help="its domain")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


def _measure(options: argparse.Namespace, folder: Path, run: str) -> int:
    app, beside = f"bench-{run}", f"bench-{run}-idle"
    neighbour: Neighbour | None = None
    loaded: Loaded | None = None
    with ExitStack() as stack:
        _say("Making the floor ready: OpenSSH, a base image, Traefik")
        floor = stack.enter_context(Floor(folder / "floor", run))
        _say("Starting deployzero")
        target = stack.enter_context(_target(options, folder, [app, beside]))
        work = sample.repository(folder / "work", f"{run} first")
        _first_push(target, work, app, f"{run} first")
        rounds = range(1, options.rounds + 1)
        pairs = [_pair(floor, target, work, app, f"{run} {number}") for number in rounds]
        report.print_pairs(pairs)
        if options.load:
            _first_push(target, sample.repository(folder / "beside", "beside"), beside, "beside")
            pages = [f"{run} beside {number}" for number in rounds]
            neighbour = asyncio.run(measure_neighbour(target, work, app, beside, pages))
            report.print_neighbour(neighbour)
            pages = [f"{run} under load {number}" for number in rounds]
            loaded = asyncio.run(measure_load(target, work, app, pages))
            report.print_load(loaded)
    if options.json:
        figures = report.as_json(pairs, neighbour, loaded)
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    codes = [*(neighbour.exit_codes if neighbour else ()), *(loaded.exit_codes if loaded else ())]
    return 0 if all(pushed.good for _, pushed in pairs) and not any(codes) else 1


def _warn_when_busy() -> None:
    busy = machine.busy_share()
    if busy > machine.BUSY:
        _say(f"The machine is busy ({busy:.0%} of its CPUs): ratios may hold, seconds will not")


def _target(
    options: argparse.Namespace, folder: Path, apps: list[str]
) -> AbstractContextManager[Target]:
    if options.server:
        apps = [] if options.keep else apps
        return running_server(options.server.rstrip("/"), options.http, options.domain, apps)
    return own_daemon(folder / "deployzero", options.keep)


def _first_push(target: Target, work: Path, app: str, page: str) -> None:
    pushed = push(target, work, app, page, FIRST_LIMIT)
    if not pushed.good:
        sys.exit(f"The first push of {app} failed, exit {pushed.exit_code}:\n{pushed.output}")
    _say(f"First push of {app} live after {pushed.live:.1f} s")


def _pair(floor: Floor, target: Target, work: Path, app: str, page: str) -> report.Pair:
    """One round of each, next to each other, so that both meet the same machine.

    The page carries the run's name: BuildKit must not know it from an earlier run.
    """
    below = floor.round(f"{page} floor")
    sample.change(work, page)
    pushed = push(target, work, app, page)
    live = f"live {pushed.live:.3f} s" if pushed.live is not None else "never live"
    _say(f"  {page}: floor {below.total:.3f} s, {live}, exit {pushed.exit_code}")
    if not pushed.good:
        _say(pushed.output)
    return below, pushed


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
