"""app.json: health checks, environment and formation, in Dokku's and Heroku's format."""

import re
from dataclasses import dataclass, field
from typing import Any

from deployzero.detection.tree import Tree, broken
from deployzero.errors import ProjectDetectionError
from deployzero.models.project import HealthCheck

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNUSED_KINDS = ("command", "uptime")


@dataclass
class AppJson:
    """What app.json adds to a ProjectConfig; its fields are named alike."""

    environment: dict[str, str] = field(default_factory=dict)
    generated_secrets: list[str] = field(default_factory=list)
    health_checks: dict[str, tuple[HealthCheck, ...]] = field(default_factory=dict)
    formation: dict[str, int] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


MOST_CONTAINERS = 100
"""Of one process, as ps:scale has it."""
LONGEST_NAME = 80
"""Characters of a key that are printed."""
MAX_COMMENTED = 16 * 1024
"""Characters of an app.json with comments: its parser is slow."""


def read_app_json(tree: Tree) -> AppJson:
    """Raises ProjectDetectionError naming the line of bad JSON or the key of a bad value."""
    found = AppJson()
    values = _values(tree)
    if values is None:
        return found
    _unread(values, found)
    _environment(_table(values, "env"), found)
    for process, checks in _table(values, "healthchecks").items():
        _health_checks(process, checks, found)
    for process, wanted in _table(values, "formation").items():
        quantity = wanted.get("quantity", 1) if isinstance(wanted, dict) else None
        if (
            not isinstance(quantity, int)
            or isinstance(quantity, bool)
            or (not 0 <= quantity <= MOST_CONTAINERS)
        ):
            raise _bad(f"formation.{process}.quantity", f"a whole number to {MOST_CONTAINERS}")
        found.formation[process] = quantity
    return found


def _values(tree: Tree) -> dict[str, Any] | None:
    """As JSON, and where that fails with comments and trailing commas, as Dokku reads it."""
    try:
        return tree.json("app.json")
    except ProjectDetectionError:
        text = tree.text("app.json") or ""
        if len(text) > MAX_COMMENTED:
            raise
        import json5  # its grammar takes a while to load, and few need it

        try:
            values = json5.loads(text)
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise
        return values


def _unread(values: dict[str, Any], found: AppJson) -> None:
    """Words about keys that other platforms follow."""
    if values.get("buildpacks"):
        found.reasons.append("app.json: buildpacks are not read, type in deployzero.toml is")
    scripts = values.get("scripts")
    if not isinstance(scripts, dict):
        return
    dokkus = scripts.get("dokku")
    names = [name for name in scripts if name != "dokku"]
    names += [f"dokku.{name}" for name in dokkus] if isinstance(dokkus, dict) else []
    for name in names[:8]:
        found.reasons.append(
            f"app.json: scripts.{name[:LONGEST_NAME]} is not run; "
            "the build command and release processes are"
        )


def _environment(env: dict[str, Any], found: AppJson) -> None:
    for name, given in env.items():
        if not _VARIABLE.fullmatch(name):
            raise _bad(f"env.{' '.join(name[:60].split())}", "a name of letters, digits and '_'")
        if name == "PORT":
            found.reasons.append("app.json: PORT is left out, deployzero sets it")
            continue
        value = given.get("value") if isinstance(given, dict) else given
        if isinstance(given, dict) and given.get("generator") == "secret":
            found.generated_secrets.append(name)
        elif isinstance(value, str | int | float | bool):
            found.environment[name] = _plain(value)
        elif value is not None or not isinstance(given, dict):
            raise _bad(f"env.{name}", 'text, or an object with "value"')
        elif given.get("required", True):
            found.reasons.append(f"app.json: {name} is required and has no value; set it first")


def _plain(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _health_checks(process: str, checks: Any, found: AppJson) -> None:
    key = f"healthchecks.{process}"
    if not isinstance(checks, list) or not all(isinstance(check, dict) for check in checks):
        raise _bad(key, "a list of objects")
    used: list[HealthCheck] = []
    for number, check in enumerate(checks):
        name = str(check.get("name", "default"))
        kind = str(check.get("type", "startup"))
        unused = next((k for k in _UNUSED_KINDS if check.get(k)), None)
        if kind != "startup" or unused:
            found.reasons.append(
                f"app.json: the {process} check '{name}' is left out: "
                f"'{unused or kind}' is not supported, startup checks by HTTP or open port are"
            )
            continue
        used.append(_health_check(f"{key}[{number}]", name, check))
    if used:
        found.health_checks[process] = tuple(used)


def _health_check(key: str, name: str, check: dict[str, Any]) -> HealthCheck:
    path = None if check.get("listening") is True else check.get("path", "/")
    if path is not None and not (
        isinstance(path, str) and path.startswith("/") and path.isprintable() and " " not in path
    ):
        raise _bad(f"{key}.path", "a path that begins with '/'")
    content = check.get("content")
    if content is not None and not isinstance(content, str):
        raise _bad(f"{key}.content", "text")
    port = _number(key, check, "port", None, 1, 65535)
    attempts = _number(key, check, "attempts", None, 1, 10_000)
    return HealthCheck(
        name=name,
        path=path,
        port=None if port is None else int(port),
        attempts=None if attempts is None else int(attempts),
        timeout=_number(key, check, "timeout", 5.0, 0.001, 3600) or 5.0,
        wait=_number(key, check, "wait", 0.0, 0, 3600) or 0.0,
        initial_delay=_number(key, check, "initialDelay", 0.0, 0, 3600) or 0.0,
        below=400,
        content=content or None,
    )


def _number(
    key: str, check: dict[str, Any], name: str, default: float | None, low: float, high: float
) -> float | None:
    value = check.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise _bad(f"{key}.{name}", f"a number from {low:g} to {high:g}")
    return float(value)


def _table(values: dict[str, Any], key: str) -> dict[str, Any]:
    table = values.get(key)
    if table is None:
        return {}
    if not isinstance(table, dict):
        raise _bad(key, "an object ({…})")
    return table


def _bad(key: str, wanted: str) -> ProjectDetectionError:
    return broken("app.json", None, f"has a bad '{key}': it must be {wanted}")
