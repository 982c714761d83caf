"""The port and address that a script listens on, by reading its syntax tree."""

import ast
import re

from deployzero.detection.python.syntax import parsed
from deployzero.detection.python.web import imports
from deployzero.detection.tree import Tree

OWN_PORTS = {"run_app": ("aiohttp", 8080), "run": ("nicegui", 8080)}
"""Port that a call without one takes, by its name and the framework imported."""
_LISTENS = re.compile(r"Server|\brun|listen|bind|serve|port", re.IGNORECASE)
_PORT = re.compile(r"""["'](?:[A-Z_]*_)?PORT["']""")
LOCAL = ("127.0.0.1", "localhost", "::1")
LOOPBACK = ("flask", "quart", "sanic", "bottle", "dash", "uvicorn", "flask_socketio")
"""Frameworks whose `run` listens on 127.0.0.1 where it is given no host."""


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
