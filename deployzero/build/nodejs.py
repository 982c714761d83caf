"""What Node.js's template needs beside the plan: caches by tool, what npm's versions differ in."""

import re

from deployzero.build.base_image_names import BaseImage
from deployzero.models.project import ProjectConfig

_CACHES = {
    "npm": {"npm": "/root/.npm"},
    "yarn": {"yarn": "/usr/local/share/.cache/yarn", "berry": "/root/.yarn/berry"},
    "pnpm": {"pnpm": "/root/.local/share/pnpm/store", "pnpm-meta": "/root/.cache/pnpm"},
    "bun": {"bun": "/root/.bun/install/cache"},
}
"""Where each package manager keeps what it fetched, for root."""
_BUILD_CACHES = {
    "next": ".next/cache",
    "angular": ".angular/cache",
    "astro": "node_modules/.astro",
    "create-react-app": "node_modules/.cache",
    "docusaurus": "node_modules/.cache",
    "vue-cli": "node_modules/.cache",
}
"""What each front-end tool finds again at its next build."""
FALLING_BACK = " --logs-dir=/tmp/npm || { "
"""Stands after npm's own command; from here on a step is ours, and is not shown."""
_LINKED = "/tmp/front-end-cache"  # noqa: S108 - in a build step


def caches(config: ProjectConfig) -> dict[str, str]:
    """npm's as well: it installs the others."""
    return {**_CACHES["npm"], **_CACHES.get(config.package_manager or "npm", {})}


def install(config: ProjectConfig) -> str | None:
    """npm ci, and npm install where the lock file turns out not to fit the manifests.

    npm's exit status is 1 for whatever went wrong, so its own log is asked.
    """
    command = config.install_command
    if command is None or not re.search(r"\bnpm ci\b", command):
        return command
    again = re.sub(r"\bnpm ci\b", "npm install", command.rpartition(" && ")[2])
    return (
        f"{command}{FALLING_BACK}grep -qrs 'code EUSAGE' /tmp/npm"
        f" && echo 'the lock file does not fit: npm install instead' && {again}; }}"
    )


def build_caches(config: ProjectConfig) -> dict[str, str]:
    """What a build may find again the next time, and no image needs."""
    tool = config.framework or ""
    folder = _BUILD_CACHES.get(tool) if config.type == "nodejs" else None
    if folder is None:
        return {}
    return {tool: _LINKED if _is_linked(folder) else f"{config.install_path}/{folder}"}


def cache_link(config: ProjectConfig) -> str | None:
    """Brings a cache among the packages, as a link: an install by the build may remove that."""
    folder = _BUILD_CACHES.get(config.framework or "", "")
    return f"mkdir -p node_modules && ln -sfn {_LINKED} {folder}" if _is_linked(folder) else None


def _is_linked(folder: str) -> bool:
    return folder.startswith("node_modules/")


def is_old_npm(config: ProjectConfig, base: BaseImage) -> bool:
    """Run by root, npm before 9 gives scripts to who owns the folder, before 7 to nobody."""
    if pinned := re.search(r"(?:^| )npm@\D*(\d+)", " ".join(config.tools)):
        return int(pinned[1]) < 9
    node = base.version.partition(".")[0]
    return node.isdigit() and int(node) < 18
