"""How a Node.js app is started: its script, its framework's server, its entry file."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from deployzero.detection.listening import listens
from deployzero.detection.nodejs.manifest import Package
from deployzero.detection.nodejs.packages import Manager
from deployzero.detection.nodejs.site import has_adapter, is_development_server

STEMS = ("server", "index", "app", "main")
ENTRIES = (
    *(f"{stem}.{ext}" for ext in ("js", "mjs", "cjs") for stem in STEMS[:3]),
    "main.js", "src/server.js", "src/index.js", "src/app.js", "src/main.js",
    *(f"{folder}{stem}.{ext}" for ext in ("ts", "mts") for folder in ("", "src/")
      for stem in STEMS),
)  # fmt: skip
PRODUCTION = ("start:prod", "start:production", "start-prod", "prod", "production", "serve:prod")
"""Scripts that start what `start` starts for development."""
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
DIRECT = frozenset({
    "node", "next", "nuxt", "tsx", "ts-node", "bun", "remix-serve", "react-router-serve", "serve",
    "http-server", "fastify", "keystone", "strapi", "vite-node",
})  # fmt: skip
"""Programs that are started without a package manager around them, which keeps signals off."""
WORKERS = ("wrangler.toml", "wrangler.json", "wrangler.jsonc")
HTTP_SERVERS = frozenset({
    "express", "fastify", "koa", "@hono/node-server", "@hapi/hapi", "polka", "h3", "restify",
})  # fmt: skip
NITRO = (
    "nuxt", "@tanstack/react-start", "@tanstack/start", "@tanstack/solid-start", "@solidjs/start",
    "nitropack",
)  # fmt: skip
"""Frameworks on Nitro, whose builds all end in .output/."""

_PORT = re.compile(r"^((?:[A-Z_]+=\S+ )*)PORT=\d+ ")
_FIXED = re.compile(r"(\s(?:-p|--port|-l|--listen)[ =])(?:tcp://)?(?:[\w.]+:)?\d{2,5}\b")
_RELOADER = re.compile(
    r"^((?:[A-Z_]+=\S+ )*)(?:npx )?(?:nodemon|node-dev|supervisor)"
    r"(?: --?(?:w|watch|e|ext|q|quiet|inspect)(?:(?:=| (?!-))(?!\S+\.[cm]?js$)[\w./,*-]+)?)* "
    r"(?=[\w./-]+$)"
)
_WATCHER = re.compile(r"^((?:[A-Z_]+=\S+ )*)(tsx|node|bun) (?:watch|--watch(?:-path=\S+)?|--hot) ")
_TS_WATCHER = re.compile(r"^((?:[A-Z_]+=\S+ )*)(?:ts-node-dev|tsnd)(?: -[\w-]+)* (?=[\w./-]+\.ts$)")
_MANAGERS_OWN = re.compile(r"\bnpm_(?:config_user_agent|execpath|lifecycle_\w+|command)\b")
_NEXT_START = re.compile(r"\bnext start\b")
_LOADED = re.compile(
    r"(?:\brequire\(|\bimport\(|\bfrom|^[ \t]*import)\s*['\"]([^'\"\s]+)['\"]", re.MULTILINE
)
_BUN = re.compile(
    r"^(?:[A-Z_]+=\S+ )*bun (?:run )?(?:--(?:hot|watch) )(?:run )?[\w./-]+\.[cm]?[jt]sx?$"
)
"""For development; where it is all there is to start, bun is what the app is for."""
_DESKTOP = re.compile(r"\belectron\b")
_SIMPLE = re.compile(r"^(?:[A-Z_]+=[\w./:@-]+ )*[\w./-]+(?: [\w./:@=,+$-]+)*$")


@dataclass
class Start:
    command: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    """Steps of the build that the command needs."""
    build_prefix: str = ""
    """Variables for the build script."""
    tools: tuple[str, ...] = ()
    """Programs of npm's registry that the command calls and no manifest names."""
    least_node: int = 0
    """The major from which on Node.js runs such an entry file."""
    plain: bool = False
    """An entry file that nothing says to be a server."""


def start(package: Package, manager: Manager, reasons: list[str]) -> Start:
    """The start script, else the framework's own server, else `main` and the usual entries."""
    script = package.script("start")
    if script and not _for_development(package, script):
        reasons.append(f"{package.file}: start script '{script[:80]}'")
        return _by_script(package, manager, "start", reasons)
    if script:
        reasons.append(
            f"{package.file}: start script '{script[:80]}' is a development server, unused"
        )
        name = next((name for name in PRODUCTION if package.script(name)), None)
        name = name or next((n for n in package.scripts if n.startswith("serve:ssr")), None)
        if name and not is_development_server(package.script(name)):
            reasons.append(f"{package.file}: script '{name}' in its place")
            return _by_script(package, manager, name, reasons)
    return _framework(package, manager, reasons)


