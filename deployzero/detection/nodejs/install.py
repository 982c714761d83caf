"""How the dependencies of a Node.js app are installed, and taken out again after the build."""

import re
import shlex
from dataclasses import dataclass

from deployzero.detection.nodejs.lock import (
    missing_from_npm_lock,
    pnpm_lock_version,
    yarn_lock_version,
)
from deployzero.detection.nodejs.manifest import LIFECYCLE, Package
from deployzero.detection.nodejs.packages import LOCKS, Manager

SETTINGS = (
    ".npmrc", ".yarnrc", ".yarnrc.yml", ".pnp.cjs", ".pnp.loader.mjs", "pnpm-workspace.yaml",
    ".pnpmfile.cjs", "bunfig.toml", ".bun-version",
)  # fmt: skip
FOLDERS = ("patches/", ".yarn/releases/", ".yarn/plugins/", ".yarn/patches/", ".yarn/cache/")
"""What an install reads beside manifests and lock."""
GIT_HOOKS = re.compile(r"^(?:npx )?(?:husky|lefthook|simple-git-hooks|is-ci|pinst|lint-staged)\b")
_OWN_PACKAGES = re.compile(
    r"node (?:\./)?(?:\.output/server/index\.mjs|\.next/standalone/server\.js)$"
)
_READS = {"5": ("6", "7"), "6": ("8",), "9": ("9", "10", "11", "12")}
"""pnpm's majors that take a lock file's format without changing it."""


@dataclass(frozen=True)
class Install:
    files: tuple[str, ...]
    command: str | None
    after_source: tuple[str, ...] = ()
    """What can only run once the source is there."""
    development: bool = False
    """Development dependencies are installed as well."""


def install(package: Package, manager: Manager, development: bool, reasons: list[str]) -> Install:
    """How dependencies are installed. `development`: those for the build as well."""
    tree, members = package.tree, package.members
    scripts = [name for name in LIFECYCLE if _needed(package, name)]
    again = tuple(manager.run(name) for name in scripts)
    if not package.versions and not members:
        reasons.append(f"{package.file}: no dependencies to install")
        return Install((), None, again)
    why = _needs_source(package, members)
    development = development or bool(scripts or why)
    if manager.modern and (package.development or members):
        development = True  # it has no install without them
    command = manager.prefix + _command(package, manager, development, reasons)
    if why:
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
        # NODE_ENV alone no longer tells it what to leave out.
        return f"pnpm install{frozen}{' --prod=false' if development else ' --prod'}"
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
    if missing := missing_from_npm_lock(package, lock):
        reasons.append(
            f"{lock}: out of step with package.json ({missing}), so npm install is used; "
            "commit the lock file that npm install writes to have exact versions"
        )
        return f"npm install{more}"
    reasons.append(f"{lock}: npm ci installs exactly what it locks")
    return f"npm ci{more}"


def prune(
    package: Package, manager: Manager, installed: Install, commands: list[str], stays: str = ""
) -> str | None:
    """Takes development dependencies out of what is there, without a registry where possible.

    All packages go where the only command starts a server that has its own copies of them.
    `stays`: one that the app needs when it runs; npm alone can be told.
    """
    if len(commands) == 1 and _OWN_PACKAGES.search(commands[0]) and not package.members:
        return "rm -rf node_modules"
    if not installed.development:
        return None
    if manager.name == "npm":
        moved = ""
        if stays:
            version = shlex.quote(f"dependencies.{stays}={package.versions[stays]}")
            moved = f"npm pkg set {version} && npm pkg delete devDependencies.{stays} && "
        return f"{moved}npm prune --omit=dev --ignore-scripts"
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
        # It names each file that it removes, several times over.
        f"{{ {manager.prefix}YARN_ENABLE_IMMUTABLE_INSTALLS=0 yarn install {skip} >/tmp/pruned "
        "|| { cat /tmp/pruned; false; }; } && "
        "tar xf /tmp/manifests.tar && rm /tmp/manifests.tar"
    )
