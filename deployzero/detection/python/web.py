"""Finds the web application object of a Python project by reading its syntax tree."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from deployzero.detection.python.syntax import MAX_PARSED, parsed
from deployzero.detection.tree import Tree, join

MODULES = (
    "wsgi", "asgi", "app", "main", "server", "application", "api", "web", "run", "start", "hello",
    "index",
)  # fmt: skip
"""Files that are looked at first, in this order."""

CLASSES = {
    "Flask": "flask", "APIFlask": "flask", "FlaskApp": "flask", "Eve": "flask",
    "FastAPI": "fastapi", "Starlette": "starlette", "Litestar": "litestar", "Quart": "quart",
    "Sanic": "sanic", "FastHTML": "fasthtml", "fast_app": "fasthtml", "Dash": "dash",
    "Bottle": "bottle", "default_app": "bottle", "make_wsgi_app": "pyramid",
    "ASGIApp": "asgi", "get_wsgi_application": "wsgi", "get_asgi_application": "asgi",
}  # fmt: skip
"""By the name that is called; these names are a framework's own."""
SHARED = {
    ("aiohttp", "Application"): "aiohttp",
    ("blacksheep", "Application"): "asgi",
    ("falcon", "App"): "falcon",
    ("falcon", "API"): "falcon",
    ("falcon.asgi", "App"): "asgi",
    ("connexion", "App"): "flask",
    ("connexion", "AsyncApp"): "asgi",
}
"""By module and name: more than one framework uses the name."""
ASGI = ("fastapi", "starlette", "litestar", "quart", "fasthtml", "asgi")
FACTORIES = ("create_app", "make_app", "get_app", "build_app", "create_application")
NAMES = ("app", "application", "api", "server")
SKIPPED = ("tests", "test", "docs", "node_modules", "venv", "env", "migrations", "scripts",
           "examples", "alembic", "static", "templates")  # fmt: skip
_HINTS = re.compile(
    rf"{'|'.join((*CLASSES, *FACTORIES))}|\bApplication\(|falcon|"
    r"\bimport\b.{0,200}\bapp(?:lication)?\b"
)
"""Parsing is what costs time, so only files with one of these are parsed."""
MAX_FILES = 200


@dataclass(frozen=True)
class WebApp:
    framework: str
    target: str
    """What gunicorn or uvicorn is given: 'app:app', 'shop:create_app()'."""
    factory: bool
    folder: str
    """Where Python has to look for the module: '.' or 'src'."""
    file: str


def find_web_app(tree: Tree, names: set[str]) -> WebApp | None:
    """The first application object among the likely files; `names` are the requirements."""
    assumed = next((f for f in CLASSES.values() if f in names), None)
    factories: list[WebApp] = []
    left = MAX_PARSED
    for folder, path in _files(tree):
        text = tree.source(path)
        if not _HINTS.search(text):
            continue
        left -= len(text)
        module = parsed(text) if left > 0 else None
        if module is None:
            continue
        folder = _import_folder(tree, module, folder, path)
        dotted = path.removeprefix(f"{folder}/").removesuffix(".py")
        dotted = dotted.replace("/", ".").removesuffix(".__init__")
        if found := _object(module, assumed, path):
            return WebApp(found[0], f"{dotted}:{found[1]}", False, folder, path)
        if found := _factory(module, assumed):
            factories.append(WebApp(found[0], f"{dotted}:{found[1]}", True, folder, path))
    return next(iter(factories), None)  # an object anywhere is more certain than a factory


def _import_folder(tree: Tree, module: ast.Module, folder: str, path: str) -> str:
    """Where Python has to look: a folder on the way whose modules the file imports by name."""
    names = {origin.partition(".")[0] for origin in imports(module).values()}
    parts = path.split("/")[:-1]
    for depth in range(1, len(parts) + 1 if folder == "." else 0):
        inner = "/".join(parts[:depth])
        for name in names:
            beside = tree.is_file(f"{inner}/{name}.py") or tree.is_dir(f"{inner}/{name}")
            if beside and not (tree.is_file(f"{name}.py") or tree.is_dir(name)):
                return inner
    return folder


