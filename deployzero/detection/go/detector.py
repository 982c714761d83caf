"""Go: modules, workspaces, vendored trees, and what was written before there were modules."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import replace

from deployzero.detection.go.programs import (
    called,
    go_files,
    godir,
    is_main,
    member_files,
    programs,
)
from deployzero.detection.go.version import go_version
from deployzero.detection.procfile import read_procfile
from deployzero.detection.tree import Tree, broken
from deployzero.models.project import ProjectConfig, ProjectType

LEGACY = ("Godeps/Godeps.json", "glide.yaml", "vendor/vendor.json", "Gopkg.toml", ".godir")
_NO_MAIN = "no main package at the root, under cmd/ or in a folder at the top"
_DEEPER = (
    'Where one lies deeper, in deployzero.toml: build_command = "go build -o bin/app ./<its '
    'folder>" and start_command = "bin/app". A library alone serves nothing.'
)
_IMPORT = re.compile(r"^[ \t]*(?:import\s+)?(?:[\w.]+\s+)?\"([\w.-]+\.[\w-]+/[^\"]+)\"", re.M)
_IMPORT_C = re.compile(r"^[ \t]*(?:import\s+)?\"C\"\s*$", re.M)
FRAMEWORKS = {
    "github.com/gin-gonic/gin": "gin",
    "github.com/labstack/echo": "echo",
    "github.com/gofiber/fiber": "fiber",
    "github.com/go-chi/chi": "chi",
    "github.com/gorilla/mux": "gorilla-mux",
    "github.com/julienschmidt/httprouter": "httprouter",
    "github.com/beego/beego": "beego",
    "github.com/gobuffalo/buffalo": "buffalo",
}
USE_C = (
    "github.com/mattn/go-sqlite3", "gorm.io/driver/sqlite",
    "github.com/confluentinc/confluent-kafka-go",
    "github.com/h2non/bimg", "github.com/davidbyttow/govips", "gopkg.in/gographics/imagick",
    "github.com/marcboeker/go-duckdb", "github.com/duckdb/duckdb-go", "github.com/libgit2/git2go",
    "github.com/chai2010/webp", "github.com/mutecomm/go-sqlcipher", "github.com/miekg/pkcs11",
    "gocv.io/x/gocv", "github.com/godror/godror", "github.com/tursodatabase/go-libsql",
    "github.com/kolesa-team/go-webp", "github.com/otiai10/gosseract", "github.com/DataDog/zstd",
)  # fmt: skip
"""Modules that are C inside, and nothing without it."""


class GoDetector:
    type: ProjectType = "go"
    markers = ("go.mod", "go.work", "main.go", *LEGACY)
    programs = ("go",)

    def declared(self, tree: Tree) -> bool:
        return tree.first("go.mod", "go.work", *LEGACY) is not None

    def detect(self, tree: Tree) -> ProjectConfig | None:
        manifest = tree.first("go.work", "go.mod")
        legacy = tree.first(*LEGACY)
        if manifest is None and not is_main(tree, ".") and not legacy:
            return None
        reasons: list[str] = []
        if manifest is None:
            reasons.append(f"{legacy or next(iter(go_files(tree, '.')))}: Go without go.mod")
        elif not re.search(r"^(module|go|use)\b", tree.text(manifest) or "", re.M):
            raise broken(manifest, 1, "has no 'module' line")
        else:
            kind = "workspace" if manifest == "go.work" else "module"
            reasons.append(f"{manifest}: a Go {kind}")
        version = go_version(tree, reasons)
        known = programs(tree, reasons)
        wanted = _wanted(tree, known, reasons)
        build, install = _commands(tree, wanted, reasons)
        module = "".join(tree.text(path) or "" for path in _go_mods(tree))
        uses_c = _uses_c(tree, module, known)
        if uses_c:
            reasons.append(f"{uses_c} uses C: the program is linked with Debian's C library")
        return ProjectConfig(
            type="go",
            build_command=build,
            start_command=f"bin/{next(iter(wanted.values()))}" if wanted else None,
            environment={"CGO_ENABLED": "1"} if uses_c else {},
            framework=next((name for path, name in FRAMEWORKS.items() if path in module), None),
            package_manager="gomod" if manifest else None,
            runtime_version=version,
            install_files=tuple(_install_files(tree)) if install else (),
            install_command=install,
            run_packages=("bash",) if _needs_bash(tree) else (),
            main=next(iter(wanted), None),
            unstartable=None if wanted else f"there is {_NO_MAIN}",
            unstartable_hint=None if wanted else _DEEPER,
            reasons=tuple(reasons),
        )


def linked(config: ProjectConfig, variables: Mapping[str, str]) -> ProjectConfig:
    """With C or without, as the app's config says."""
    if "CGO_ENABLED" not in variables:
        return config
    return replace(
        config,
        environment={**config.environment, "CGO_ENABLED": variables["CGO_ENABLED"]},
        reasons=(*config.reasons, f"config: CGO_ENABLED is {variables['CGO_ENABLED']}"),
    )


