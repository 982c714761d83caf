"""Python apps that bring their own server: Streamlit, Gradio … and plain scripts."""

import ast
import re
import shlex
from dataclasses import dataclass

from deployzero.detection.listening import listens
from deployzero.detection.python.pyproject import Table, scripts, table
from deployzero.detection.python.requirements import Requirements
from deployzero.detection.python.syntax import MAX_SOURCE, flaw, parsed
from deployzero.detection.python.web import MODULES, imports
from deployzero.detection.tree import Tree

ENTRIES = ("main.py", "app.py", "start.py", "bot.py", "hello.py", "server.py")
"""Plain scripts, in Railpack's order."""
PAGES = ("streamlit_app.py", "Home.py", "home.py", "Main.py", "dashboard.py", "demo.py")
RUNNERS = {
    "streamlit": "streamlit run {file} --server.address 0.0.0.0 --server.port $PORT "
    "--server.headless true",
    "chainlit": "chainlit run {file} --host 0.0.0.0 --port $PORT --headless",
    "gradio": "GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=$PORT python {file}",
    "nicegui": "python {file}",
    "panel": "panel serve {file} --address 0.0.0.0 --port $PORT --allow-websocket-origin '*'",
    "shiny": "shiny run {file} --host 0.0.0.0 --port $PORT",
}
"""What serves a script that imports the framework of this name."""
OWN_PORTS = {"run_app": ("aiohttp", 8080), "run": ("nicegui", 8080)}
"""Port that a call without one takes, by its name and the framework imported."""
_LISTENS = re.compile(r"Server|\brun|listen|bind|serve|port", re.IGNORECASE)
_PORT = re.compile(r"""["'](?:[A-Z_]*_)?PORT["']""")
MOST_FILES = 20
LOCAL = ("127.0.0.1", "localhost", "::1")
LOOPBACK = ("flask", "quart", "sanic", "bottle", "dash", "uvicorn", "flask_socketio")
"""Frameworks whose `run` listens on 127.0.0.1 where it is given no host."""


@dataclass(frozen=True)
class Script:
    file: str
    command: str
    framework: str | None
    reason: str
    plain: bool = False
    """It lies there, and nothing in it says that it waits for requests."""


def find_page(tree: Tree, names: set[str]) -> Script | None:
    """A script of a framework such as Streamlit, which has a server of its own."""
    for framework, command in RUNNERS.items():
        if framework not in names:
            continue
        imported = re.compile(rf"^[ \t]*(?:import|from)\s+{framework}\b", re.MULTILINE)
        for file in _scripts(tree):
            if imported.search(tree.source(file)):
                reason = f"{file}: made with {framework}, run by its own server"
                return Script(file, command.format(file=shlex.quote(file)), framework, reason)
    return None


def _scripts(tree: Tree) -> list[str]:
    """Likely files first, at the root, then in src/ and app/."""
    known = [*ENTRIES, *PAGES]
    others = [n for n in tree.names if n.endswith(".py") and n not in known and n != "setup.py"]
    nested = [f"{folder}/{name}" for folder in ("src", "app") for name in known]
    return [name for name in (*known, *others[:20], *nested) if tree.is_file(name)]


def find_script(tree: Tree, pyproject: Table, needs: Requirements) -> Script | None:
    """An entry file, the project's own command, or a package that can be run."""
    for entry in (*ENTRIES, *(f"src/{name}" for name in ENTRIES)):
        if tree.is_file(entry):
            plain = not listens(tree.source(entry))
            return Script(entry, f"python {entry}", None, f"{entry}: run as a script", plain)
    if needs.packaged and (name := _own_command(pyproject)):
        return Script("pyproject.toml", name, None, f"pyproject.toml: its script {name}")
    for folder in tree.folders():
        if tree.is_file(f"{folder}/__main__.py"):
            return _module(tree, folder, f"python -m {shlex.quote(folder)}")
    for folder in tree.folders("src"):
        if tree.is_file(f"{folder}/__main__.py"):
            name = shlex.quote(folder.removeprefix("src/"))
            command = f"python -m {name}" if needs.packaged else f"PYTHONPATH=src python -m {name}"
            return _module(tree, folder, command)
    return None


