"""What a deployment will do follows from what is there when its turn comes."""

import dataclasses
import datetime as dt

import pytest

from deployzero.deploy.plan import Standing, make_plan
from deployzero.deploy.release import stored_config
from deployzero.errors import ConflictError, NotFoundError
from deployzero.models.deployment import Container, Deployment, Project, State
from deployzero.models.project import ProjectConfig
from deployzero.models.release import Change, Kind, Limits, Variable

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
CONFIG = ProjectConfig(
    "python", start_command="python app.py", processes={"web": "python app.py", "worker": "w"}
)
PROJECT = Project(1, "hello", 1, "main", NOW)
A, B, C = Variable("1"), Variable("2"), Variable("3", build=True)


def deployment(kind: Kind, number: int = 9, **fields: object) -> Deployment:
    return Deployment(
        id=number, project_id=1, app="hello", user_id=1, user_name="ada", state=State.BUILDING,
        branch="old", commit="9" * 40, old_commit=None, forced=False, message="", release=None,
        image=None, config=None, reason="", timings={}, created_at=NOW, finished_at=None,
        kind=kind, **fields,  # type: ignore[arg-type]
    )  # fmt: skip


LIVE = dataclasses.replace(
    deployment(Kind.PUSH, 7), state=State.LIVE, branch="main", commit="7" * 40, release=5,
    image="image7", config=stored_config(CONFIG),
)  # fmt: skip


def container(process: str, index: int) -> Container:
    name = f"{process}.{index}"
    return Container(index, 7, 1, "hello", process, index, name, "10.0.0.2", 8000, "healthy")


def standing(**fields: object) -> Standing:
    given = {"live": LIVE, "stored": {"A": A}, "snapshot": ({"A": A}, {}), **fields}
    return Standing(**{"project": PROJECT, **given})  # type: ignore[arg-type]


def test_a_push_builds_its_own_commit_with_the_variables_that_are_stored() -> None:
    plan = make_plan(deployment(Kind.PUSH), Change(), standing(server={"S": B}))
    assert (plan.commit, plan.branch, plan.image, plan.config) == ("9" * 40, "old", None, None)
    assert (plan.app, plan.server, plan.story) == ({"A": A}, {"S": B}, ())


def test_a_config_change_runs_what_is_live_at_its_turn_not_what_was_when_it_was_queued() -> None:
    change = Change(set={"B": "2"}, unset=("A",))
    plan = make_plan(deployment(Kind.CONFIG), change, standing())
    assert (plan.commit, plan.image, plan.config) == (LIVE.commit, "image7", CONFIG)
    assert (plan.app, plan.numbered, plan.builds) == ({"B": B}, True, False)
    assert plan.story == ("Setting B, unsetting A",)
    assert "'2'" not in repr(plan)


def test_what_only_a_build_follows_is_said_to_wait_for_the_next_push() -> None:
    change = Change(set={"DEPLOYZERO_ROOT": "web", "B": "2"})
    story = make_plan(deployment(Kind.CONFIG), change, standing()).story
    assert story[1:] == ("DEPLOYZERO_ROOT: the next push is built by it",)


def test_a_config_change_of_the_build_builds_the_live_commit() -> None:
    change = Change(set={"C": "3"}, build=("C",), rebuild=True)
    plan = make_plan(deployment(Kind.CONFIG), change, standing())
    assert (plan.commit, plan.builds, plan.config) == (LIVE.commit, True, None)
    assert plan.app["C"] == C


def test_a_rollback_takes_image_code_and_variables_of_its_release_and_the_servers_of_now() -> None:
    target = dataclasses.replace(LIVE, id=3, release=3, image="image3", commit="3" * 40)
    at = standing(target=target, target_variables={"B": B}, server={"S": A})
    plan = make_plan(deployment(Kind.ROLLBACK), Change(release=3), at)
    assert (plan.commit, plan.branch, plan.image) == ("3" * 40, "main", "image3")
    assert (plan.app, plan.server) == ({"B": B}, {"S": A})
    assert plan.story[0] == "Rolling back to v3"
    assert plan.story[-1] == "config: A unset, B as it was"
    same = dataclasses.replace(at, target_variables={"A": A})
    assert "config" not in str(make_plan(deployment(Kind.ROLLBACK), Change(), same).story)
    older = dataclasses.replace(at, target_variables=None)
    assert make_plan(deployment(Kind.ROLLBACK), Change(), older).app == {"A": A}


