"""Finds the web application object of a Python project by reading its syntax tree."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from deployzero.detection.tree import Tree

MODULES = ("wsgi", "asgi", "app", "main", "server", "application", "api", "run", "start", "hello")
"""Files that are looked at first, in this order."""

CLASSES = {"Flask": "flask", "FastAPI": "fastapi", "Starlette": "starlette"}
ASGI = ("fastapi", "starlette")
FACTORIES = ("create_app", "make_app", "get_app")
NAMES = ("app", "application", "api", "server")
SKIPPED = ("tests", "test", "docs", "node_modules", "venv", "env", "migrations", "scripts")
_HINTS = re.compile("|".join((*CLASSES, *FACTORIES, r"\bimport\b.*\bapp(?:lication)?\b")))
"""Parsing is what costs time, so only files with one of these are parsed."""
MAX_SOURCE = 200_000
"""Characters; longer files are not parsed."""
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
    for folder, path in _files(tree):
        module = _parse(tree, path)
        if module is None:
            continue
        dotted = path.removeprefix(f"{folder}/").removesuffix(".py")
        dotted = dotted.replace("/", ".").removesuffix(".__init__")
        if found := _object(module, assumed, path):
            return WebApp(found[0], f"{dotted}:{found[1]}", False, folder, path)
        if found := _factory(module, assumed):
            factories.append(WebApp(found[0], f"{dotted}:{found[1]}", True, folder, path))
    return next(iter(factories), None)  # an object anywhere is more certain than a factory


def _files(tree: Tree) -> Iterator[tuple[str, str]]:
    """(import folder, file): likely names first at the root, in src/, then one level down."""
    count = 0
    for folder in (".", "src"):
        prefix = "" if folder == "." else f"{folder}/"
        below = [b for b in tree.folders(folder) if _searched(b)]
        for base in (folder, *below):
            for name in _ordered(tree.list(base), is_package=base != folder):
                count += 1
                if count > MAX_FILES:
                    return
                yield folder, (f"{prefix}{name}" if base == folder else f"{base}/{name}")


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


def _parse(tree: Tree, path: str) -> ast.Module | None:
    """None for what makes no app, or cannot be parsed: it may be for another Python."""
    text = tree.text(path) or ""
    if len(text) > MAX_SOURCE or not _HINTS.search(text):
        return None
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _object(module: ast.Module, assumed: str | None, path: str) -> tuple[str, str] | None:
    found: dict[str, str] = {}
    entry = path.rpartition("/")[2] in ("wsgi.py", "asgi.py", "run.py", "main.py", "app.py")
    for node in _top_level(module.body):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            framework = _made_by(node.value, assumed)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets if framework else []:
                if isinstance(target, ast.Name):
                    found[target.id] = framework or ""
        elif isinstance(node, ast.ImportFrom) and assumed and entry:
            # `from shop import app` in wsgi.py: the object is made elsewhere.
            for alias in node.names:
                if (alias.asname or alias.name) in NAMES[:2]:
                    found.setdefault(alias.asname or alias.name, assumed)
    name = next((n for n in NAMES if n in found), next(iter(found), None))
    return (found[name], name) if name else None


def _made_by(call: ast.Call, assumed: str | None) -> str | None:
    name = _called(call)
    return CLASSES.get(name) or (assumed if name in FACTORIES else None)


def _called(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run on import, also within if, try and with."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and not _is_main_guard(node):
            yield from _top_level([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from _top_level([*node.body, *node.orelse, *node.finalbody])
        elif isinstance(node, ast.With):
            yield from _top_level(node.body)


def _is_main_guard(node: ast.If) -> bool:
    test = node.test
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
    )


def _factory(module: ast.Module, assumed: str | None) -> tuple[str, str] | None:
    """A function such as create_app that can be called without arguments."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name in FACTORIES:
            arguments = node.args
            needed = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
            makes = {
                CLASSES[_called(call)]
                for call in ast.walk(node)
                if isinstance(call, ast.Call) and _called(call) in CLASSES
            }
            framework = next(iter(makes), assumed)
            if framework and needed <= 0 and None not in arguments.kw_defaults:
                return framework, f"{node.name}()"
    return None
