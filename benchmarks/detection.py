"""How well detection does on other people's repositories, and how fast.

    benchmarks/detection.py TREES CASES.json [--type nodejs]... [--wrong] [--known FILE]

TREES holds a folder a case, named by its id. Each case says what its project is; nothing of a
tree is executed and nothing is fetched. With --known (tests/detection/differences.toml) the exit
code is 0 when exactly the differences that are listed there, with their reasons, are left.
"""

import argparse
import json
import re
import shlex
import statistics
import sys
import time
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import json5
from tabulate import tabulate

from deployzero.detection import ProjectDetector
from deployzero.errors import ProjectDetectionError
from deployzero.models.project import ProjectConfig

Case = Mapping[str, Any]
SCORED = ("nodejs", "python", "go", "static", "dockerfile", "none/error")
ASPECTS = ("type", "packages", "version", "static", "start")
RUNNERS = frozenset({"npm", "pnpm", "yarn", "bun"})
SERVERS = frozenset({"gunicorn", "uvicorn", "hypercorn", "daphne", "waitress-serve"})
DEEPEST = 5
"""Scripts that call scripts."""


@dataclass(frozen=True)
class Score:
    """True, False, or None: the case does not say."""

    id: str
    milliseconds: float
    got: ProjectConfig | ProjectDetectionError
    type: bool
    packages: bool | None = None
    version: bool | None = None
    static: bool | None = None
    start: bool | None = None


def score(case: Case, tree: Path) -> Score:
    begun = time.perf_counter()
    got: ProjectConfig | ProjectDetectionError
    try:
        got = ProjectDetector().examine(tree)
    except ProjectDetectionError as error:
        got = error
    spent = (time.perf_counter() - begun) * 1000
    wanted = {case["type"], *case.get("type_accept", ())}
    if isinstance(got, ProjectDetectionError):
        refused = "none/error" in wanted or case.get("anchor_outcome", "ok") != "ok"
        return Score(case["id"], spent, got, refused)
    return Score(
        id=case["id"],
        milliseconds=spent,
        got=got,
        type=got.type in wanted,
        packages=_packages(case, got),
        version=_version(case, got),
        static=_static(case, got),
        start=_start(case, got, tree),
    )


def _packages(case: Case, got: ProjectConfig) -> bool | None:
    wanted = case.get("package_manager")
    if not wanted or got.type not in ("nodejs", "python"):
        return None
    return bool(got.package_manager == wanted.split()[0])


def _version(case: Case, got: ProjectConfig) -> bool | None:
    """The numbers that both name are the same: `18.x` and `18.20.5` are, `latest` is any."""
    wanted = (case.get("runtime_version") or {}).get("value")
    if not isinstance(wanted, str) or got.type not in ("nodejs", "python", "go"):
        return None
    numbers = [part for part in wanted.lstrip("^~>=v ").split(".") if part.isdecimal()]
    if not numbers or not got.runtime_version:
        return not numbers
    if wanted.startswith((">", "^", "~")):  # a range: any that is not below it
        return _tuple(got.runtime_version)[:1] >= _tuple(".".join(numbers))[:1]
    found = got.runtime_version.split(".")
    return all(a == b for a, b in zip(numbers, found, strict=False))