def unparsed(tree: Tree, chosen: str | None, is_web: bool) -> list[str]:
    """The reason why a likely entry was passed over: the first that does not parse, if any.

    Only those are asked that come before a web application which was found.
    """
    names = list(dict.fromkeys([*(f"{module}.py" for module in MODULES), *ENTRIES]))
    files = [*names, *(f"src/{name}" for name in names)]
    if chosen and chosen.endswith(".py"):
        likely = files[: files.index(chosen)] if is_web and chosen in files else files
        files = list(dict.fromkeys([chosen, *likely]))
    left = MAX_SOURCE
    for file in filter(tree.is_file, files):
        text = tree.source(file)
        left -= len(text)
        if left < 0:
            break
        if wrong := flaw(text):
            return [f"{file}, line {wrong[0]}: does not parse ({wrong[1]})"]
    return []


def _module(tree: Tree, folder: str, command: str) -> Script:
    """What listens may be any file beside the one that is run."""
    file = f"{folder}/__main__.py"
    files = [f"{folder}/{name}" for name in tree.list(folder) if name.endswith(".py")]
    plain = not any(listens(tree.source(each)) for each in files[:MOST_FILES])
    return Script(file, command, None, f"{file}: run as a module", plain)


def _own_command(pyproject: Table) -> str | None:
    """The only script, or the one named like the project, or one that says what it does."""
    names = [name for name in scripts(pyproject) if re.fullmatch(r"[\w.-]+", name)]
    project = table(pyproject, "project").get("name")
    if len(names) == 1:
        return names[0]
    return next((n for n in (project, "start", "serve", "web", "server") if n in names), None)


def own_port(tree: Tree, file: str) -> tuple[int | None, str | None]:
    """(port, address) that a script listens on whatever $PORT says; None: it may follow it."""
    text = tree.source(file)
    module = parsed(text) if _LISTENS.search(text) else None
    if module is None:
        return None, None
    alone = LOCAL[0] if _on_loopback(module) else None
    if _PORT.search(text):
        return None, alone
    known: dict[str, object] = {
        target.id: node.value.value
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and (found := _bound(call, known)):
            return found[0], found[1] or alone
    for name, (framework, port) in OWN_PORTS.items():
        if re.search(rf"\b{framework}\b", text) and re.search(rf"\b{name}\(", text):
            return port, None
    return None, alone


def _on_loopback(module: ast.Module) -> bool:
    """`app.run(port=5000)` of Flask and its like: no host is this machine alone."""
    roots = {name.partition(".")[0] for name in imports(module).values()}
    if roots.isdisjoint(LOOPBACK):
        return False
    return any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("run", "run_server")
        and _runs_app(call, call.func.value)
        for call in ast.walk(module)
    )


def _runs_app(call: ast.Call, owner: ast.expr) -> bool:
    """`app.run(…)` or `uvicorn.run(app, …)`, with no host by place or name, nor by `**given`."""
    name = owner.id if isinstance(owner, ast.Name) else ""
    first = 1 if name in ("uvicorn", "socketio", "bottle") else 0
    named = {each.arg for each in call.keywords}
    if name in ("subprocess", "asyncio") or named & {"host", "uds", "fd", "sock", None}:
        return False
    return len(call.args) <= first


def _bound(call: ast.Call, known: dict[str, object]) -> tuple[int, str | None] | None:
    """The port of `run(port=8080)`, `TCPServer(("", 8080), …)` or `listen(8080)`."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else (
        call.func.id if isinstance(call.func, ast.Name) else ""
    )  # fmt: skip
    given = {each.arg: _constant(each.value, known) for each in call.keywords if each.arg}
    host = given.get("host") or given.get("address")
    if re.search(r"run|serve|listen|start|launch", name, re.IGNORECASE):
        port = given.get("port")
        if isinstance(port, int) and not isinstance(port, bool):
            return port, host if isinstance(host, str) else None
    pair = call.args[0] if call.args else None
    if re.search(r"Server$|^bind$", name) and isinstance(pair, ast.Tuple) and len(pair.elts) == 2:
        address, number = (_constant(each, known) for each in pair.elts)
        if isinstance(number, int):
            return number, address if isinstance(address, str) else None
    if name == "listen" and pair is not None:
        number = _constant(pair, known)
        if isinstance(number, int) and number > 1023:  # less is a socket's backlog
            return number, host if isinstance(host, str) else None
    return None


def _constant(node: ast.expr, known: dict[str, object]) -> object:
    if isinstance(node, ast.Constant):
        return node.value
    return known.get(node.id) if isinstance(node, ast.Name) else None
