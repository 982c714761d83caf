"""Which package manager a repository is for, at which version, and how it installs.

The order is Railpack's: package.json's packageManager, then lock files (pnpm, Bun, Yarn, npm),
then what `engines` and the like name, then npm.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from deployzero.detection.nodejs.lock import agrees, pnpm_lock_version, yarn_lock_version
from deployzero.detection.nodejs.manifest import Package
from deployzero.detection.tools import tool_pins

Name = Literal["npm", "yarn", "pnpm", "bun"]
LOCKS: dict[Name, tuple[str, ...]] = {
    "pnpm": ("pnpm-lock.yaml",),
    "bun": ("bun.lock", "bun.lockb"),
    "yarn": ("yarn.lock",),
    "npm": ("package-lock.json", "npm-shrinkwrap.json"),
}
SIGNS: dict[Name, tuple[str, ...]] = {
    "pnpm": ("pnpm-workspace.yaml", "package.json5", "package.yaml", ".pnpmfile.cjs"),
    "bun": ("bunfig.toml", ".bun-version"),
    "yarn": (".yarnrc.yml", ".yarnrc"),
}
"""Files that speak for a manager without a lock."""

_PINNED = re.compile(r"^(npm|yarn|pnpm|bun)@v?([0-9][\w.-]{0,40})(?![\w.-])")
_RANGE = re.compile(r"^[\w.^~<>=|* -]{1,60}$")
_PNPM_OF_LOCK = {"5": "7", "6": "8", "9": "9"}
_PROGRAM = re.compile(r"(?:^|[\s;&|('\"])(yarn|pnpm|pnpx|bun|bunx)(?=[\s;&|)'\"]|$)")
_MANAGER_OF = {"bun": "bun", "bunx": "bun", "pnpm": "pnpm", "pnpx": "pnpm", "yarn": "yarn"}
_TOOLS = {"bun": "bun@1", "pnpm": "pnpm@10", "yarn": "yarn@1"}
_YARN_OF_LOCK = {"4": "2", "5": "3", "6": "3", "7": "4", "8": "4"}


@dataclass(frozen=True)
class Manager:
    name: Name
    version: str | None
    """For npm's own installer: '9.5.0', '^10.33', '1'; None: the npm that the image has."""
    lock: str | None
    modern: bool = False
    """Yarn 2 or later."""
    pnp: bool = False
    """Yarn's Plug'n'Play: there is no node_modules."""
    brought: bool = False
    """Yarn's own program is in the repository: any of its kind hands over to it."""

    @property
    def major(self) -> int:
        found = re.search(r"[0-9]{1,6}", self.version or "")
        return int(found.group()) if found else 0

    @property
    def least_node(self) -> int:
        """The major of Node.js from which on it runs; 0: any."""
        return 22 if self.name == "pnpm" and self.major > 10 else 0

    @property
    def tool(self) -> tuple[str, ...]:
        if self.version is None:
            return ()
        package = "@yarnpkg/cli-dist" if self.modern else self.name
        # Not every version of Yarn 2 was published there.
        return (f"{package}@{self.major if self.brought else self.version}",)

    def run(self, script: str) -> str:
        return f"{self.name} run {script}"

    def execute(self, command: str) -> str:
        """A program of a dependency."""
        before = {"npm": "npx --no-install", "yarn": "yarn run", "pnpm": "pnpm exec", "bun": "bunx"}
        return f"{before[self.name]} {command}"

    @property
    def prefix(self) -> str:
        """Yarn's packages lie with the app where it loads them from archives, else in a cache."""
        return f"YARN_ENABLE_GLOBAL_CACHE={int(not self.pnp)} " if self.modern else ""


def package_manager(package: Package, reasons: list[str]) -> Manager:
    """The manager; the reasons say why, and what was passed over."""
    tree = package.tree
    locks = {name: lock for name in LOCKS if (lock := tree.first(*LOCKS[name]))}
    declared = package.values.get("packageManager")
    pinned = _PINNED.match(declared) if isinstance(declared, str) else None
    others = [lock for name, lock in locks.items() if not pinned or name != pinned[1]]
    name: Name
    if pinned:
        name = pinned[1]  # type: ignore[assignment]
        reasons.append(f"package.json packageManager: {name} {pinned[2]}")
        if locks and name not in locks:
            reasons.append(f"{', '.join(others)}: ignored, it is not {name}'s")
    elif locks:
        name = next(iter(locks))
        reasons.append(f"{locks[name]}: {name}")
        if len(locks) > 1:
            reasons.append(
                f"several lock files: {locks[name]} wins over {', '.join(others[1:])}; "
                "package.json's packageManager decides where it is there"
            )
    else:
        name, why = _without_lock(package)
        if why:
            reasons.append(f"{why}: {name}")
    return _manager(package, name, pinned[2] if pinned else None, locks.get(name), reasons)


