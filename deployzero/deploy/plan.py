"""What a deployment will do: worked out when its turn comes, from what is there by then."""

from dataclasses import dataclass, field
from typing import Any

from deployzero.deploy.processes import EVERY, formation
from deployzero.deploy.release import loaded_config, loaded_limits
from deployzero.deploy.variables import changed, differing, listed
from deployzero.detection.choice import VARIABLES
from deployzero.errors import ConflictError, NotFoundError
from deployzero.models.deployment import Container, Deployment, Project
from deployzero.models.project import ProjectConfig
from deployzero.models.release import BUILDS, NUMBERED, Change, Kind, Limits, Variables

OWN_CODE = frozenset({Kind.PUSH, Kind.ARCHIVE})
"""They bring their commit along; all others take that of a release."""
RESTART = "Restart"
"""The message of one that nothing else is to be said of."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is there when a deployment's turn comes."""

    project: Project
    live: Deployment | None
    running: tuple[Container, ...] = ()
    """The live release's."""
    stored: Variables = field(default_factory=dict, repr=False)
    """The app's own variables."""
    server: Variables = field(default_factory=dict, repr=False)
    """Those of every app."""
    snapshot: tuple[Variables, Variables] = field(default=({}, {}), repr=False)
    """(app's, server's) of the live release's containers."""
    target: Deployment | None = None
    """The release to roll back to, if there is such a one."""
    target_variables: Variables | None = field(default=None, repr=False)
    """The app's own variables of that release; None: it is older than they are kept."""


@dataclass(frozen=True, slots=True)
class Plan:
    kind: Kind
    """A restart that brings stored variables in is a config change."""
    branch: str
    commit: str
    image: str | None
    """None: it is built."""
    config: ProjectConfig | None
    """None: it is detected."""
    app: Variables = field(repr=False)
    server: Variables = field(repr=False)
    change: Change
    """As it was by then: variables may be added to it until it is live."""
    wanted: dict[str, int]
    """The project's formation after the change, whatever processes the code has."""
    limits: dict[str, Limits]
    checks: dict[str, Any] | None
    """The project's own."""
    old: Deployment | None
    """What is live until this is."""
    kept: tuple[Container, ...] = ()
    """Its containers that go on as they run."""
    story: tuple[str, ...] = ()
    """What it is about, as its log begins: a step, and details of it. Empty for a push."""
    message: str | None = None
    """In place of the deployment's own."""

    @property
    def builds(self) -> bool:
        return self.image is None

    @property
    def numbered(self) -> bool:
        return self.kind in NUMBERED


def make_plan(deployment: Deployment, change: Change, standing: Standing) -> Plan:
    """Raises ConflictError when there is nothing live that it could change, or to go back to."""
    if deployment.kind in BUILDS:
        return _build_plan(deployment, change, standing)
    if standing.live is None:
        raise ConflictError(f"{deployment.app} is not deployed yet", "Push it first.")
    if deployment.kind is Kind.ROLLBACK:
        return _rollback_plan(change, standing)
    return _live_plan(deployment, change, standing, standing.live)


def _build_plan(deployment: Deployment, change: Change, standing: Standing) -> Plan:
    of = deployment if deployment.kind in OWN_CODE else standing.live or deployment
    story = () if deployment.kind in OWN_CODE else (f"Building {of.commit[:9]} again",)
    return Plan(
        kind=deployment.kind,
        branch=of.branch if deployment.kind in OWN_CODE else _branch(standing, of),
        commit=of.commit,
        image=None,
        config=None,
        app=changed(standing.stored, change),
        server=standing.server,
        **_after(change, standing),
        story=story,
    )


def _rollback_plan(change: Change, standing: Standing) -> Plan:
    """Image, config and the app's own variables of the release."""
    target = _target(change, standing)
    app = standing.stored if standing.target_variables is None else standing.target_variables
    story: tuple[str, ...] = (f"Rolling back to v{target.release}", f"commit {target.commit[:9]}")
    if app != standing.stored:
        story = (*story, f"config: {_taken_back(standing.stored, app)}")
    return Plan(
        kind=Kind.ROLLBACK,
        branch=_branch(standing, target),
        commit=target.commit,
        image=target.image,
        config=loaded_config(target.config or {}),
        app=app,
        server=standing.server,
        **_after(change, standing),
        story=story,
    )


