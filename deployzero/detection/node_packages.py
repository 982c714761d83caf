"""Which package manager a repository is for, at which version, and how it installs.

The order is Railpack's: package.json's packageManager, then lock files (pnpm, Bun, Yarn, npm),
then what `engines` and the like name, then npm.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from deployzero.detection.node_lock import agrees, pnpm_lock_version, yarn_lock_version
from deployzero.detection.node_manifest import LIFECYCLE, Package, read_yaml
from deployzero.detection.node_version import tool_pins

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
SETTINGS = (
    ".npmrc", ".yarnrc", ".yarnrc.yml", ".pnp.cjs", ".pnp.loader.mjs", "pnpm-workspace.yaml",
    ".pnpmfile.cjs", "bunfig.toml", ".bun-version",
)  # fmt: skip
FOLDERS = ("patches/", ".yarn/releases/", ".yarn/plugins/", ".yarn/patches/", ".yarn/cache/")
"""What an install reads beside manifests and lock."""
GIT_HOOKS = re.compile(r"^(?:npx )?(?:husky|lefthook|simple-git-hooks|is-ci|pinst|lint-staged)\b")

_PINNED = re.compile(r"^(npm|yarn|pnpm|bun)@v?([0-9][\w.-]*)")
_RANGE = re.compile(r"^[\w.^~<>=|* -]{1,60}$")
_PNPM_OF_LOCK = {"5": "7", "6": "8", "9": "9"}
_YARN_OF_LOCK = {"4": "2", "5": "3", "6": "3", "7": "4", "8": "4"}
_READS = {"5": ("6", "7"), "6": ("8",), "9": ("9", "10", "11", "12")}
"""pnpm's majors that take a lock file's format without changing it."""


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

    @property
    def major(self) -> int:
        found = re.search(r"\d+", self.version or "")
        return int(found.group()) if found else 0

    @property
    def tool(self) -> tuple[str, ...]:
        if self.version is None:
            return ()
        package = "@yarnpkg/cli-dist" if self.modern else self.name
        return (f"{package}@{self.version}",)

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


@dataclass(frozen=True)
class Install:
    files: tuple[str, ...]
    command: str | None
    after_source: tuple[str, ...] = ()
    """What can only run once the source is there."""
    development: bool = False
    """Development dependencies are installed as well."""


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


def _without_lock(package: Package) -> tuple[Name, str]:
    for name, signs in SIGNS.items():
        if sign := package.tree.first(*signs):
            return name, sign
    if any(v.startswith(("workspace:", "catalog:")) for v in package.versions.values()):
        return "pnpm", "package.json's 'workspace:' versions"
    for name in SIGNS:
        for source, _ in _pins(package, name):
            return name, source
    return "npm", ""


def _pins(package: Package, name: str) -> Iterator[tuple[str, str]]:
    """(where, version or range) of the manager itself, strongest first."""
    if name == "bun" and (text := (package.tree.text(".bun-version") or "").strip()):
        yield ".bun-version", text.removeprefix("v")
    yield from tool_pins(package.tree, name)
    for key in ("volta", "engines"):
        if version := package.texts(key).get(name):
            yield f"package.json {key}", version
    engines = package.values.get("devEngines")
    wanted = engines.get("packageManager") if isinstance(engines, dict) else None
    for each in wanted if isinstance(wanted, list) else [wanted]:
        if isinstance(each, dict) and each.get("name") == name:
            yield "package.json devEngines", str(each.get("version", "*"))


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
    settings = read_yaml(package.tree, "pnpm-workspace.yaml")
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
    settings = read_yaml(tree, ".yarnrc.yml")
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
    major = re.search(r"\d+", version)
    modern = major is not None and int(major.group()) > 1
    linker = str(settings.get("nodeLinker", "pnp"))
    return Manager("yarn", version, lock, modern, modern and linker == "pnp")


def install(package: Package, manager: Manager, development: bool, reasons: list[str]) -> Install:
    """How dependencies are installed. `development`: those for the build as well."""
    tree, members = package.tree, package.members
    scripts = [name for name in LIFECYCLE if _needed(package, name)]
    again = tuple(manager.run(name) for name in scripts)
    if not package.versions and not members:
        reasons.append(f"{package.file}: no dependencies to install")
        return Install((), None, again)
    development = development or bool(scripts)
    command = manager.prefix + _command(package, manager, development, reasons)
    if why := _needs_source(package, members):
        reasons.append(f"{why}: dependencies are installed after the source is there")
        return Install((), None, (command,), development)
    schema = ("prisma/schema.prisma",) if "@prisma/client" in package.versions else ()
    names = (package.file, *sum(LOCKS.values(), ()), *SETTINGS, *schema)
    files = [name for name in names if tree.is_file(name)]
    files += [name for name in FOLDERS if tree.list(name.rstrip("/"))]
    if members:
        reasons.append(f"workspaces: {len(members)} packages are installed together")
    present = [name for name in LIFECYCLE if name in package.scripts]
    if present:  # they would run before the source is there: set aside now, run after it
        command = f"npm pkg delete {' '.join(f'scripts.{n}' for n in present)} && {command}"
        if scripts:
            reasons.append(f"{', '.join(scripts)}: run after the source is there")
    return Install((*files, *members), command, again, development)


def _needed(package: Package, name: str) -> bool:
    """Git hooks and a check of who installs are of no use in a build."""
    script = package.script(name)
    return bool(script) and not GIT_HOOKS.match(script) and "only-allow" not in script


def _needs_source(package: Package, members: tuple[str, ...]) -> str | None:
    """Why an install from the manifests alone would fail."""
    local = ("file:", "link:", "portal:", "exec:")
    if any(version.startswith(local) for version in package.versions.values()):
        return "a dependency lies in the repository"
    if package.file != "package.json":
        return (
            f"{package.file}: its scripts cannot be set aside"
            if (any(name in package.scripts for name in LIFECYCLE))
            else None
        )
    for path in members:
        values = package.tree.json(path) if path.endswith(".json") else None
        scripts = (values or {}).get("scripts") or {}
        if isinstance(scripts, dict) and any(name in scripts for name in LIFECYCLE):
            return f"{path} has a script that runs on install"
    return None


def _command(package: Package, manager: Manager, development: bool, reasons: list[str]) -> str:
    lock = manager.lock
    if manager.name == "npm":
        return _npm(package, lock, development, reasons)
    if lock is None:
        reasons.append(f"no lock file: {manager.name} picks the newest that is allowed")
    if manager.name == "bun":
        production = "" if development else " --production"
        return f"bun install{' --frozen-lockfile' if lock else ''}{production}"
    if manager.name == "pnpm":
        form = pnpm_lock_version(package.tree, lock) if lock else ""
        fits = str(manager.major) in _READS.get(form.partition(".")[0], (str(manager.major),))
        if lock and not fits:
            reasons.append(f"{lock}: of format {form}, which pnpm {manager.version} rewrites")
        frozen = " --frozen-lockfile" if lock and fits else " --no-frozen-lockfile"
        return f"pnpm install{frozen}{' --prod=false' if development else ''}"
    if manager.modern:
        exact = lock is not None and bool(yarn_lock_version(package.tree))
        return f"yarn install{' --immutable' if exact else ''}"
    frozen = " --frozen-lockfile" if lock else ""
    more = " --production=false" if development else ""
    return f"yarn install{frozen} --non-interactive --ignore-engines{more}"


def _npm(package: Package, lock: str | None, development: bool, reasons: list[str]) -> str:
    more = " --include=dev" if development else ""  # whatever NODE_ENV is
    if lock is None:
        reasons.append(
            "no package-lock.json: npm install picks the newest that package.json allows"
        )
        return f"npm install{more}"
    if missing := _unlocked(package, lock):
        reasons.append(
            f"{lock}: out of step with package.json ({missing}), so npm install is used; "
            "commit the lock file that npm install writes to have exact versions"
        )
        return f"npm install{more}"
    reasons.append(f"{lock}: npm ci installs exactly what it locks")
    return f"npm ci{more}"


def _unlocked(package: Package, lock: str) -> str | None:
    from deployzero.detection.node_lock import missing_from_npm_lock

    return missing_from_npm_lock(package, lock)


def prune(package: Package, manager: Manager, installed: Install) -> str | None:
    """Takes development dependencies out of what is there, without a registry where possible."""
    if not installed.development:
        return None
    if manager.name == "npm":
        return "npm prune --omit=dev --ignore-scripts"
    if manager.name == "pnpm":
        frozen = " --frozen-lockfile" if manager.lock else ""
        # It would keep for a week what nothing needs any more.
        rest = "--prefer-offline --ignore-scripts --config.modules-cache-max-age=0"
        return f"CI=true pnpm install --prod{frozen} {rest}"
    if manager.name == "bun":
        frozen = " --frozen-lockfile" if manager.lock else ""
        return f"rm -rf node_modules && bun install --production{frozen} --ignore-scripts"
    if manager.modern:
        return _prune_modern_yarn(package, manager)
    frozen = " --frozen-lockfile" if manager.lock else ""
    return (
        f"yarn install --production{frozen} --non-interactive --ignore-engines "
        "--ignore-scripts --prefer-offline"
    )


def _prune_modern_yarn(package: Package, manager: Manager) -> str:
    """Yarn installs what manifests ask for: without those parts, which are then put back."""
    files = " ".join(shlex.quote(path) for path in (package.file, *package.members))
    keep = f"{files} yarn.lock" if manager.lock else files
    skip = "--skip-builds" if manager.major == 2 else "--mode=skip-build"
    script = (
        'const fs=require("fs");for(const f of process.argv.slice(1))'
        "{const p=JSON.parse(fs.readFileSync(f));delete p.devDependencies;delete p.scripts;"
        "fs.writeFileSync(f,JSON.stringify(p,null,2))}"
    )
    return (
        f"tar cf /tmp/manifests.tar {keep} && node -e {shlex.quote(script)} -- {files} && "
        f"{manager.prefix}YARN_ENABLE_IMMUTABLE_INSTALLS=0 yarn install {skip} && "
        "tar xf /tmp/manifests.tar && rm /tmp/manifests.tar"
    )