def _files(tree: Tree) -> Iterator[tuple[str, str]]:
    """(import folder, file): likely names first at the root, in src/, then below."""
    count = 0
    for folder in (".", "src"):
        below = [b for b in tree.folders(folder) if _searched(b)]
        deeper = [d for b in below for d in tree.folders(b) if _searched(d)]
        for base in (folder, *below, *deeper):
            for name in _ordered(tree.list(base), is_package=base != folder):
                count += 1
                if count > MAX_FILES:
                    return
                yield folder, join(base, name)
    # `python -m <folder>` runs these; the folder's name may hold what no import could.
    for folder in (".", "src"):
        for package in tree.folders(folder)[:MAX_FILES]:
            plain = re.fullmatch(r"(?:src/)?\w[\w-]*", package) and package not in SKIPPED
            if plain and tree.is_file(f"{package}/__main__.py"):
                yield folder, f"{package}/__main__.py"


def _searched(folder: str) -> bool:
    name = folder.rpartition("/")[2]
    return name.isidentifier() and name != "src" and name not in SKIPPED


def _ordered(names: tuple[str, ...], is_package: bool) -> list[str]:
    known = [f"{module}.py" for module in MODULES]
    if is_package:
        return [name for name in ("__init__.py", *known) if name in names]
    others = [
        n
        for n in names
        if n.endswith(".py") and n not in known and n[:-3].isidentifier()
        and n != "setup.py" and not n.startswith(("test_", "conftest"))
    ]  # fmt: skip
    return [name for name in known if name in names] + others


def _object(module: ast.Module, assumed: str | None, path: str) -> tuple[str, str] | None:
    found: dict[str, str] = {}
    entry = path.rpartition("/")[2] in ("wsgi.py", "asgi.py", "run.py", "main.py", "app.py")
    origins = imports(module)
    for node in _top_level(module.body):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            framework = _value(node.value, assumed, origins, found)
            for target in targets if framework else []:
                first = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else target
                if isinstance(first, ast.Name):
                    found[first.id] = framework or ""
        elif isinstance(node, ast.ImportFrom) and assumed and entry:
            # `from shop import app` in wsgi.py: the object is made elsewhere.
            for alias in node.names:
                if (alias.asname or alias.name) in NAMES[:2]:
                    found.setdefault(alias.asname or alias.name, assumed)
    if wsgi := next((name for name, made in found.items() if made == "dash server"), None):
        return "flask", wsgi
    name = next((n for n in NAMES if n in found), next(iter(found), None))
    if name is None:
        return None
    return found[name], (f"{name}.server" if found[name] == "dash" else name)


def _value(
    value: ast.expr | None, assumed: str | None, origins: dict[str, str], found: dict[str, str]
) -> str | None:
    if isinstance(value, ast.Call):
        return _made_by(value, assumed, origins)
    if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):
        dash = found.get(value.value.id) == "dash" and value.attr == "server"
        return "dash server" if dash else None
    return None


def _made_by(call: ast.Call, assumed: str | None, origins: dict[str, str]) -> str | None:
    name, origin = _called(call, origins)
    for (module, shared), framework in sorted(SHARED.items(), reverse=True):
        if name == shared and f"{origin}.".startswith(f"{module}."):
            return framework
    return CLASSES.get(name) or (assumed if name in FACTORIES else None)


def _called(call: ast.Call, origins: dict[str, str]) -> tuple[str, str]:
    """The name that is called, and the module that it comes from: ('App', 'falcon.asgi')."""
    function = call.func
    parts: list[str] = []
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    if not isinstance(function, ast.Name):
        return (parts[0] if parts else ""), ""
    origin = origins.get(function.id, "")
    dotted = ".".join([origin or function.id, *reversed(parts)])
    module, _, name = dotted.rpartition(".")
    return name, module


def imports(module: ast.Module) -> dict[str, str]:
    """What each imported name stands for: {'App': 'falcon.App', 'web': 'aiohttp.web'}."""
    found: dict[str, str] = {}
    for node in _top_level(module.body):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run on import, also within if, try and with."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and not is_main_guard(node):
            yield from _top_level([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from _top_level([*node.body, *node.orelse, *node.finalbody])
        elif isinstance(node, ast.With):
            yield from _top_level(node.body)


def is_main_guard(node: ast.If) -> bool:
    test = node.test
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
    )


def _factory(module: ast.Module, assumed: str | None) -> tuple[str, str] | None:
    """A function such as create_app that can be called without arguments."""
    origins = imports(module)
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name in FACTORIES:
            arguments = node.args
            needed = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
            makes = {
                made
                for call in ast.walk(node)
                if isinstance(call, ast.Call) and (made := _made_by(call, None, origins))
            }
            framework = next(iter(sorted(makes)), assumed)
            if framework and needed <= 0 and None not in arguments.kw_defaults:
                return framework, f"{node.name}()"
    return None
