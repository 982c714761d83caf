"""Lock files of Node.js's package managers: of which format, and whether they fit."""

import re

from semantic_version import Version

from deployzero.detection.nodejs.manifest import Package
from deployzero.detection.nodejs.version import LONGEST, npm_range
from deployzero.detection.tree import Tree
from deployzero.errors import ProjectDetectionError


def pnpm_lock_version(tree: Tree, lock: str) -> str:
    """'9.0', '6.0', '5.4'; '' where it says nothing."""
    found = re.search(r"^lockfileVersion:\s*['\"]?([\d.]+)", tree.head(lock), re.MULTILINE)
    return found[1] if found else ""


def yarn_lock_version(tree: Tree) -> str:
    """Of a lock of Yarn 2 and later, such as '8'; '' for one of Yarn 1."""
    found = re.search(r"^__metadata:\s*\n\s+version:\s*(\d+)", tree.head("yarn.lock"), re.MULTILINE)
    return found[1] if found else ""


def missing_from_npm_lock(package: Package, lock: str) -> str | None:
    """The first dependency that the lock lacks or has at a version that is not asked for.

    `npm ci` refuses such a lock. None also where it cannot be told (an old or large lock).
    """
    try:
        packages = (package.tree.json(lock) or {}).get("packages")
    except ProjectDetectionError:
        return None  # too large to read here; npm says itself what is wrong
    if not isinstance(packages, dict):
        return None
    optional = package.texts("optionalDependencies")
    for name, wanted in package.versions.items():
        locked = packages.get(f"node_modules/{name}")
        if not isinstance(locked, dict):
            if name not in optional:
                return f"{name} is not in it"
            continue
        version = locked.get("version")
        if isinstance(version, str) and not agrees(wanted, version):
            return f"{name} {version} is not {wanted}"
    return None


def agrees(wanted: str, version: str) -> bool:
    """The version is in npm's range; True as well for what is no range (a tag, an address)."""
    spec = npm_range(wanted.strip())
    if spec is None or len(version) > LONGEST:
        return True
    try:
        return bool(spec.match(Version.coerce(version)))
    except ValueError:
        return True