def entry(package: Package, manager: Manager, reasons: list[str]) -> Start:
    """`main` or `module` when it exists, else server.js, index.js, app.js and their like."""
    if package.first(*WORKERS) and not package.dependencies & HTTP_SERVERS:
        reasons.append(
            f"{package.first(*WORKERS)}: made for Cloudflare Workers; a server such as "
            "@hono/node-server is needed here"
        )
        return Start()
    if _is_desktop(package):
        return Start()  # which would run its main without a display
    found = main_file(package)
    for key in ("main", "module"):
        declared = package.values.get(key)
        if not isinstance(declared, str) or not declared or found is None:
            continue
        if declared.removeprefix("./") != found and found in ENTRIES:
            reasons.append(f"{package.file}: {key} '{declared[:80]}' does not exist, ignored")
    if found is None:
        return Start()
    begun = _run_file(package, manager, found, reasons)
    source = package.tree.source(package.path(found))
    begun.plain = not package.dependencies & HTTP_SERVERS and not listens(source)
    return begun


def main_file(package: Package) -> str | None:
    for key in ("main", "module"):
        declared = package.values.get(key)
        if isinstance(declared, str) and declared.strip():
            path = declared.strip().removeprefix("./")
            if found := package.first(path, f"{path}.js", f"{path.rstrip('/')}/index.js"):
                return found
    return package.first(*ENTRIES)


def unstartable(package: Package) -> str | None:
    """Why an app without a start command has none, where that is known."""
    if _is_desktop(package):
        return "its start script opens a window (Electron), and nothing of it is served by HTTP"
    declared = package.values.get("main")
    if not isinstance(declared, str) or not declared.strip() or main_file(package):
        return None
    return f"{package.file}'s main is {declared.strip()[:80]}, and there is no such file"


def _is_desktop(package: Package) -> bool:
    return bool(_DESKTOP.search(package.script(package.final("start"))))


def sources(app: Package, file: str) -> Iterator[str]:
    """A script that is started, and what a compiler makes it of."""
    if file:
        yield app.path(file)
        inner = re.sub(r"^(?:\./)?(?:dist|build|lib|out)/", "", file)
        stem = re.sub(r"\.[cm]?js$", "", inner)
        for folder in ("src/", ""):
            yield app.path(f"{folder}{stem}.ts")


def script_variables(package: Package) -> dict[str, str]:
    """What every package manager gives a script, for one that is started without it.

    Many a program reads its own version there.
    """
    given = {key: package.values.get(key) for key in ("name", "version")}
    config = package.values.get("config")
    given |= {f"config_{k}": v for k, v in config.items()} if isinstance(config, dict) else {}
    named = {f"npm_package_{key}": value for key, value in given.items()}
    return {
        name: str(value)
        for name, value in named.items()
        if isinstance(value, str | int) and not isinstance(value, bool)
        and re.fullmatch(r"\w{1,80}", name) and re.fullmatch(r"[^\0\n]{1,200}", str(value))
    }  # fmt: skip


def needs_development(package: Package, commands: list[str]) -> str | None:
    """The development dependency that these commands call, or that Next's settings load."""
    for command in commands:
        for word in re.findall(r"[@\w][\w@/.-]*", package.expanded(command)):
            name = BINARIES.get(word, _package_of(word))
            if name in package.development:
                return name
    if any(_NEXT_START.search(package.expanded(each)) for each in commands):
        loaded = _LOADED.findall(package.config("next"))  # a plugin, say
        return next((n for n in map(_package_of, loaded) if n in package.development), None)
    return None


def needs_typescript(package: Package, commands: list[str]) -> str | None:
    """next.config.ts, for which `next start` installs TypeScript where it is missing (Next 15)."""
    if "typescript" not in package.development:
        return None
    if not any(_NEXT_START.search(package.expanded(each)) for each in commands):
        return None
    return package.first("next.config.ts", "next.config.mts")


def _package_of(module: str) -> str:
    parts = module.split("/")
    return "/".join(parts[:2]) if module.startswith("@") else parts[0]


def _for_development(package: Package, script: str) -> bool:
    production = any(package.script(name) for name in PRODUCTION)
    return is_development_server(package.script(package.final("start"))) or (
        production and bool(re.search(r"\bnest start\b|\bnodemon\b|\bts-node-dev\b", script))
    )


def _by_script(package: Package, manager: Manager, name: str, reasons: list[str]) -> Start:
    environment = _environment(package)
    called = package.final(name)
    if re.search(r"^next start\b|standalone/server\.js", package.script(called)) and (
        standalone := _standalone(package, reasons)
    ):
        return standalone
    command = _direct(package, manager, called, reasons)
    if command is None:
        default = "npm start" if manager.name == "npm" and name == "start" else manager.run(name)
        command = inside(package, default)
    return Start(command, environment)


