"""Go's programs: the main packages of a tree, their names, and which one is the web process."""

import re
from collections.abc import Iterable

from deployzero.detection.procfile import words
from deployzero.detection.tree import Tree, join

PACKAGE_MAIN = re.compile(r"^package\s+main\b", re.M)
_IGNORED = re.compile(r"^//\s*(?:go:build|\+build)\s+ignore\b", re.M)
_USE = re.compile(
    r"^[ \t]*+(?:use[ \t]++)?\(?[ \t]*+(\./[\w./-]+|\.)[ \t]*+\)?[ \t]*+(?://.*)?$", re.M
)
_MODULE = re.compile(r"^module\s+\"?([^\s\"]+)\"?", re.M)
_INSTALL = re.compile(r"^//\s*\+heroku\s+install\s+(.+)$", re.M)
_PLAIN_NAME = re.compile(r"(?!-)[A-Za-z0-9._/-]+")
"""Of a package or file that is built: it becomes part of a command."""
_PREFERRED = ("server", "web", "api", "app", "main", "http", "service", "backend")
_NOT_PROGRAMS = frozenset({"vendor", "internal", "pkg", "test", "tests", "docs", "examples"})
"""Folders at the top that are not looked into; tools and examples lie there, no apps."""
MOST = 200
"""Go files that are looked at in a folder."""


def programs(tree: Tree, reasons: list[str] | None = None) -> dict[str, str]:
    """Package ('.', './cmd/web') to name ('web'), in the order in which they are the web process.

    A module's own name first, then usual names of servers, then by alphabet.
    """
    module = module_name(tree)
    folders = workspace_members(tree) if tree.is_file("go.work") else ["."]
    if tree.member:
        folders = [tree.member]
    found: dict[str, str] = {}
    for folder in folders:
        for package in _mains(tree, folder):
            if _PLAIN_NAME.fullmatch(package):
                found[package] = _name(tree, package)
            elif reasons is not None:
                reasons.append(
                    f"{package!r} is left out: its name may have letters, digits and ._- only"
                )
    asked = _installed(tree)
    return dict(sorted(found.items(), key=lambda each: _rank(each[0], each[1], module, asked)))


def module_name(tree: Tree, folder: str = ".") -> str:
    """The last part of the module's path, without its version; '' without a go.mod."""
    module = _MODULE.search(tree.text(join(folder, "go.mod")) or "")
    if module is None:
        return ""
    return re.sub(r"/v\d+$", "", module[1]).rpartition("/")[2]


def called(command: str, known: dict[str, str]) -> str | None:
    """The package whose program a command starts: 'go run ./cmd/web', 'bin/web -v', 'web'."""
    given = words(command)
    if given[:2] == ["go", "run"]:
        target = next((w for w in given[2:] if not w.startswith("-")), ".")
        folder = target.rpartition("/")[0] or "." if target.endswith(".go") else target
        package = "." if folder in (".", "./") else f"./{folder.removeprefix('./').strip('/')}"
        return package if package in known else next(iter(known), None)
    plain = re.sub(r"^(?:/app/|\./)?(?:bin/)?", "", next(iter(given), ""))
    return next((package for package, each in known.items() if each == plain), None)


def go_files(tree: Tree, folder: str) -> Iterable[str]:
    """Paths of what is compiled there, tests and generators left out."""
    names = [n for n in tree.list(folder) if n.endswith(".go") and not n.endswith("_test.go")]
    return (join(folder, name) for name in names[:MOST])


def is_main(tree: Tree, folder: str) -> bool:
    texts = map(tree.source, go_files(tree, folder))
    return any(PACKAGE_MAIN.search(text) and not _IGNORED.search(text) for text in texts)


def workspace_members(tree: Tree) -> list[str]:
    used = (str(each).strip("/") for each in _USE.findall(tree.text("go.work") or ""))
    return [each.removeprefix("./") or "." for each in used]


def member_files(tree: Tree) -> list[str]:
    """What `go mod download` needs of a workspace."""
    paths = ["go.work", "go.work.sum"]
    for member in workspace_members(tree):
        paths += [join(member, "go.mod"), join(member, "go.sum")]
    return [path for path in dict.fromkeys(paths) if tree.is_file(path)]


def _mains(tree: Tree, folder: str) -> list[str]:
    """At the root, under cmd/; without any, in the folders at the top."""
    cmd = join(folder, "cmd")
    found = [each for each in (folder, cmd, *tree.folders(cmd)) if is_main(tree, each)]
    if not found:
        below = [each for each in tree.folders(cmd) for each in tree.folders(each)]
        below += [f for f in tree.folders(folder) if f.rpartition("/")[2] not in _NOT_PROGRAMS]
        found = [each for each in below if is_main(tree, each)]
    return ["." if each == "." else f"./{each}" for each in found]


def _name(tree: Tree, package: str) -> str:
    folder = package.removeprefix("./")
    name = module_name(tree, folder) if tree.is_file(join(folder, "go.mod")) else ""
    if folder != "." and (not name or tree.is_file("go.work")):
        name = folder.rpartition("/")[2]
    name = name or godir(tree).rpartition("/")[2]
    return name if _PLAIN_NAME.fullmatch(name) and name != "." else "app"


def godir(tree: Tree) -> str:
    """The import path that a tree of before Go modules says it has."""
    sources = {
        "Godeps/Godeps.json": r'"ImportPath"\s*:\s*"(\w[\w./~-]*)"',
        "vendor/vendor.json": r'"rootPath"\s*:\s*"(\w[\w./~-]*)"',
        "glide.yaml": r"(?m)^package:\s*(\w[\w./~-]*)",
        ".godir": r"^\s*(\w[\w./~-]*)",
    }
    for path, pattern in sources.items():
        if match := re.search(pattern, tree.head(path)):
            return match[1].strip("/")
    return ""


def _installed(tree: Tree) -> list[str]:
    """Packages that go.mod asks Heroku to compile."""
    found = _INSTALL.search(tree.text("go.mod") or "")
    return [word.rstrip("/") for word in found[1].split()] if found else []


def _rank(package: str, name: str, module: str, asked: list[str]) -> tuple[int, int, str]:
    folder = package.rpartition("/")[2]
    if package in asked:
        return 0, asked.index(package), package
    if package in (".", "./cmd"):
        return 1, 0, package
    if folder == module or name == module:
        return 2, 0, package
    return 3, _PREFERRED.index(folder) if folder in _PREFERRED else len(_PREFERRED), package
