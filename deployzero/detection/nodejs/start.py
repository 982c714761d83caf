"""How a Node.js app is started: its script, its framework's server, its entry file."""

import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace

from deployzero.detection.listening import listens
from deployzero.detection.nodejs.command import Start, inside, loading
from deployzero.detection.nodejs.compiled import compiled, emits
from deployzero.detection.nodejs.frameworks import (
    framework_server,
    next_standalone,
    server_environment,
)
from deployzero.detection.nodejs.kept import BINARIES
from deployzero.detection.nodejs.manifest import Package
from deployzero.detection.nodejs.packages import Manager
from deployzero.detection.nodejs.site import is_development_server

STEMS = ("server", "index", "app", "main")
ENTRIES = (
    *(f"{stem}.{ext}" for ext in ("js", "mjs", "cjs") for stem in STEMS[:3]),
    "main.js", "src/server.js", "src/index.js", "src/app.js", "src/main.js",
    *(f"{folder}{stem}.{ext}" for ext in ("ts", "mts") for folder in ("", "src/")
      for stem in STEMS),
)  # fmt: skip
PRODUCTION = ("start:prod", "start:production", "start-prod", "prod", "production", "serve:prod")
"""Scripts that start what `start` starts for development."""
DIRECT = frozenset({
    "node", "next", "nuxt", "tsx", "ts-node", "bun", "remix-serve", "react-router-serve", "serve",
    "http-server", "fastify", "keystone", "strapi", "vite-node",
})  # fmt: skip
"""Programs that are started without a package manager around them, which keeps signals off."""
WORKERS = ("wrangler.toml", "wrangler.json", "wrangler.jsonc")
HTTP_SERVERS = frozenset({
    "express", "fastify", "koa", "@hono/node-server", "@hapi/hapi", "polka", "h3", "restify",
})  # fmt: skip
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
_BUN = re.compile(
    r"^(?:[A-Z_]+=\S+ )*bun (?:run )?(?:--(?:hot|watch) )(?:run )?[\w./-]+\.[cm]?[jt]sx?$"
)
"""For development; where it is all there is to start, bun is what the app is for."""
_DESKTOP = re.compile(r"\belectron\b")
_EXPORTED = re.compile(r"(?m)^(?:export default|module\.exports\s*=)\s+(?:app|server|handler)\b")
_LISTENING = re.compile(r"\b(?:listen|serve|createServer)\b")
_BUNDLER = re.compile(
    r"(?:^|[\s&;|])(?:tsup|tsdown|esbuild|swc|babel|rollup|rolldown|webpack|ncc|unbuild|pkgroll"
    r"|microbundle)(?=\s|$)"
)
_BUILT = re.compile(r"^(?:\./)?((?:dist|build|lib|out)/(?!.*\.\.)[\w./-]+?)(\.[cm]?js)?$")
_FRAMEWORKS_PARTS = re.compile(
    r"['\"](?:next|nuxt)['\"]|build/handler|build/server|dist/server|@remix-run/|@react-router/"
    r"|\.output/"
)
_DEVELOPERS = re.compile(r"['\"](?:webpack-dev-server|browser-sync|live-server|json-server)['\"]")
_SIMPLE = re.compile(r"^(?:[A-Z_]+=[\w./:@-]+ )*[\w./-]+(?: [\w./:@=,+$-]+)*$")


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
    own = None if script else own_server(package, manager, _FRAMEWORKS_PARTS, reasons)
    return own or framework_server(package, manager, reasons)


def own_server(
    package: Package, manager: Manager, parts: re.Pattern[str], reasons: list[str]
) -> Start | None:
    """server.js, which npm itself starts without a start script, where it serves these parts."""
    source = package.tree.source(package.path("server.js"))
    if "listen(" not in source or not parts.search(source) or _DEVELOPERS.search(source):
        return None
    reasons.append("server.js: serves what the build makes")
    begun = _run_file(package, manager, "server.js", reasons)
    return replace(begun, environment=server_environment(package))


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
    made = _made(package, manager, found)
    if found is None and not made:
        return Start()
    for key, named, file in _declared(package):
        if file or named.removeprefix("./").removesuffix(".js") + ".js" in made:
            break
        reasons.append(f"{package.file}: {key} '{named[:80]}' does not exist, ignored")
    path = package.path(found) if found else ""
    source = package.tree.source(path)
    if made:
        begun = replace(_by_node(package, manager, made, reasons), source=path or None)
    else:
        begun = _run_file(package, manager, found or "", reasons)
    by_bun = bool(re.search(r"\bbun ", begun.command or ""))  # which serves what is exported
    if not by_bun and _EXPORTED.search(source) and not _LISTENING.search(source):
        reasons.append(
            f"{found}: exports its app for another host and listens nowhere; here it has to "
            "listen on process.env.PORT"
        )
    plain = not package.dependencies & HTTP_SERVERS and not listens(source)
    return replace(begun, plain=plain)


