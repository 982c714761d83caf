"""Django: manage.py, the settings that it names, and the WSGI or ASGI application."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from deployzero.detection.python.syntax import all_parsed
from deployzero.detection.tree import Tree

_SETTINGS = re.compile(
    r"DJANGO_SETTINGS_MODULE['\"]\]?\s*[,=]\s*(?:default\s*=\s*)?['\"]([\w.]+)['\"]"
)

_UNSEEN = frozenset(("locals", "globals", "vars"))
"""With these a package, such as django_heroku, sets what it likes."""
_SERVES_STATIC = frozenset(
    ("STATIC_ROOT", "STORAGES", "STATICFILES_STORAGE", "WHITENOISE_USE_FINDERS")
)


@dataclass(frozen=True)
class DjangoApp:
    folder: str
    """Holds manage.py: '.' or one folder below the root."""
    wsgi: str | None
    """'shop.wsgi:application'; None: no WSGI application was found."""
    asgi: str | None
    """'shop.asgi:application', where ASGI_APPLICATION or an asgi.py names it."""
    asked_asgi: bool
    """The settings name an ASGI application."""
    collects_static: bool
    """STATIC_ROOT is set and django.contrib.staticfiles installed."""
    secrets: tuple[str, ...]
    """Variables that SECRET_KEY is read from."""
    reason: str
    lacks: tuple[str, ...]
    """What its settings leave undone, for those who deploy for the first time."""


def find_django(tree: Tree) -> DjangoApp | None:
    """None without a manage.py that is Django's own."""
    for folder in (".", *tree.folders()):
        prefix = "" if folder == "." else f"{folder}/"
        text = tree.text(f"{prefix}manage.py")
        if text is None or not re.search(r"django\.|DJANGO_SETTINGS_MODULE", text):
            continue
        named = _SETTINGS.search(text)
        module = named[1] if named else None
        sources = list(all_parsed(_settings(tree, prefix, module)))
        asgi = _application(sources, "ASGI_APPLICATION")
        return DjangoApp(
            folder=folder,
            wsgi=_application(sources, "WSGI_APPLICATION")
            or _beside(tree, folder, prefix, module, "wsgi"),
            asgi=asgi or _beside(tree, folder, prefix, module, "asgi"),
            asked_asgi=asgi is not None,
            collects_static=_collects_static(sources),
            secrets=_secrets(sources),
            reason=f"{prefix}manage.py: Django" + (f", settings {module}" if module else ""),
            lacks=tuple(_lacks(sources)),
        )
    return None


def _settings(tree: Tree, prefix: str, module: str | None) -> list[str]:
    """Sources of the settings: the module itself, or all of its package."""
    if module is None:
        return []
    path = prefix + module.replace(".", "/")
    folder = path if tree.is_dir(path) else path.rpartition("/")[0]
    if tree.is_file(f"{path}.py") and not folder.endswith(("settings", "config")):
        return [tree.source(f"{path}.py")]
    names = [name for name in tree.list(folder) if name.endswith(".py")]
    return [tree.source(f"{folder}/{name}") for name in names[:20]]


def _assigned(sources: list[ast.Module], name: str) -> list[ast.expr]:
    """Values that are assigned to a name at the top of any of these modules, or in an if."""
    return [
        node.value
        for source in sources
        for statement in source.body
        for node in (statement, *(ast.walk(statement) if isinstance(statement, ast.If) else ()))
        if isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
    ]


def _application(sources: list[ast.Module], setting: str) -> str | None:
    for value in _assigned(sources, setting):
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            module, _, name = value.value.rpartition(".")
            if re.fullmatch(r"[\w.]+", value.value) and module:
                return f"{module}:{name}"
    return None


def _beside(tree: Tree, folder: str, prefix: str, module: str | None, kind: str) -> str | None:
    """Without the setting: the wsgi.py beside the settings, or the first there is."""
    package = (module or "").rpartition(".")[0].replace(".", "/")
    outer = (module or "").partition(".")[0]
    folders = [package, outer, *(f.removeprefix(prefix) for f in tree.folders(folder))]
    for name in folders:
        if name and tree.is_file(f"{prefix}{name}/{kind}.py"):
            return f"{name.replace('/', '.')}.{kind}:application"
    return f"{kind}:application" if tree.is_file(f"{prefix}{kind}.py") else None


def _collects_static(sources: list[ast.Module]) -> bool:
    set_there = any(
        not (isinstance(value, ast.Constant) and not value.value)
        for value in _assigned(sources, "STATIC_ROOT")
    )
    return set_there and any(
        isinstance(node, ast.Constant) and node.value == "django.contrib.staticfiles"
        for source in sources
        for node in ast.walk(source)
    )


def _lacks(sources: list[ast.Module]) -> Iterator[str]:
    """Words about ALLOWED_HOSTS and STATIC_ROOT, unless these may be set out of sight."""
    nodes = [node for source in sources for node in ast.walk(source)]
    names = [node.id for node in nodes if isinstance(node, ast.Name)]
    stars = (a.name == "*" for n in nodes if isinstance(n, ast.ImportFrom) for a in n.names)
    if any(stars) or _UNSEEN.intersection(names):
        return
    hosts = [
        statement.value
        for source in sources
        for statement in source.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        and "ALLOWED_HOSTS" in (n.id for n in ast.walk(statement) if isinstance(n, ast.Name))
    ]
    if len(hosts) == names.count("ALLOWED_HOSTS") == 1 and _is_empty(hosts[0]):
        yield "ALLOWED_HOSTS is empty: other names than localhost are answered with 400"
    texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
    if "django.contrib.staticfiles" in texts and not _SERVES_STATIC.intersection(names):
        admin = ", the admin has no CSS" if "django.contrib.admin" in texts else ""
        yield f"STATIC_ROOT is not set: collectstatic does not run{admin}"


def _is_empty(value: ast.expr | None) -> bool:
    return isinstance(value, ast.List | ast.Tuple) and not value.elts


def _secrets(sources: list[ast.Module]) -> tuple[str, ...]:
    """Names of the environment in what SECRET_KEY is made of: os.environ["DJANGO_SECRET_KEY"]."""
    names = {
        node.value: None
        for value in _assigned(sources, "SECRET_KEY")
        if not isinstance(value, ast.Constant)
        for node in ast.walk(value)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[A-Z][A-Z0-9_]*", node.value)
    }
    return tuple(names)
