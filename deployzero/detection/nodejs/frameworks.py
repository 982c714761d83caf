"""Servers of Node.js frameworks: how what their builds make is started."""

import re

from deployzero.detection.nodejs.command import Start, inside, loading
from deployzero.detection.nodejs.manifest import Package
from deployzero.detection.nodejs.packages import Manager
from deployzero.detection.nodejs.site import has_adapter, on_nitro

NITRO = (
    "nuxt", "@tanstack/react-start", "@tanstack/start", "@tanstack/solid-start", "@solidjs/start",
    "nitropack",
)  # fmt: skip
"""Frameworks on Nitro, whose builds all end in .output/."""
FORWARDED = {"PROTOCOL_HEADER": "x-forwarded-proto", "HOST_HEADER": "x-forwarded-host"}
"""For SvelteKit's server, whose check of forms compares with the address that the browser used."""


def framework_server(package: Package, manager: Manager, reasons: list[str]) -> Start:
    """The server that a framework brings or builds; none where it has none for this host."""
    uses = package.dependencies
    if package.members and "build" not in package.scripts:
        return Start()  # the root holds what its workspaces share
    if "next" in uses:
        if standalone := next_standalone(package, reasons):
            return standalone
        reasons.append("next: its own server, next start")
        command = "next start" if package.folder == "." and not manager.pnp else None
        return Start(command or inside(package, manager.execute("next start")))
    if _without_nitro(package):
        reasons.append(
            "tanstack-start: its build has no server of its own, so srvx serves dist/; "
            "nitro among the plugins of vite.config makes one"
        )
        path = "dist/server/server.js"
        return Start(inside(package, f"srvx --prod -s ../client {path}"), tools=("srvx@1",))
    if any(name in uses for name in NITRO) or on_nitro(package):
        reasons.append("its build ends in a server of its own, .output/server/index.mjs")
        return Start(inside(package, "node .output/server/index.mjs"))
    if "@sveltejs/kit" in uses:
        return _sveltekit(package, reasons)
    if "astro" in uses and has_adapter(package):
        if "@astrojs/node" in uses:
            reasons.append("astro: its Node.js adapter's server, dist/server/entry.mjs")
            return Start(inside(package, "node ./dist/server/entry.mjs"))
        reasons.append("astro: its adapter is for another host; @astrojs/node is for this one")
        return Start()
    for name, program in (
        ("@remix-run/serve", "remix-serve"),
        ("@react-router/serve", "react-router-serve"),
    ):
        if name in uses:
            reasons.append(f"{name}: serves build/server/index.js")
            path = "./build/server/index.js"
            if package.folder != "." or manager.pnp:
                return Start(inside(package, manager.execute(f"{program} {path}")))
            return Start(f"{program} {path}")
    if "@nestjs/core" in uses and "build" in package.scripts:
        reasons.append("nest: its build ends in dist/main.js")
        return Start(inside(package, loading(package, manager, "node dist/main")))
    return Start()


def _without_nitro(package: Package) -> bool:
    """TanStack Start from its release candidates on: Nitro is a plugin that one adds."""
    wanted = package.versions.get("@tanstack/react-start") or package.versions.get(
        "@tanstack/solid-start", ""
    )
    asked = {"nitro", "nitropack", "@tanstack/nitro-v2-vite-plugin", "vinxi"} & package.dependencies
    if not wanted or asked or "nitro" in package.config("vite") or package.config("app"):
        return False
    number = re.search(r"([0-9]{1,6})\.([0-9]{1,6})", wanted)
    return number is None or (int(number[1]), int(number[2])) >= (1, 132)


def _sveltekit(package: Package, reasons: list[str]) -> Start:
    text = package.config("svelte")
    if "adapter-auto" in text:
        reasons.append(
            "sveltekit: adapter-auto knows no host like this one, so it is told to take "
            "adapter-node (GCP_BUILDPACKS); install @sveltejs/adapter-node to have it locked"
        )
        prefix = "GCP_BUILDPACKS=true "
    elif "adapter-node" in text:
        reasons.append("sveltekit: adapter-node's server, build/")
        prefix = ""
    else:
        reasons.append("sveltekit: its adapter is for another host; adapter-node is for this one")
        return Start()
    out = re.search(r"\bout\s*:\s*['\"`]([\w./-]+)['\"`]", text)
    command = inside(package, f"node {out[1] if out else 'build'}")
    return Start(command, FORWARDED, build_prefix=prefix)


def next_standalone(package: Package, reasons: list[str]) -> Start | None:
    """Next's own small server; its files beside it are for the build to bring."""
    if not re.search(r"\boutput\s*:\s*['\"`]standalone['\"`]", package.config("next")):
        return None
    if package.folder != ".":
        return None  # it lies as deep as the package does
    reasons.append("next.config: output 'standalone': its server, with its static files")
    copied = "cp -r .next/static .next/standalone/.next/"
    before = [copied] if "standalone" not in package.script("build") else []
    if before and package.tree.is_dir("public"):
        before.append("cp -r public .next/standalone/")
    # Docker's own HOSTNAME would bind it to one address.
    return Start("HOSTNAME=0.0.0.0 node .next/standalone/server.js", before=tuple(before))


def server_environment(package: Package) -> dict[str, str]:
    return FORWARDED if "@sveltejs/adapter-node" in package.dependencies else {}