def _wanted(tree: Tree, known: dict[str, str], reasons: list[str]) -> dict[str, str]:
    """What is compiled: the web process's program first, then what other processes call."""
    if not known:
        reasons.append(_NO_MAIN)
        return {}
    processes = read_procfile(tree)
    web = called(processes.get("web", ""), known) or next(iter(known))
    chosen = {web: known[web]}
    for command in processes.values():
        if (package := called(command, known)) and known[package] not in chosen.values():
            chosen[package] = known[package]
    others = [package for package in known if package not in chosen]
    told = ""
    if others:
        line = f"web: bin/{known[others[0]]}"
        which = "it" if len(others) == 1 else "the first"
        told = f" (also there: {', '.join(others[:5])}; a Procfile line '{line}' chooses {which})"
    reasons.append(f"builds the main package {' and '.join(chosen)}{told}")
    return chosen


def _commands(
    tree: Tree, wanted: dict[str, str], reasons: list[str]
) -> tuple[str | None, str | None]:
    """(build, install)."""
    if not wanted:
        return None, None
    if tree.first("go.work", "go.mod"):
        vendored = tree.is_file("vendor/modules.txt")
        if vendored:
            reasons.append("vendor/modules.txt: built from vendor/, nothing is fetched")
        flags = "-mod=vendor " if vendored else ""
        install = "go mod download" if _fetchable(tree) else None
        return " && ".join(_build(p, f"bin/{n}", flags) for p, n in wanted.items()), install
    return _before_modules(tree, wanted, reasons), None


def _build(package: str, into: str, flags: str = "") -> str:
    return f"go build {flags}-trimpath -ldflags='-s -w' -o {into} {package}"


def _before_modules(tree: Tree, wanted: dict[str, str], reasons: list[str]) -> str:
    """In a GOPATH where it is vendored; else with a go.mod that is made in the build."""
    path = shlex.quote(godir(tree) or next(iter(wanted.values())))
    into = {package: f"/app/bin/{name}" for package, name in wanted.items()}
    build = " && ".join(_build(package, out) for package, out in into.items())
    if tree.folders("vendor"):
        reasons.append("vendor/: built in a GOPATH, nothing is fetched")
        copied = f"mkdir -p /go/src/{path} && cp -a . /go/src/{path} && cd /go/src/{path}"
        return f"{copied} && export GO111MODULE=off && {build}"
    files = (file for package in wanted for file in go_files(tree, package[2:] or "."))
    foreign = any(_IMPORT.search(tree.source(file)) for file in files)
    if not foreign and list(wanted) == ["."]:
        return f"export GO111MODULE=off && {build}"
    reasons.append(
        "the build picks versions itself: run 'go mod init' and 'go mod tidy', commit both files"
    )
    return f"go mod init {path} && go mod tidy && {build}"


def _fetchable(tree: Tree) -> bool:
    """Modules can be fetched from the manifests alone: nothing vendored nor local.

    What a workspace's member needs of another is local, but `go mod download` asks for it.
    """
    text = "\n".join(tree.text(path) or "" for path in _go_mods(tree))
    members = set(re.findall(r"^module\s+\"?([^\s\"]+)", text, re.M))
    asked = set(re.findall(r"^[ \t]*(?:require\s+)?\"?([\w.~/-]+)\"?\s+v\d", text, re.M))
    local = re.search(r"=>\s*\.{1,2}/", text) or members & asked
    needed = re.search(r"^[ \t]*require\b", text, re.M)
    return bool(needed and not local and not tree.is_file("vendor/modules.txt"))


def _go_mods(tree: Tree) -> list[str]:
    """The root's and those of the workspace."""
    paths = dict.fromkeys(("go.mod", *member_files(tree)))
    return [path for path in paths if path.endswith("go.mod")]


def _install_files(tree: Tree) -> list[str]:
    if tree.is_file("go.work"):
        return member_files(tree)
    return [path for path in ("go.mod", "go.sum") if tree.is_file(path)]


def _uses_c(tree: Tree, module: str, known: dict[str, str]) -> str | None:
    """What needs a C compiler and, when it runs, the C library."""
    for path in USE_C:
        if f"{path} " in module or f"{path}/" in module:
            return path
    for folder in dict.fromkeys((".", *(package[2:] or "." for package in known))):
        for path in go_files(tree, folder):
            if _IMPORT_C.search(tree.source(path)):
                return path
    return None


def _needs_bash(tree: Tree) -> bool:
    """The small image has a shell, and not that one."""
    for command in read_procfile(tree).values():
        words = command.split()[:2]
        if "bash" in (word.rpartition("/")[2] for word in words):
            return True
        if any(_bash_script(tree, word) for word in words):
            return True
    return False


def _bash_script(tree: Tree, path: str) -> bool:
    first = tree.head(path, 64).split("\n")[0]
    return first.startswith("#!") and "bash" in first