def _by_node(package: Package, manager: Manager, made: list[str], reasons: list[str]) -> Start:
    """A script that the build makes, linked where it is told to be if it lies elsewhere."""
    script = made[0]
    reasons.append(f"{script}: made by the build, started by node")
    command = inside(package, loading(package, manager, f"node {shlex.quote(script)}"))
    links = []
    for other in made[1:]:
        target = shlex.quote(posixpath.relpath(other, posixpath.dirname(script)))
        there, folder = shlex.quote(script), shlex.quote(posixpath.dirname(script))
        link = f"test -e {there} || (mkdir -p {folder} && ln -s {target} {there})"
        links.append(f"({inside(package, link)})")
    return Start(command, before=tuple(links))


def _made(package: Package, manager: Manager, file: str | None) -> list[str]:
    """Where the build may put what it makes of the entry file; bun runs it as it is.

    A bundler's is what `main` names in a folder of built files, but for a server that lies at the
    top and that it is not told of: it bundles the pages then.
    """
    name = "heroku-postbuild" if package.script("heroku-postbuild") else "build"
    build = package.expanded(package.script(name))
    if manager.name == "bun" or not build:
        return []
    key, named, there = next(_declared(package), ("", "", None))
    server = file or package.dependencies & HTTP_SERVERS
    missing = key == "main" and not there and server and not _is_server(package, file or "", build)
    bundle = _BUILT.match(named) if missing else None
    if bundle and (_BUNDLER.search(build) or emits(package, build)):
        return [f"{bundle[1]}{bundle[2] or '.js'}"]
    return compiled(package, file, build) if file and re.search(r"\.m?ts$", file) else []


def _is_server(package: Package, file: str, build: str) -> bool:
    """JavaScript that listens as it is."""
    if "/" in file or not file.endswith("js") or file in build:
        return False
    return "listen(" in package.tree.source(package.path(file))


def main_file(package: Package) -> str | None:
    declared = next((file for _, _, file in _declared(package) if file), None)
    return declared or package.first(*ENTRIES)


def _declared(package: Package) -> Iterator[tuple[str, str, str | None]]:
    """`main` and `module`: the key, what it names, and the file there, if any."""
    for key in ("main", "module"):
        named = package.values.get(key)
        if isinstance(named, str) and (named := named.strip()):
            path = named.removeprefix("./")
            file = package.first(path, f"{path}.js", f"{path.rstrip('/')}/index.js")
            yield key, named, file


def unstartable(package: Package) -> tuple[str | None, str | None]:
    """(why, what to do) of an app without a start command, where that is known."""
    if _is_desktop(package):
        window = "its start script opens a window (Electron), and nothing of it is served by HTTP"
        return window, None
    if package.members or main_file(package):
        return None, None  # `npm init` writes a main also where the members are the apps
    main = next((named[:80] for key, named, _ in _declared(package) if key == "main"), None)
    if main is None:
        return None, None
    hint = (
        f'Correct "main" in {package.file}, add a "build" script that makes {main} and a "start" '
        "script that runs it, or a Procfile with 'web: <command>'."
    )
    return f"{package.file}'s main is {main}, and there is no such file", hint


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


def _for_development(package: Package, script: str) -> bool:
    production = any(package.script(name) for name in PRODUCTION)
    return is_development_server(package.script(package.final("start"))) or (
        production and bool(re.search(r"\bnest start\b|\bnodemon\b|\bts-node-dev\b", script))
    )


def _by_script(package: Package, manager: Manager, name: str, reasons: list[str]) -> Start:
    environment = server_environment(package)
    called = package.final(name)
    if re.search(r"^next start\b|standalone/server\.js", package.script(called)) and (
        standalone := next_standalone(package, reasons)
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
    return inside(package, loading(package, manager, plain))


def _asks_manager(package: Package, command: str) -> str | None:
    """The script in the command that reads variables which only a package manager can set."""
    for word in command.split():
        if re.search(r"\.[cm]?[jt]s$", word):
            for path in filter(package.tree.is_file, sources(package, word)):
                if _MANAGERS_OWN.search(package.tree.source(path)):
                    return path
    return None


def _run_file(package: Package, manager: Manager, file: str, reasons: list[str]) -> Start:
    quoted = shlex.quote(file)
    if manager.name == "bun" or any(_BUN.match(script) for script in package.scripts.values()):
        reasons.append(f"{file}: started by bun")
        return Start(inside(package, f"bun {quoted}"))
    if not re.search(r"\.[cm]?tsx?$", file):
        reasons.append(f"{file}: started by node")
        return Start(inside(package, loading(package, manager, f"node {quoted}")))
    for runner in ("tsx", "ts-node"):
        if runner in package.dependencies and package.folder == "." and not manager.pnp:
            reasons.append(f"{file}: started by {runner}")
            return Start(f"{runner} {quoted}")
    reasons.append(f"{file}: started by node itself, which leaves types out (22.18 or later)")
    return Start(inside(package, loading(package, manager, f"node {quoted}")), least_node=22)