def test_a_rollback_needs_another_release_whose_image_is_kept() -> None:
    asked = deployment(Kind.ROLLBACK)
    with pytest.raises(NotFoundError, match="no release v3"):
        make_plan(asked, Change(release=3), standing())
    with pytest.raises(NotFoundError, match="no release before"):
        make_plan(asked, Change(), standing())
    with pytest.raises(ConflictError, match="v5 is what is live"):
        make_plan(asked, Change(release=5), standing(target=LIVE))
    gone = dataclasses.replace(LIVE, release=3, image=None)
    with pytest.raises(ConflictError, match="image is not kept"):
        make_plan(asked, Change(release=3), standing(target=gone))


def test_scaling_keeps_what_stays_with_the_variables_that_it_has() -> None:
    project = dataclasses.replace(PROJECT, formation={"worker": 1})
    running = (container("web", 1), container("web", 2), container("worker", 1))
    at = standing(project=project, running=running, stored={"A": B}, server={"S": A})
    plan = make_plan(deployment(Kind.SCALE), Change(formation={"web": 1}), at)
    assert plan.kept == (running[0], running[2])
    assert (plan.app, plan.server, plan.numbered) == ({"A": A}, {}, False)
    assert plan.wanted == {"worker": 1, "web": 1}
    assert plan.story == ("Scaling web to 1",)


def test_scaling_never_keeps_what_a_stop_is_removing() -> None:
    at = standing(
        project=dataclasses.replace(PROJECT, stopped=True), running=(container("web", 1),)
    )
    with pytest.raises(ConflictError, match="hello is stopped"):
        make_plan(deployment(Kind.SCALE), Change(formation={"web": 1}), at)


def test_a_restart_changes_no_number_unless_it_brings_config_in() -> None:
    limits = {"web": Limits("64m", 1.0)}
    plain = make_plan(deployment(Kind.RESTART), Change(limits=limits), standing())
    assert (plain.kind, plain.numbered, plain.kept) == (Kind.RESTART, False, ())
    assert plain.limits == limits
    other = dataclasses.replace(PROJECT, limits={"web": {"memory": None, "cpus": 1.0}})
    memory = Change(limits={"web": Limits("64m")})
    merged = make_plan(deployment(Kind.RESTART), memory, standing(project=other))
    assert merged.limits == limits
    assert merged.story == ("Restarting", "web: 64m, 1 CPUs")
    pending = standing(server={"S": B})
    restart = dataclasses.replace(deployment(Kind.RESTART), message="Restart")
    brings = make_plan(restart, Change(), pending)
    assert (brings.kind, brings.numbered, brings.server) == (Kind.CONFIG, True, {"S": B})
    assert (brings.message, brings.story[-1]) == ("S set before", "config: S set before")
    start = dataclasses.replace(restart, message="Start")
    named = make_plan(start, Change(), standing(server={"S": B}, stored={"N": B}))
    assert named.message == "Start; N, S set, A unset before"
    locked = dataclasses.replace(pending, project=dataclasses.replace(PROJECT, locked_by="eve"))
    kept = make_plan(deployment(Kind.RESTART), Change(), locked)
    assert (kept.kind, kept.server) == (Kind.RESTART, {})


@pytest.mark.parametrize("kind", [Kind.CONFIG, Kind.ROLLBACK, Kind.SCALE, Kind.RESTART])
def test_what_changes_the_live_release_needs_one(kind: Kind) -> None:
    with pytest.raises(ConflictError, match="not deployed yet"):
        make_plan(deployment(kind), Change(), standing(live=None))


def test_a_rebuild_builds_what_is_live_or_its_own_commit_where_nothing_is() -> None:
    assert make_plan(deployment(Kind.REBUILD), Change(), standing()).commit == LIVE.commit
    restored = make_plan(deployment(Kind.REBUILD), Change(), standing(live=None))
    assert (restored.commit, restored.branch) == ("9" * 40, "main")
