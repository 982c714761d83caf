"""Django: manage.py, the settings that it names, and the WSGI application."""

import ast
import re
from dataclasses import dataclass

from deployzero.detection.tree import Tree

_SETTINGS = re.compile(r"DJANGO_SETTINGS_MODULE['\"]\s*,\s*['\"]([\w.]+)['\"]")


@dataclass(frozen=True)
class DjangoApp:
    folder: str
    """Holds manage.py: '.' or one folder below the root."""
    wsgi: str | None
    """'shop.wsgi:application'; None: no WSGI application was found."""
    collects_static: bool
    """STATIC_ROOT is set and django.contrib.staticfiles installed."""
    reason: str


def find_django(tree: Tree) -> DjangoApp | None:
    """None without a manage.py that is Django's own."""
    for folder in (".", *tree.folders()):
        prefix = "" if folder == "." else f"{folder}/"
        text = tree.text(f"{prefix}manage.py") if tree.is_file(f"{prefix}manage.py") else None
        if text is None or "django" not in text.lower():
            continue
        named = _SETTINGS.search(text)
        module = named[1] if named else None
        sources = _settings(tree, prefix, module)
        wsgi = _wsgi_setting(sources) or _wsgi_file(tree, folder, prefix, module)
        return DjangoApp(
            folder=folder,
            wsgi=wsgi,
            collects_static=_collects_static(sources),
            reason=f"{prefix}manage.py: Django" + (f", settings {module}" if module else ""),
        )
    return None


def _settings(tree: Tree, prefix: str, module: str | None) -> list[str]:
    """Sources of the settings: the module itself, or all of its package."""
    if module is None:
        return []
    path = prefix + module.replace(".", "/")
    folder = path if tree.is_dir(path) else path.rpartition("/")[0]
    if tree.is_file(f"{path}.py") and not folder.endswith("settings"):
        return [tree.text(f"{path}.py") or ""]
    names = [name for name in tree.list(folder) if name.endswith(".py")]
    return [tree.text(f"{folder}/{name}") or "" for name in names[:20]]


def _assigned(sources: list[str], name: str) -> list[ast.expr]:
    """Values that are assigned to a name at the top of any of these modules."""
    found: list[ast.expr] = []
    for source in sources:
        try:
            body = ast.parse(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        found += [
            node.value
            for node in body
            if isinstance(node, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
        ]
    return found


def _wsgi_setting(sources: list[str]) -> str | None:
    for value in _assigned(sources, "WSGI_APPLICATION"):
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            module, _, name = value.value.rpartition(".")
            if re.fullmatch(r"[\w.]+", value.value) and module:
                return f"{module}:{name}"
    return None


def _wsgi_file(tree: Tree, folder: str, prefix: str, module: str | None) -> str | None:
    """Without WSGI_APPLICATION: the wsgi.py beside the settings, or the only one."""
    package = (module or "").partition(".")[0]
    folders = [package, *(f.removeprefix(prefix) for f in tree.folders(folder))]
    for name in folders:
        if name and tree.is_file(f"{prefix}{name}/wsgi.py"):
            return f"{name}.wsgi:application"
    return None


def _collects_static(sources: list[str]) -> bool:
    set_there = any(
        not (isinstance(value, ast.Constant) and not value.value)
        for value in _assigned(sources, "STATIC_ROOT")
    )
    return set_there and any("django.contrib.staticfiles" in source for source in sources)