def called_managers(
    manager: Manager, root: Package, app: Package, commands: list[str]
) -> tuple[str, ...]:
    """Other managers that scripts or the Procfile call, for npm's own installer."""
    texts = (*commands, *root.run_scripts, *app.run_scripts)
    called = {_MANAGER_OF[word] for text in texts for word in _PROGRAM.findall(text)}
    return tuple(sorted(_TOOLS[name] for name in called - {manager.name} - root.dependencies))


def _without_lock(package: Package) -> tuple[Name, str]:
    for name, signs in SIGNS.items():
        if sign := package.tree.first(*signs):
            return name, sign
    if any(v.startswith(("workspace:", "catalog:")) for v in package.versions.values()):
        return "pnpm", "package.json's 'workspace:' versions"
    runtimes = any(True for _ in tool_pins(package.tree, "node", "nodejs"))
    for name in SIGNS:
        for source, _ in _pins(package, name):
            if name == "bun" and runtimes and not source.startswith((".bun", "package.json")):
                continue  # one tool of several, and not the one that installs
            return name, source
    return "npm", ""


def _pins(package: Package, name: str) -> Iterator[tuple[str, str]]:
    """(where, version or range) of the manager itself, strongest first."""
    if name == "bun" and (text := (package.tree.text(".bun-version") or "").strip()):
        yield ".bun-version", text.removeprefix("v")
    yield from tool_pins(package.tree, name)
    yield from package.pins(name, "packageManager")


def _manager(
    package: Package, name: Name, exact: str | None, lock: str | None, reasons: list[str]
) -> Manager:
    if name == "yarn":
        return _yarn(package, exact, lock, reasons)
    version = exact
    for source, wanted in _pins(package, name):
        plain = wanted.strip()
        if version is None and _RANGE.match(plain) and plain not in ("*", "latest", "x"):
            version = _chosen(name, plain, package, lock)
            reasons.append(f"{source}: {name} {plain}")
    if name == "pnpm" and version is None:
        version, why = _pnpm(package, lock)
        reasons.append(f"{why}: pnpm {version}")
    if name == "bun" and version is None:
        version = "1"
    return Manager(name, version, lock)


def _chosen(name: Name, wanted: str, package: Package, lock: str | None) -> str | None:
    """A range: the version that the lock file is of, where it is within."""
    if name == "npm":
        return None if agrees(wanted, "10.9.4") else wanted
    if name == "pnpm" and not re.match(r"^[\d~^]", wanted):
        guess = _pnpm(package, lock)[0]
        return guess if agrees(wanted, f"{guess}.99.99") else wanted
    return wanted


def _pnpm(package: Package, lock: str | None) -> tuple[str, str]:
    """pnpm's major by its lock file's format, and by settings that only later ones know."""
    settings = package.tree.yaml("pnpm-workspace.yaml")
    if "allowBuilds" in settings:
        return "11", "pnpm-workspace.yaml: allowBuilds"
    if {"onlyBuiltDependencies", "ignoredBuiltDependencies", "overrides"} & settings.keys():
        return "10", "pnpm-workspace.yaml: its settings"
    own = package.values.get("pnpm")
    if isinstance(own, dict) and "onlyBuiltDependencies" in own:
        return "10", "package.json: pnpm.onlyBuiltDependencies"
    if lock is None:
        return "10", "no lock file"
    form = pnpm_lock_version(package.tree, lock)
    return _PNPM_OF_LOCK.get(form.partition(".")[0], "10"), f"{lock}: format {form}"


def _yarn(package: Package, exact: str | None, lock: str | None, reasons: list[str]) -> Manager:
    tree = package.tree
    settings = tree.yaml(".yarnrc.yml")
    path = str(settings.get("yarnPath", ""))
    found = re.search(r"yarn-(\d+\.\d+\.\d+[\w.-]*?)\.c?js$", path)
    form = yarn_lock_version(tree) if lock else ""
    version = found[1] if found else exact
    if version is None:
        version = next((v for _, v in _pins(package, "yarn") if re.match(r"^[\d^~]", v)), None)
    if version is None:
        modern = bool(form) or (tree.is_file(".yarnrc.yml") and not lock)
        version = _YARN_OF_LOCK.get(form, "4") if modern else "1"
        reasons.append(f"{lock or '.yarnrc.yml'}: Yarn {version}")
    major = re.search(r"[0-9]{1,6}", version)
    modern = major is not None and int(major.group()) > 1
    linker = str(settings.get("nodeLinker", "pnp"))
    brought = modern and found is not None and tree.is_file(path)
    return Manager("yarn", version, lock, modern, modern and linker == "pnp", brought)
