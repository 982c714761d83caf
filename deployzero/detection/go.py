"""Go: a module (or workspace) with a main package at its root or under cmd/."""

import re

from deployzero.detection.tree import Tree, broken
from deployzero.models.project import ProjectConfig, ProjectType

BINARY = "./app"
"""Start command: the build puts the binary into the app's folder under this name."""
OTHER_BINARY = "./app.bin"
"""Where the repository has an `app` of its own."""

_PACKAGE_MAIN = re.compile(r"^package\s+main\b", re.M)
_IGNORED = re.compile(r"^//\s*(?:go:build|\+build)\s+ignore\b", re.M)
_DIRECTIVE = re.compile(r"^(go|toolchain)\s+(?:go)?(\d+(?:\.\d+){0,2})\S*\s*(?://.*)?$", re.M)
_USE = re.compile(r"^\s*(?:use\s+)?\(?\s*(\./[\w./-]+|\.)\s*\)?\s*(?://.*)?$", re.M)
_GO_RUN = re.compile(r"^go run (\.|(?:\./)?[\w./-]+)$")
_MODULE_IMPORT = re.compile(r"^\s*(?:import\s+)?(?:[\w.]+\s+)?\"[\w-]+(?:\.[\w-]+)+/", re.M)
_PLAIN_NAME = re.compile(r"(?!-)[A-Za-z0-9._/-]+")
"""Of a package or file that is built: it becomes part of a command."""
_PREFERRED = ("server", "web", "api", "app")
FRAMEWORKS = {
    "github.com/gin-gonic/gin": "gin",
    "github.com/labstack/echo": "echo",
    "github.com/gofiber/fiber": "fiber",
    "github.com/go-chi/chi": "chi",
    "github.com/gorilla/mux": "gorilla-mux",
}


class GoDetector:
    type: ProjectType = "go"
    markers = ("go.mod", "go.work", "main.go")

    def detect(self, tree: Tree) -> ProjectConfig | None:
        manifest = tree.first("go.work", "go.mod")
        if manifest is None:
            return _single_file(tree)
        text = tree.text(manifest) or ""
        if not re.search(r"^(module|go|use)\b", text, re.M):
            raise broken(manifest, 1, "has no 'module' line")
        reasons = [f"{manifest}: a Go {'workspace' if manifest == 'go.work' else 'module'}"]
        version = _version(text, manifest, reasons)
        main = _main_package(tree, text, manifest, reasons)
        module = tree.text("go.mod") or ""
        fetch = _fetchable(tree, module, manifest)
        taken = main and "app" in tree.names
        return ProjectConfig(
            type="go",
            build_command=f"go build -ldflags='-s -w' -o {OTHER_BINARY} {main}" if taken else None,
            start_command=(OTHER_BINARY if taken else BINARY) if main else None,
            framework=next((name for path, name in FRAMEWORKS.items() if path in module), None),
            package_manager="gomod",
            runtime_version=version,
            install_files=tuple(f for f in ("go.mod", "go.sum") if tree.is_file(f)),
            install_command="go mod download" if fetch else None,
            main=main,
            reasons=tuple(reasons),
        )


def _single_file(tree: Tree) -> ProjectConfig | None:
    """main.go without a module: buildable when it is the only file and needs no module."""
    if not _is_main(tree, "."):
        return None
    files = [n for n in tree.names if n.endswith(".go") and not n.endswith("_test.go")]
    reasons = [f"{files[0]}: a Go program without go.mod"]
    alone = files[0] if len(files) == 1 and _PLAIN_NAME.fullmatch(files[0]) else None
    if alone is None or _MODULE_IMPORT.search(tree.text(alone) or ""):
        alone = None
        reasons.append("it needs modules or several files: run 'go mod init <name>', commit go.mod")
    return ProjectConfig(
        type="go", start_command=BINARY if alone else None, main=alone, reasons=tuple(reasons)
    )


def _version(text: str, manifest: str, reasons: list[str]) -> str | None:
    """The `toolchain` line, else the `go` line."""
    found: dict[str, str] = dict(_DIRECTIVE.findall(text))
    for directive in ("toolchain", "go"):
        if version := found.get(directive):
            reasons.append(f"{manifest}: {directive} {version}")
            return version
    return None


def _main_package(tree: Tree, text: str, manifest: str, reasons: list[str]) -> str | None:
    if manifest == "go.work":
        used = (str(folder).strip("/") for folder in _USE.findall(text))
        mains = [folder for folder in used if _buildable(tree, folder, reasons)]
    elif _is_main(tree, "."):
        mains = ["."]
    else:
        folders = tree.folders("cmd")
        mains = [f"./{folder}" for folder in folders if _buildable(tree, folder, reasons)]
        mains.sort(key=lambda path: _rank(path, text))
    if not mains:
        reasons.append("no main package at the root or under cmd/")
        return None
    others = f" (also there: {', '.join(mains[1:6])})" if mains[1:] else ""
    reasons.append(f"builds the main package {mains[0]}{others}")
    return mains[0]


def _rank(path: str, text: str) -> tuple[int, str]:
    """The module's own name first, then usual names of servers, then by alphabet."""
    name = path.rpartition("/")[2]
    module = re.search(r"^module\s+\"?(\S+?)\"?\s*$", text, re.M)
    parts = re.sub(r"/v\d+$", "", module[1]).split("/") if module else [""]
    if name == parts[-1]:
        return 0, name
    return (1 + _PREFERRED.index(name) if name in _PREFERRED else 9), name


def _is_main(tree: Tree, folder: str) -> bool:
    prefix = "" if folder == "." else f"{folder.removeprefix('./')}/"
    for name in tree.list(folder):
        if name.endswith(".go") and not name.endswith("_test.go"):
            text = tree.text(prefix + name) or ""
            if _PACKAGE_MAIN.search(text) and not _IGNORED.search(text):
                return True
    return False


def _buildable(tree: Tree, folder: str, reasons: list[str]) -> bool:
    """It is a main package, under a name that a command can hold as it is."""
    if not _is_main(tree, folder):
        return False
    if not _PLAIN_NAME.fullmatch(folder):
        reasons.append(f"{folder!r} is left out: its name may have letters, digits and ._- only")
        return False
    return True


def _fetchable(tree: Tree, module: str, manifest: str) -> bool:
    """Modules can be fetched from go.mod and go.sum alone: nothing vendored nor local."""
    local = re.search(r"=>\s*\.{1,2}/", module)
    needed = re.search(r"^\s*require\b", module, re.M)
    return bool(
        manifest == "go.mod" and needed and not local and not tree.is_file("vendor/modules.txt")
    )


def compiled(web: str, config: ProjectConfig) -> str:
    """A Procfile's web command for an image that holds the binary and no Go toolchain.

    `go run .` becomes the binary; so does `bin/<name>` or `<name>`, where Heroku puts it.
    """
    if config.start_command is None:
        return web
    program, _, arguments = web.partition(" ")
    names = {part for part in (config.main or "").split("/") if part not in ("", ".", "cmd")}
    if _GO_RUN.match(web):
        return config.start_command
    if program.removeprefix("bin/") in names:
        return f"{config.start_command} {arguments}".strip()
    return web