def _direct(package: Package, manager: Manager, name: str, reasons: list[str]) -> str | None:
    """`node server.js` itself instead of npm around it: it gets SIGTERM, and starts faster."""
    if package.around(name):
        return None
    script = package.script(name)
    plain = _PORT.sub(r"\1", script)
    plain = re.sub(r"^cross-env ((?:[A-Z_]+=[\w./:@-]+ )+)(?=node )", r"\1", plain)
    plain = re.sub(r"^npx (?:--no-install )?", "", plain)
    plain = _RELOADER.sub(r"\1node ", plain)
    plain = _WATCHER.sub(r"\1\2 ", plain)
    plain = _TS_WATCHER.sub(r"\1ts-node ", plain)
    plain = _FIXED.sub(r"\1$PORT", plain)
    if not _SIMPLE.match(plain) or "$npm_" in plain:
        return None
    words = [word for word in plain.split() if not re.match(r"^[A-Z_]+=", word)]
    program = BINARIES.get(words[0], words[0])
    if words[0] not in DIRECT or program not in {"node", "bun", *package.dependencies}:
        return None
    if words[0] not in ("node", "bun") and (package.folder != "." or manager.pnp):
        return None  # its program lies in a folder that PATH does not name
    if asked := _asks_manager(package, plain):
        reasons.append(f"{asked}: reads what {manager.name} tells its scripts, so that starts it")
        return None
    if "PORT" in script and "$PORT" not in script and _PORT.match(script):
        reasons.append(f"{package.file}: the start script's PORT is left out, deployzero sets it")
    if "$PORT" in plain and "$PORT" not in script:
        reasons.append(f"{package.file}: the start script's port gives way to $PORT")
    return inside(package, _loading(package, manager, plain))


def _asks_manager(package: Package, command: str) -> str | None:
    """The script in the command that reads variables which only a package manager can set."""
    for word in command.split():
        if re.search(r"\.[cm]?[jt]s$", word):
            for path in filter(package.tree.is_file, sources(package, word)):
                if _MANAGERS_OWN.search(package.tree.head(path, 256 * 1024)):
                    return path
    return None


def _loading(package: Package, manager: Manager, command: str) -> str:
    """With Plug'n'Play node finds packages by Yarn's own loader alone."""
    if not manager.pnp or not re.search(r"(?:^|\s)node ", command):
        return command
    if package.values.get("type") == "module" or package.folder != ".":
        return re.sub(r"(^|\s)node ", r"\1yarn node ", command, count=1)
    return f"NODE_OPTIONS=--require=./.pnp.cjs {command}"


def inside(package: Package, command: str) -> str:
    """The command in the package's own folder."""
    folder = package.folder
    return command if folder == "." else f"cd {shlex.quote(folder)} && {command}"


def _environment(package: Package) -> dict[str, str]:
    if "@sveltejs/adapter-node" in package.dependencies:
        # Its check of forms compares with the address that the browser used.
        return {"PROTOCOL_HEADER": "x-forwarded-proto", "HOST_HEADER": "x-forwarded-host"}
    return {}


def _framework(package: Package, manager: Manager, reasons: list[str]) -> Start:
    uses = package.dependencies
    if package.members and "build" not in package.scripts:
        return Start()  # the root holds what its workspaces share
    if "next" in uses:
        if standalone := _standalone(package, reasons):
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
    if any(name in uses for name in NITRO):
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
        return Start(inside(package, _loading(package, manager, "node dist/main")))
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
    environment = {"PROTOCOL_HEADER": "x-forwarded-proto", "HOST_HEADER": "x-forwarded-host"}
    command = inside(package, f"node {out[1] if out else 'build'}")
    return Start(command, environment, build_prefix=prefix)


def _standalone(package: Package, reasons: list[str]) -> Start | None:
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


def _run_file(package: Package, manager: Manager, file: str, reasons: list[str]) -> Start:
    quoted = shlex.quote(file)
    if manager.name == "bun" or any(_BUN.match(script) for script in package.scripts.values()):
        reasons.append(f"{file}: started by bun")
        return Start(inside(package, f"bun {quoted}"))
    if not re.search(r"\.[cm]?tsx?$", file):
        reasons.append(f"{file}: started by node")
        return Start(inside(package, _loading(package, manager, f"node {quoted}")))
    for runner in ("tsx", "ts-node"):
        if runner in package.dependencies and package.folder == "." and not manager.pnp:
            reasons.append(f"{file}: started by {runner}")
            return Start(f"{runner} {quoted}")
    reasons.append(f"{file}: started by node itself, which leaves types out (22.18 or later)")
    return Start(inside(package, _loading(package, manager, f"node {quoted}")), least_node=22)
