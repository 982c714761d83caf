"""Development dependencies that a Node.js app needs when it runs."""

import re
from dataclasses import dataclass

from deployzero.detection.nodejs.manifest import Package
from deployzero.detection.nodejs.packages import Manager

BINARIES = {
    "nest": "@nestjs/cli", "ng": "@angular/cli", "tsc": "typescript", "run-s": "npm-run-all",
    "run-p": "npm-run-all", "dotenv": "dotenv-cli", "remix-serve": "@remix-run/serve",
    "react-router-serve": "@react-router/serve", "vinxi": "vinxi", "nuxi": "nuxi",
    "medusa": "@medusajs/cli", "strapi": "@strapi/strapi", "directus": "directus",
    "sequelize": "sequelize-cli", "sequelize-cli": "sequelize-cli", "babel-node": "@babel/node",
    "keystone": "@keystone-6/core", "payload": "payload", "eleventy": "@11ty/eleventy",
    "tsconfig-paths": "tsconfig-paths", "swc-node": "@swc-node/register",
}  # fmt: skip
"""Programs that are not called like their package."""
_NEXT_RUNS = re.compile(r"\bnext start\b|(?<!standalone/)\bserver\.[cm]?js\b")
"""Next itself, or the server around it, which by custom has this name; both read its settings."""
_LOADED = re.compile(
    r"(?:\brequire\(|\bimport\(|\bfrom|^[ \t]*import)\s*['\"]([^'\"\s]+)['\"]", re.MULTILINE
)


@dataclass(frozen=True)
class Kept:
    all: bool = False
    one: str = ""
    """The only one that stays, which npm alone can be told."""
    reason: str = ""


def kept(root: Package, app: Package, manager: Manager, commands: list[str]) -> Kept:
    """What stays when the build is done, for these commands."""
    if name := _needs_development(app, commands):
        return Kept(
            all=True,
            reason=f"{name}: the start needs it of the development dependencies, which stay",
        )
    if settings := _needs_typescript(app, commands):
        reason = f"{settings}: read when Next starts, so TypeScript stays"
        if manager.name == "npm" and app is root:
            return Kept(one="typescript", reason=reason)
        return Kept(all=True, reason=reason)
    return Kept()


def _needs_development(package: Package, commands: list[str]) -> str | None:
    """The development dependency that these commands call, or that Next's settings load."""
    for command in commands:
        for word in re.findall(r"[@\w][\w@/.-]*", package.expanded(command)):
            name = BINARIES.get(word, _package_of(word))
            if name in package.development:
                return name
    if any(_NEXT_RUNS.search(package.expanded(each)) for each in commands):
        loaded = _LOADED.findall(package.config("next"))  # a plugin, say
        return next((n for n in map(_package_of, loaded) if n in package.development), None)
    return None


def _needs_typescript(package: Package, commands: list[str]) -> str | None:
    """next.config.ts, for which Next 15 installs TypeScript at the start where it is missing."""
    if "typescript" not in package.development:
        return None
    if not any(_NEXT_RUNS.search(package.expanded(each)) for each in commands):
        return None
    return package.first("next.config.ts", "next.config.mts")


def _package_of(module: str) -> str:
    parts = module.split("/")
    return "/".join(parts[:2]) if module.startswith("@") else parts[0]
