"""Health checks of an app's web process: set by hand, shown, run."""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deployzero.deploy.platform import Platform
from deployzero.deploy.processes import DEFAULT_CHECKS, DISABLED, WEB, checks
from deployzero.deploy.release import loaded_config
from deployzero.errors import ConflictError, UsageError
from deployzero.models.access import Role
from deployzero.models.deployment import Container, Deployment, Project, User
from deployzero.models.project import HealthCheck, ProjectConfig
from deployzero.operations.access import hold, require
from deployzero.runtime.health import check_once
from deployzero.store import containers, deployments, projects

BY_HAND, APP_JSON, DEFAULT = "set by hand", "app.json", "default"
LONGEST = 1000
LONGEST_WAIT = 3600.0
RUN_LIMIT = 60.0
"""Seconds that somebody waits for a check that they run by hand, whatever its own timeout is."""
STRICT = 400
"""Statuses from here on fail when a path was named; of deployzero's own guess, only errors do."""


@dataclass(frozen=True, slots=True)
class EffectiveCheck:
    check: HealthCheck
    sources: dict[str, str]
    """Field to where it comes from."""


@dataclass(frozen=True, slots=True)
class ChecksReport:
    app: str
    disabled: bool
    checks: tuple[EffectiveCheck, ...]
    """Those that hold, or would were they not disabled."""
    deployed: bool
    """Else app.json's are not known yet."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    process: str
    """`web.1`."""
    check: str
    """`GET /up`, or `port 8000`."""
    failure: str
    """What was seen; empty: it passed."""


async def report(platform: Platform, user: User, app: str) -> ChecksReport:
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.VIEWER)
        live = await deployments.live(session, project.id)
    return _report(project, live)


async def change(
    platform: Platform, user: User, app: str, given: Mapping[str, str]
) -> ChecksReport:
    """Set fields of the web process's check; an empty value resets one. Others stay.

    In force at once for what is live, and in each later boot. Raises UsageError.
    """

    def changed(own: dict[str, Any]) -> dict[str, Any]:
        for name, text in given.items():
            value = _parsed(name, text)
            own = {**own, name: value} if text else _without(own, name)
        own = _without(own, "below")
        return own | ({"below": STRICT} if "path" in own else {})

    return await _change(platform, user, app, changed)


async def clear(platform: Platform, user: User, app: str) -> ChecksReport:
    """Forget what was set by hand; enabled or disabled they stay."""
    return await _change(
        platform, user, app, lambda own: {DISABLED: True} if own.get(DISABLED) else {}
    )


async def disable(platform: Platform, user: User, app: str) -> ChecksReport:
    """A process is well once it runs; what was set stays for when they are enabled."""
    return await _change(platform, user, app, lambda own: own | {DISABLED: True})


async def enable(platform: Platform, user: User, app: str) -> ChecksReport:
    return await _change(platform, user, app, lambda own: _without(own, DISABLED))


async def run(platform: Platform, user: User, app: str) -> list[CheckResult]:
    """Each check once, now, against each live web container; none if they are disabled.

    Raises ConflictError if there is nothing to check.
    """
    async with platform.database.read() as session:
        project = await require(session, user, app, Role.VIEWER)
        live = await deployments.live(session, project.id)
        rows = await containers.of_deployment(session, live.id) if live else []
    if live is None:
        raise ConflictError(f"{app} is not deployed yet", "Push it first.")
    web = [row for row in rows if row.process == WEB]
    if project.stopped or not web:
        raise ConflictError(f"no web process of {app} runs", f"`ps {app}` shows what does.")
    config, host = loaded_config(live.config or {}), platform.settings.host(app)
    wanted = checks(project.checks, config)
    return await asyncio.gather(
        *(_run(row, check, config, host) for row in web for check in wanted)
    )


async def _run(row: Container, check: HealthCheck, config: ProjectConfig, host: str) -> CheckResult:
    try:
        async with asyncio.timeout(RUN_LIMIT):
            failure = await check_once((row.address, row.port), config.port, (check,), host)
    except TimeoutError:
        failure = f"no answer within {RUN_LIMIT:.0f} s"
    what = f"port {check.port or config.port}" if check.path is None else f"GET {check.path}"
    return CheckResult(f"{row.process}.{row.index}", what, failure)


async def _change(
    platform: Platform,
    user: User,
    app: str,
    changed: Callable[[dict[str, Any]], dict[str, Any]],
) -> ChecksReport:
    async with platform.database.begin() as session:
        project = await hold(session, user, app, Role.DEPLOYER)
        await projects.set_checks(session, project.id, changed(project.checks or {}) or None)
        project = await projects.get(session, project.id)
        live = await deployments.live(session, project.id)
    return _report(project, live)


def _report(project: Project, live: Deployment | None) -> ChecksReport:
    own = project.checks or {}
    config = loaded_config(live.config) if live and live.config else None
    declared = config.health_checks.get(WEB, ()) if config else ()
    source = APP_JSON if declared else DEFAULT
    found = []
    for number, check in enumerate(declared or DEFAULT_CHECKS):
        fields = [field.name for field in dataclasses.fields(check)]
        by_hand = {k: v for k, v in own.items() if k in fields} if number == 0 else {}
        plain = HealthCheck(below=check.below)
        sources = {
            name: BY_HAND
            if name in by_hand
            else (source if getattr(check, name) != getattr(plain, name) else DEFAULT)
            for name in fields
        }
        found.append(EffectiveCheck(dataclasses.replace(check, **by_hand), sources))
    return ChecksReport(project.name, bool(own.get(DISABLED)), tuple(found), live is not None)


def _without(own: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in own.items() if key != name}


def _parsed(name: str, text: str) -> Any:
    parse = PARSERS.get(name)
    if parse is None:
        raise UsageError(f"a check has no {name[:40]!a}", f"Its fields: {', '.join(PARSERS)}.")
    return parse(name, text) if text else None


def _path(name: str, text: str) -> str:
    plain = text.startswith("/") and text.isprintable() and " " not in text
    if not plain or len(text) > LONGEST:
        raise _bad(name, text, "a path that begins with '/', without blanks")
    return text


def _content(name: str, text: str) -> str:
    if len(text) > LONGEST:
        raise _bad(name, text, f"no longer than {LONGEST} characters")
    return text


def _seconds(low: float) -> Callable[[str, str], float]:
    def parse(name: str, text: str) -> float:
        try:
            value = float(text.removesuffix("s"))
        except ValueError:
            value = -1.0
        if not low <= value <= LONGEST_WAIT:
            raise _bad(name, text, f"seconds, from {low:g} to {LONGEST_WAIT:g}")
        return value

    return parse


def _whole(high: int) -> Callable[[str, str], int]:
    def parse(name: str, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= high):
            raise _bad(name, text, f"a whole number from 1 to {high}")
        return int(text)

    return parse


PARSERS: dict[str, Callable[[str, str], Any]] = {
    "path": _path,
    "timeout": _seconds(0.1),
    "attempts": _whole(10_000),
    "wait": _seconds(0),
    "content": _content,
    "initial_delay": _seconds(0),
    "port": _whole(65535),
}
"""The fields of a HealthCheck that can be set."""


def _bad(name: str, text: str, wanted: str) -> UsageError:
    return UsageError(f"bad {name} {text[:60]!r}: it must be {wanted}", "See `checks:set --help`.")
