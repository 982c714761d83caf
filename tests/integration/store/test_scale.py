"""With 1,000 apps and 100,000 deployments the everyday questions stay quick."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from deployzero.models.deployment import State, User
from deployzero.store import deployments, log_lines, projects, releases
from deployzero.store.database import Database

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) "
PROJECTS = """
INSERT INTO projects (name, user_id, created_at, updated_at)
SELECT 'app' || i, :user, '2026-01-01 00:00:00', '2026-01-01 00:00:00' FROM n
"""
DEPLOYMENTS = """
INSERT INTO deployments (project_id, user_id, state, branch, "commit", forced, message,
    release, image, reason, timings, logs, created_at)
SELECT 1 + i % 1000, :user, CASE WHEN i > 99000 THEN 'live' ELSE 'retired' END, 'main', 'a',
    false, '', 1 + i / 1000, 'image' || i, '', '{}', 'a line', '2026-01-01 00:00:00' FROM n
"""

Deploys = Any  # made in conftest


@pytest.fixture
async def filled(database: Database, user: User) -> Database:
    async with database.begin(durable=False) as session:
        connection = await session.connection()
        for count, insert in ((1_000, PROJECTS), (100_000, DEPLOYMENTS)):
            await connection.execute(text(NUMBERS.format(count) + insert), {"user": user.id})
        if connection.dialect.name == "postgresql":  # its autovacuum would; SQLite has none
            await connection.execute(text("ANALYZE"))
    return database


async def test_everyday_questions_are_quick(filled: Database, deploys: Deploys) -> None:
    async def seconds(ask: Callable[..., Awaitable[Any]], *arguments: Any) -> tuple[float, Any]:
        best = 60.0
        for _ in range(3):
            async with filled.read() as session:
                started = time.perf_counter()
                answer = await ask(session, *arguments)
                best = min(best, time.perf_counter() - started)
        return best, answer

    async with filled.read() as session:
        app = await projects.by_name(session, "app500")
    assert app is not None
    queued = await deploys.create(app)
    took = {}
    took["apps"], apps = await seconds(projects.visible_to, None)
    took["every_live"], live_ones = await seconds(releases.every_live)
    took["live"], live = await seconds(deployments.live, app.id)
    took["unfinished"], unfinished = await seconds(deployments.unfinished)
    took["retired_beyond"], retired = await seconds(deployments.retired_beyond, app.id, 5)
    took["left_open"], left = await seconds(log_lines.left_open)
    started = time.perf_counter()
    assert (await deploys.claim()).id == queued.id
    took["claim"] = time.perf_counter() - started
    print(took)
    assert len(apps) == 1_000
    assert len(live_ones) == 1_000
    assert live.state is State.LIVE
    assert [d.id for d in unfinished] == [queued.id]
    assert len(retired) == 95
    assert left == []
    assert took.pop("apps") < 0.1  # a thousand rows
    assert took.pop("every_live") < 0.25  # a thousand rows
    assert took.pop("claim") < 0.5  # it writes, and is asked once
    assert max(took.values()) < 0.05, took
