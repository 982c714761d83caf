"""What an app is after a deployment that did not go live, told truthfully."""

import dataclasses
import datetime as dt

from deployzero.deploy.ending import what_stays
from deployzero.models.deployment import Deployment, Project, State
from deployzero.models.release import Kind

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PROJECT = Project(1, "hello", 1, "main", NOW)
LIVE = Deployment(
    id=7, project_id=1, app="hello", user_id=1, user_name="ada", state=State.LIVE, branch="main",
    commit="7" * 40, old_commit=None, forced=False, message="", release=5, image="image",
    config=None, reason="", timings={}, created_at=NOW, finished_at=NOW, kind=Kind.PUSH,
)  # fmt: skip


def test_what_stays_is_what_there_is() -> None:
    assert what_stays(PROJECT, LIVE) == "v5 goes on serving; nothing was changed."
    assert what_stays(PROJECT, None) == "Nothing is live yet, as before."
    stopped = dataclasses.replace(PROJECT, stopped=True)
    assert what_stays(stopped, LIVE) == "The app stays stopped; nothing was changed."
    destroyed = dataclasses.replace(PROJECT, destroying=True)
    assert what_stays(destroyed, LIVE) == "The app is destroyed."
