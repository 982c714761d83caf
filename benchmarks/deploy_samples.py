"""Other people's samples, really pushed, built and asked: cold, then with one file changed.

    .venv/bin/python benchmarks/deploy_samples.py TREES CASES.json [--only ID]... [--type TYPE]... \
[--serving] [--said] [--json FILE]

TREES holds a folder a case, named by its id; each is copied before it is pushed. Only cases that
build without a network of their own are taken; --serving: of these the ones that serve HTTP.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from tabulate import tabulate

# The daemon of the end-to-end tests is used here too; a script's path has its own folder only.
sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

from tests.e2e.daemon import Daemon, docker_client, wait_until

Case = Mapping[str, Any]
TYPES = ("nodejs", "python", "go", "static", "dockerfile", "bun", "php", "ruby", "rust", "java",
         "shell", "none/error")  # fmt: skip
NO_START = "no way to start a web process was found"
IDLE = {"python": "python -m http.server $PORT"}
"""What is started for a sample that has nothing to start, so that what it installs is built."""
CHOICES = {
    "RAILPACK_NODE_VERSION": "DEPLOYZERO_VERSION",
    "NIXPACKS_START_CMD": "DEPLOYZERO_START_COMMAND",
}
"""What a case sets of its own platform, and what does the same here."""
ANSWER_LIMIT = 20.0
LOG_LIMIT = 10.0


@dataclass(frozen=True)
class Result:
    sample: str
    type: str
    cold: float | None
    """Seconds of the first push; None: it failed."""
    warm: float | None
    megabytes: float | None
    answer: str
    """What it answered, or why it does not."""
    well: bool


def wanted(cases: list[dict[str, Any]], options: argparse.Namespace) -> list[Case]:
    types = options.type or TYPES
    return [
        each
        for each in cases
        if each["offline_buildable"]
        and each.get("anchor_outcome", "ok") == "ok"
        and each["type"] in types
        and (not options.only or each["id"] in options.only)
        and (not options.serving or each.get("serves_http"))
    ]


def deploy(daemon: Daemon, case: Case, tree: Path, folder: Path, said_too: bool) -> Result:
    app = re.sub("[^a-z0-9]+", "-", case["id"].lower())[:50].strip("-")
    shutil.copytree(tree, folder, symlinks=True)
    _commit(folder, "first")
    _prepare(daemon, case, app)
    cold, said = _push(daemon, folder, app, said_too)
    if cold is None:
        why, well = _refused(case, said)
        way_out = _way_out(case, said)
        if way_out is None:
            return Result(case["id"], case["type"], None, None, None, why, well)
        name, chosen = way_out
        daemon.ssh("config:set", app, name, stdin=chosen)
        cold, said = _push(daemon, folder, app, said_too)
        if cold is None:
            return Result(case["id"], case["type"], None, None, None, _reason(said), False)
    answer, well = _asked(daemon, case, app)
    (folder / "deployzero-warm").write_text("changed\n")
    _commit(folder, "second")
    warm, _ = _push(daemon, folder, app, said_too)
    size = _megabytes(daemon, app)
    daemon.ssh("apps:destroy", app, "--force")
    return Result(case["id"], case["type"], cold, warm, size, answer, well and warm is not None)


def _way_out(case: Case, said: str) -> tuple[str, str] | None:
    """What is chosen by hand for a sample that has nothing to start, so that it is built.

    Of several workspaces the last that the refusal names; else a server of its user's own, where
    the dependencies are all that there is.
    """
    if NO_START not in said or not _asks_nothing(case):
        return None
    if several := re.search(r"several workspaces could be the app \(([^)]*)\)", said):
        return "DEPLOYZERO_ROOT", several[1].split(", ")[-1]
    idle = IDLE.get(case["type"])
    return ("DEPLOYZERO_START_COMMAND", idle) if idle else None


def _prepare(daemon: Daemon, case: Case, app: str) -> None:
    """Set the variable that the sample is to echo, and what it chooses by a variable."""
    if named := re.search(r"echoes env (\w+)", case.get("e2e_expected") or ""):
        value = next(
            each["body_equals"] for each in case["http_checks"] if each["path"] == f"/{named[1]}"
        )
        daemon.ssh("apps:create", app)
        daemon.ssh("config:set", app, named[1], stdin=value)
    for name, value in (case.get("test_env") or {}).items():
        if name in CHOICES:
            daemon.ssh("apps:create", app)
            daemon.ssh("config:set", app, CHOICES[name], stdin=value)


def _commit(folder: Path, message: str) -> None:
    if not (folder / ".git").exists():
        subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True)
    subprocess.run(["git", "add", "--all", "--force"], cwd=folder, check=True)
    author = ["-c", "user.name=samples", "-c", "user.email=samples@localhost"]
    subprocess.run(
        ["git", *author, "commit", "-q", "--allow-empty", "-m", message], cwd=folder, check=True
    )


def _push(daemon: Daemon, folder: Path, app: str, said_too: bool) -> tuple[float | None, str]:
    """(seconds, or None if it was refused; what it said, which is printed then)."""
    begun = time.monotonic()
    done = daemon.push(folder, app)
    seconds = time.monotonic() - begun
    well = done.returncode == 0
    if said_too or not well:
        print(done.stderr, file=sys.stderr)
    return (seconds if well else None), done.stderr


def _reason(said: str) -> str:
    lines = [line.removeprefix("remote:").strip() for line in said.splitlines()]
    return next((line for line in lines if line.startswith("!")), lines[-1] if lines else "?")


def _refused(case: Case, said: str) -> tuple[str, bool]:
    """(why it is not live, whether that is as it should be).

    A program that ends is never live; what it printed, or that it ended well, may be all that
    the case asks for. So is a refusal where no stack is expected.
    """
    why = _reason(said)
    if case["type"] == "none/error":
        return why, "Building" not in said
    if _printed(case, said):
        return "printed what it should", True
    ended = _asks_nothing(case) and "exited with code 0 " in why
    return ("ran to its end" if ended else why), ended


def _asks_nothing(case: Case) -> bool:
    return not any(case.get(key) for key in ("serves_http", "http_checks", "log_contains"))


def _printed(case: Case, text: str) -> bool:
    expected = case.get("log_contains") or ()
    return bool(expected) and not case.get("http_checks") and all(each in text for each in expected)


def _asked(daemon: Daemon, case: Case, app: str) -> tuple[str, bool]:
    """(what was answered, whether it is what the case says)."""
    answers, well = [], True
    for check in case.get("http_checks") or [{"path": "/", "status": None}]:
        response = _get(daemon, app, check["path"])
        text = response.text if response is not None else ""
        code = response.status_code if response is not None else None
        right = (check.get("status") in (None, code)) and code is not None
        right = right and all(each in text for each in check.get("body_contains", ()))
        if (exact := check.get("body_equals")) is not None:
            right = right and text.rstrip("\n") == exact.rstrip("\n")
        answers.append(f"{check['path']} {code}" + ("" if right else " WRONG"))
        well = well and right
    if case.get("log_contains") and not case.get("http_checks"):
        well = _logged(daemon, case, app)
        answers.append("log ok" if well else "log WRONG")
    return ", ".join(answers), well


def _get(daemon: Daemon, app: str, path: str) -> httpx.Response | None:
    try:
        return daemon.get(app, path)
    except httpx.HTTPError:
        return None


def _logged(daemon: Daemon, case: Case, app: str) -> bool:
    def there() -> bool:
        return _printed(case, daemon.ssh("logs", app).stdout)

    try:
        wait_until(there, LOG_LIMIT, "the log")
    except AssertionError:
        return False
    return True


def _megabytes(daemon: Daemon, app: str) -> float:
    label = [f"deployzero.instance={daemon.instance}", f"deployzero.app={app}"]
    images = docker_client().images(filters={"label": label})
    return round(max((image["Size"] for image in images), default=0) / 1e6, 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("trees", type=Path)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--only", action="append", help="Only this case; repeatable.")
    parser.add_argument("--type", action="append", help="Only cases of this type; repeatable.")
    parser.add_argument("--serving", action="store_true", help="Only those that serve HTTP.")
    parser.add_argument("--said", action="store_true", help="Print what every push said.")
    parser.add_argument("--json", type=Path, help="Write the results there, too.")
    options = parser.parse_args()
    cases = wanted(json.loads(options.cases.read_text()), options)
    results = []
    with tempfile.TemporaryDirectory(prefix="deployzero-samples-") as scratch:
        # A boot that takes long on a busy machine is not what is looked at here.
        daemon = Daemon(Path(scratch) / "server", {"DEPLOYZERO_BOOT_TIMEOUT": "30"})
        try:
            daemon.start()
            for number, case in enumerate(cases):
                tree, folder = options.trees / case["id"], Path(scratch) / str(number)
                results.append(deploy(daemon, case, tree, folder, options.said))
                print(".", end="", flush=True, file=sys.stderr)
        finally:
            daemon.down()
    print()
    rows = [
        (each.sample, each.type, each.cold, each.warm, each.megabytes, each.answer)
        for each in results
    ]
    headings = ("sample", "type", "cold s", "warm s", "MB", "answer")
    print(tabulate(rows, headings, floatfmt=".1f", missingval="-"))
    print(f"\n{sum(each.well for each in results)} of {len(results)} are as their samples say")
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in results], indent=2))
    return 0 if all(each.well for each in results) else 1


if __name__ == "__main__":
    sys.exit(main())