def _tuple(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _static(case: Case, got: ProjectConfig) -> bool | None:
    wanted = (case.get("static_output") or {}).get("output_dir")
    if not wanted or got.type not in ("nodejs", "static"):
        return None
    return got.static_dir is not None and Path(got.static_dir) == Path(wanted)


def _start(case: Case, got: ProjectConfig, tree: Path) -> bool | None:
    wanted = case.get("start_command")
    if not wanted or got.type == "dockerfile" or case["type"] == "none/error":
        return None
    if (case.get("static_output") or {}).get("output_dir") or case["type"] == "static":
        return None  # files: the folder counts
    if got.type == "go":
        return _go_start(wanted, got)
    scripts = _scripts(tree)
    given = got.start_command or ""
    return bool(given) and program(given, scripts) == program(wanted, scripts)


def _go_start(wanted: str, got: ProjectConfig) -> bool:
    """What is started is what the build makes, of the package that `go run` names in the case.

    Where the case names a program alone (`./out`), any package is right: each platform gives
    its programs names of its own, and the case does not say what they are made of.
    """
    made = re.findall(r"-o (\S+) (\S+)", got.build_command or "")
    packages = {Path(program).name: package for program, package in made}
    started = next(iter(_words(got.start_command or "")), "")
    package = packages.get(Path(started).name)
    run = re.search(r"\bgo run (?:-\S+ )*(\S+)", wanted)
    return package is not None and (run is None or _package(run[1]) == _package(package))


def _package(path: str) -> Path:
    """Of a folder, or of a file in it."""
    return Path(path).parent if path.endswith(".go") else Path(path)


def _scripts(tree: Path) -> dict[str, str]:
    """Of package.json, or of the JSON5 that pnpm reads in its place."""
    try:
        file = next(tree.glob("package.json*"), tree / "package.json")
        found = json5.loads(file.read_text()).get("scripts", {})
    except (OSError, ValueError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}


def program(command: str, scripts: Mapping[str, str], depth: int = 0) -> tuple[str, ...]:
    """What a command starts, without how: `npm start` and `node ./index.js` may be one."""
    words = _words(command)
    if not words:
        return ()
    name, rest = Path(words[0]).name, words[1:]
    if name in ("npx", "bunx") and rest:
        return program(shlex.join(rest), scripts, depth)
    if name in RUNNERS and depth < DEEPEST:
        script = next((word for word in rest if word != "run" and not word.startswith("-")), "")
        script = script or ("start" if name == "npm" else "")
        if script in scripts:
            return program(scripts[script], scripts, depth + 1)
    if name in SERVERS:
        target = next((word for word in rest if _is_target(word)), "")
        module, _, member = target.partition(":")
        return "python", module, member if member not in ("", "application") else "application"
    plain = [word for word in rest if not word.startswith("-") or word == "-m"]
    if name.startswith("python"):
        return "python", *(word.removesuffix(".py") for word in plain[:2])
    if name in ("node", "nodejs", "bun", "tsx", "ts-node"):
        return "node", *(_module(word) for word in plain[:1])
    return name, *plain[:1]


def _words(command: str) -> list[str]:
    """Of the last command of a chain, without variables, redirections and comments."""
    last = command.split("&&")[-1].split("|")[0]
    try:
        words = shlex.split(last, comments=True)
    except ValueError:
        words = last.split()
    while words and ("=" in words[0] or words[0] in ("exec", "cross-env")):
        words = words[1:]
    return [word for word in words if ">" not in word and word != "&"]


def _is_target(word: str) -> bool:
    """`main:app`, `shop.wsgi`; not `0.0.0.0:8000`, `gunicorn.conf.py` or `2`."""
    module = word.partition(":")[0]
    parts = module.split(".")
    return all(part.isidentifier() for part in parts) and parts[-1] != "py"


def _module(word: str) -> str:
    path = word.removeprefix("./").rstrip("/")
    return path.removesuffix(".js").removesuffix(".mjs").removesuffix("/index")


def table(scores: Iterable[Score]) -> str:
    signs = {True: "ok", False: "WRONG", None: ""}
    rows = [
        [
            each.id,
            *(signs[value] for value in _values(each)),
            f"{each.milliseconds:.0f}",
            _told(each.got),
        ]
        for each in scores
    ]
    headings = ["case", *ASPECTS, "ms", "what was found"]
    return tabulate(rows, headings, disable_numparse=True)


def _values(each: Score) -> tuple[bool | None, ...]:
    return each.type, each.packages, each.version, each.static, each.start


def _told(got: ProjectConfig | ProjectDetectionError) -> str:
    if isinstance(got, ProjectDetectionError):
        return f"! {got.message}"[:100]
    what = got.static_dir and f"files of {got.static_dir}/"
    named = filter(None, (got.type, got.package_manager, got.runtime_version))
    return f"{' '.join(named)}: {got.start_command or what or '-'}"[:100]


def summary(scores: list[Score]) -> str:
    lines = []
    for place, name in enumerate(ASPECTS):
        told = [value for each in scores if (value := _values(each)[place]) is not None]
        right = sum(told)
        lines.append(
            f"{name:<9} {right:>3} of {len(told):>3}  {100 * right / (len(told) or 1):.0f} %"
        )
    times = [each.milliseconds for each in scores]
    lines.append(f"time      median {statistics.median(times):.1f} ms, most {max(times):.1f} ms")
    return "\n".join(lines)


def unexplained(scores: Iterable[Score], known: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Differences that are not listed in `known` (case to what differs to why), and listed ones
    that are none."""
    lines = []
    for each in scores:
        wrong = {name for name, value in zip(ASPECTS, _values(each), strict=True) if value is False}
        listed = {name for name, why in known.get(each.id, {}).items() if why.strip()}
        lines += [f"{each.id}: {name} differs, no reason is listed" for name in wrong - listed]
        lines += [f"{each.id}: {name} is listed, but is right" for name in listed - wrong]
    return sorted(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("trees", type=Path)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--type", action="append", help="Only cases of this type; repeatable.")
    parser.add_argument("--wrong", action="store_true", help="List only what is wrong.")
    parser.add_argument("--known", type=Path, help="Differences with their reasons, as TOML.")
    options = parser.parse_args()
    types = options.type or SCORED
    cases = [each for each in json.loads(options.cases.read_text()) if each["type"] in types]
    missing = [each["id"] for each in cases if not (options.trees / each["id"]).is_dir()]
    if missing:
        print(f"no folder for {', '.join(missing)}", file=sys.stderr)
    found = [each for each in cases if each["id"] not in missing]
    if not found:
        return 1
    scores = [score(each, options.trees / each["id"]) for each in found]
    print(table(each for each in scores if not options.wrong or False in _values(each)))
    print(f"\n{summary(scores)}")
    if options.known is None:
        return 0
    wrong = unexplained(scores, tomllib.loads(options.known.read_text()))
    print("\n".join(wrong or ["every difference has its reason"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
