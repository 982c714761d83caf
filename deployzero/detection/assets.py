"""A front end beside an app of another language: whether it is built, and how.

The rule: a package.json with a `build` script and no server of its own is built before the
app, whose own build then finds the files. One for tools only is left out; one with a server
is an app of its own, with this folder as its root.
"""

import re
from dataclasses import replace

from deployzero.detection.nodejs.detector import NodeJSDetector
from deployzero.detection.nodejs.manifest import Package, read_package
from deployzero.detection.tree import Tree, join
from deployzero.errors import ProjectDetectionError
from deployzero.models.project import ProjectConfig

_TOOL = re.compile(
    r"\bwatch\b|--watch|\s-w\b|^\s*(?:npx\s+)?(?:webpack|gulp|grunt|parcel|rollup|esbuild|sass"
    r"|tailwindcss|vite|mix|laravel-mix|snowpack|live-server|browser-sync|concurrently)\b"
)
_EMBED = re.compile(r"^//go:embed\s+(.+)$", re.M)
_BUILD = re.compile(r'"(?:build|heroku-postbuild)"\s*:')
MOST_FOLDERS = 40
SOURCES = {"python": "py", "go": "go", "ruby": "rb", "php": "php", "rust": "rs", "java": "java"}
"""Ending of each language's files, which a front end's build reads only where it says so."""
_SETTINGS = re.compile(
    r"^(?!(?:package|npm-shrinkwrap|[jt]sconfig|deno)\b).*\.(?:json5?|[cm]?[jt]s)$|^\.\w+rc$"
)
_SCRIPT = re.compile(r"(?<![\w./-])[\w./-]+\.[cm]?[jt]s\b")
_ANY_FILE = r"\*(?:/\*)?[\"'`]|\*\.\*"
_TOOLS_OWN = ("config", "postcss", "babel", "parcel", "tailwind", "purgecss", "staticFiles")
"""Keys of package.json in which tools have settings of theirs."""
_ANY_PROGRAM = re.compile(r"\b(?:make|sh|bash)\b")


def front_end(
    tree: Tree, config: ProjectConfig, chosen: bool | str | None
) -> tuple[ProjectConfig | None, list[str]]:
    """What is to be built first, and words about it.

    `chosen` by hand: False for none, True for package.json at the top whatever it starts, or
    the front end's folder.
    """
    if config.type in ("nodejs", "dockerfile") or chosen is False:
        return None, []
    folder = chosen if isinstance(chosen, str) else "."
    if chosen is None and not tree.is_file("package.json"):
        embedded = _embedded(tree) if config.type == "go" else None
        if embedded is None:
            return None, _hint(tree, config)
        folder = embedded
    below = Tree(tree.root / folder)
    package = read_package(below) if tree.is_dir(folder) else None
    path = join(folder, "package.json")
    if package is None and isinstance(chosen, str) and not tree.member:
        below_root = f" below {config.root}/" if config.root != "." else ""
        raise ProjectDetectionError(
            f"assets: there is no {path}{below_root}",
            "assets is the folder that holds the front end's package.json, inside the app's root; "
            "assets = false builds none.",
        )
    if package is None:
        return None, [f"{path} is not there: no front end is built"] if chosen else []
    if not (package.script("build") or package.script("heroku-postbuild")):
        return None, [f"{path}: no 'build' script, so Node.js is left out"]
    found = NodeJSDetector().detect(below)
    if found is None or not found.build_command:
        return None, [f"{path}: left out, nothing to build"]
    if chosen is None and found.start_command and not _TOOL.search(package.script("start")):
        return None, [
            f"{path}: '{found.start_command}' is a server of its own, which is not started: "
            f'it can be an app of its own (type = "nodejs"); assets = true builds it here'
        ]
    words = [f"{path}: '{found.build_command}' is run first, and {config.type} gets what it makes"]
    unread = _unread(below, package, config.type)
    if unread:
        words.append(
            f"{path}: no setting of its build names *{unread[0]} files, so it is built without "
            "them, and not anew where they alone have changed"
        )
    found = replace(found, processes={}, start_command=None, reasons=(), unread=unread)
    return _below(found, folder), words


def _unread(tree: Tree, package: Package, type_: str) -> tuple[str, ...]:
    """Endings of the app's sources, unless the build may look at them.

    Tailwind 4 looks at all that lies there; so does a glob for any file, or a script of a shell.
    Else settings and scripts name the ending ('{html,py}') or the language.
    """
    ending = SOURCES.get(type_)
    scripts = " ; ".join(package.scripts.values())
    if ending is None or _tailwind_looks(package, scripts) or _ANY_PROGRAM.search(scripts):
        return ()
    files = [name for name in tree.names if _SETTINGS.match(name)][:MOST_FOLDERS]
    files += [name for name in _SCRIPT.findall(scripts) if tree.is_file(name)][:MOST_FOLDERS]
    texts = [tree.head(name, 64 * 1024) for name in dict.fromkeys(files)]
    texts += [str(value) for key, value in package.values.items() if key in _TOOLS_OWN]
    named = re.compile(rf"\b(?:{ending}|{type_})\b|{_ANY_FILE}")
    if any(named.search(text) for text in (scripts, *texts)):
        return ()
    return (f".{ending}",)


def _tailwind_looks(package: Package, scripts: str) -> bool:
    """Tailwind of version 4 or of none that is known: its classes may stand in any file."""
    given = package.versions.get("tailwindcss")
    if given is None:
        return "tailwind" in scripts or any("tailwind" in name for name in package.versions)
    major = re.match(r"[\^~>=v\s]*(\d+)", given)
    return major is None or int(major[1]) > 3


def _below(config: ProjectConfig, folder: str) -> ProjectConfig:
    """The same from the top of the tree."""
    if folder == ".":
        return config

    def inside(command: str | None) -> str | None:
        return command and f"cd {folder} && {command}"

    return replace(
        config,
        root=folder,
        install_files=tuple(join(folder, path) for path in config.install_files),
        install_command=inside(config.install_command),
        build_command=inside(config.build_command),
    )


def _embedded(tree: Tree) -> str | None:
    """The folder with a front end whose files, not committed, Go is to compile in."""
    for folder in _with_package(tree):
        for at in (".", folder):
            for name in tree.list(at):
                if not name.endswith(".go"):
                    continue
                for line in _EMBED.findall(tree.source(join(at, name))):
                    for target in line.split():
                        plain = target.strip('"`').removeprefix("all:").split("*")[0]
                        path = join(at, plain.rstrip("/"))
                        if path.startswith(f"{folder}/") and not tree.is_dir(path):
                            return folder
    return None


def _hint(tree: Tree, config: ProjectConfig) -> list[str]:
    if config.type == "static":
        return []
    return [
        f'{folder}/package.json: not built; deployzero.toml with assets = "{folder}" has it built'
        for folder in _with_package(tree)[:1]
    ]


def _with_package(tree: Tree) -> list[str]:
    """Folders at the top that hold a package.json with a build, under names a command can hold."""
    plain = (f for f in tree.folders()[:MOST_FOLDERS] if re.fullmatch(r"\w[\w.-]*", f))
    return [f for f in plain if _BUILD.search(tree.head(f"{f}/package.json", 8192))]