def _target(change: Change, standing: Standing) -> Deployment:
    asked, target, live = change.release, standing.target, standing.live
    if target is None:
        which = "no release before it" if asked is None else f"no release v{asked}"
        raise NotFoundError(
            f"{standing.project.name} has {which} to roll back to",
            f"`releases {standing.project.name}` shows those that there are.",
        )
    if live is not None and target.release == live.release:
        raise ConflictError(f"v{target.release} is what is live", "Nothing was changed.")
    if target.image is None:
        raise ConflictError(
            f"v{target.release} cannot be rolled back to: its image is not kept any more",
            f"Push its commit again: git push --force <remote> {target.commit[:9]}:"
            f"{_branch(standing, target)}",
        )
    return target


def _live_plan(
    deployment: Deployment, change: Change, standing: Standing, live: Deployment
) -> Plan:
    """The live code, with what changes."""
    project, kind, message = standing.project, deployment.kind, None
    if kind is Kind.SCALE and project.stopped:  # it would keep containers that are being removed
        raise ConflictError(
            f"{project.name} is stopped", f"Start it first: ps:start {project.name}"
        )
    story = _story(kind, change, project)
    app, server = standing.snapshot
    if kind is not Kind.SCALE:  # else all containers must agree with those that stay
        now = changed(standing.stored, change), standing.server
        if kind is Kind.RESTART and now != standing.snapshot:
            if project.locked_by:
                story = (*story, f"Config set since is left out: {project.locked_by} locked it")
            else:
                kind = Kind.CONFIG
                told = f"{_set_before(standing.snapshot, now)} before"
                story = (*story, f"config: {told}")
                message = told if deployment.message == RESTART else f"{deployment.message}; {told}"
        if kind is Kind.CONFIG:
            app, server = now
    config = loaded_config(live.config or {})
    after = _after(change, standing)
    build = kind is Kind.CONFIG and change.rebuild
    return Plan(
        kind=kind,
        branch=_branch(standing, live),
        commit=live.commit,
        image=None if build else live.image,
        config=None if build else config,
        app=app,
        server=server,
        **after,
        kept=_kept(standing, config, after["wanted"]) if kind is Kind.SCALE else (),
        story=story,
        message=message,
    )


def _after(change: Change, standing: Standing) -> dict[str, Any]:
    """The fields that follow from project and change alike for every kind."""
    project = standing.project
    return {
        "change": change,
        "wanted": project.formation | change.formation,
        "limits": change.limited(loaded_limits(project.limits)),
        "checks": project.checks,
        "old": standing.live,
    }


def _kept(
    standing: Standing, config: ProjectConfig, wanted: dict[str, int]
) -> tuple[Container, ...]:
    counts = formation(config, wanted)
    return tuple(row for row in standing.running if row.index <= counts.get(row.process, 0))


def _branch(standing: Standing, of: Deployment) -> str:
    return standing.project.deploy_branch or of.branch


def _story(kind: Kind, change: Change, project: Project) -> tuple[str, ...]:
    if kind is Kind.SCALE:
        counts = (f"{process} to {count}" for process, count in change.formation.items())
        return (f"Scaling {', '.join(counts)}",)
    if kind is Kind.CONFIG:
        chosen = [name for name in (*change.set, *change.unset) if name in VARIABLES]
        later = (f"{listed(chosen)}: the next push is built by it",) if chosen else ()
        return (_config_story(change), *(() if change.rebuild else later))
    after = change.limited(loaded_limits(project.limits))
    limits = (_limit_story(process, after[process]) for process in change.limits)
    return ("Starting" if project.stopped else "Restarting", *limits)


def _config_story(change: Change) -> str:
    parts = ["clearing the config"] if change.clear else []
    if change.set:
        parts.append(f"setting {', '.join(change.set)}")
    if change.unset:
        parts.append(f"unsetting {', '.join(change.unset)}")
    text = ", ".join(parts) or "applying the config"
    return text[0].upper() + text[1:]


def _taken_back(stored: Variables, app: Variables) -> str:
    """What a rollback makes of the config, by names."""
    names = differing(stored, app)
    was, unset = [n for n in names if n in app], [n for n in names if n not in app]
    return ", ".join(
        f"{listed(some)} {what}" for some, what in ((unset, "unset"), (was, "as it was")) if some
    )


def _set_before(running: tuple[Variables, Variables], now: tuple[Variables, Variables]) -> str:
    """What is stored and not in force yet, by names: of the app and of every app."""
    names = sorted({name for pair in zip(running, now, strict=True) for name in differing(*pair)})
    here = now[0] | now[1]
    parts = ([n for n in names if n in here], "set"), ([n for n in names if n not in here], "unset")
    return ", ".join(f"{listed(some)} {what}" for some, what in parts if some)


def _limit_story(process: str, limits: Limits) -> str:
    memory, cpus = limits.memory or "default memory", limits.cpus
    who = "every process" if process == EVERY else process
    return f"{who}: {memory}, {'default' if cpus is None else f'{cpus:g}'} CPUs"
