"""A deployment that ends without going live: its row, its log, its checkout, the audit log."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from deployzero.deploy.ending import end
from deployzero.deploy.vault import vault_of
from deployzero.deploy.worker import Worker
from deployzero.errors import ConflictError, NotFoundError
from deployzero.models.deployment import Deployment, State, User
from deployzero.models.release import Kind
from deployzero.operations import changes
from deployzero.store import deployments, projects
from deployzero.store.tables import EventRow

LIMIT = 10


async def queued(
    admin: Any, owner: User, app: str, checkout: str = "", kind: Kind = Kind.PUSH
) -> Deployment:
    async with admin.platform.database.begin() as session:
        project = await projects.by_name(session, app) or await projects.create(
            session, app, owner.id
        )
        return await deployments.create(
            session, project.id, owner.id, "main", "c" * 40, checkout=checkout, kind=kind,
            key_fingerprint="SHA256:key",
        )  # fmt: skip


async def ended(admin: Any, deployment: Deployment) -> Deployment:
    async with asyncio.timeout(LIMIT):
        async for _ in admin.platform.logs.follow(deployment.id):
            pass
    async with admin.platform.database.read() as session:
        return await deployments.get(session, deployment.id)


@contextlib.asynccontextmanager
async def working(admin: Any) -> Any:
    """A worker; there is no engine, so that whatever it takes fails soon."""
    task = asyncio.create_task(Worker(admin.platform).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_reason_is_stored_without_secrets(admin: Any) -> None:
    deployment = await queued(admin, await admin.person("ada"), "hello")
    await admin.platform.logs.secrets_for(deployment.id, ["hunter2hunter2"])
    done = await end(admin.platform, deployment.id, State.ERROR, "no hunter2hunter2 there")
    assert done.reason == "no [redacted] there"
    assert [event[-1] for event in await events(admin)] == [done.reason]


async def test_a_failure_under_another_secret_key_is_told_without_a_traceback(
    admin: Any, deployed: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ada = await admin.person("ada")
    other = vault_of(b"another").seal_variables({}, {})
    await deployed(await admin.app("hello", ada), variables=other)
    checkout = tmp_path / "tree"
    checkout.mkdir()
    pushed = await queued(admin, ada, "hello", str(checkout))
    async with working(admin):
        assert (await ended(admin, pushed)).state is State.ERROR
    told = [record for record in caplog.records if "undoing" in record.message]
    assert told
    assert all(record.exc_info is None for record in told)
    assert "secret.key does not fit" in told[0].message


async def events(admin: Any) -> list[tuple[str, str, str, str, str]]:
    async with admin.platform.database.read() as session:
        rows = await session.scalars(select(EventRow).where(EventRow.action == "push"))
        return [(e.user, e.key_fingerprint, e.app, e.detail, e.result) for e in rows]


async def test_what_waits_is_cancelled_at_once_and_leaves_nothing(
    admin: Any, tmp_path: Path
) -> None:
    ada = await admin.person("ada")
    checkout = tmp_path / "tree"
    checkout.mkdir()
    first = await queued(admin, ada, "hello")
    second = await queued(admin, ada, "hello", str(checkout))
    async with admin.platform.database.begin() as session:  # as if a worker had it
        assert (await deployments.claim_next(session)) is not None
    admin.platform.queue.cancel(second.id, "ada")
    async with working(admin):
        done = await ended(admin, second)
        assert (done.state, done.reason) == (State.CANCELLED, "cancelled by ada")
        assert not checkout.exists()
        await ended(admin, first)  # that nobody works on is ended too
        with pytest.raises(ConflictError, match="had ended"):
            await changes.cancel(admin.platform, ada, second.id)
    assert ("ada", "SHA256:key", "hello", "ccccccccc main", "cancelled by ada") in await events(
        admin
    )


async def test_only_a_deployer_cancels_and_others_do_not_hear_that_it_is_there(
    admin: Any,
) -> None:
    ada, eve = await admin.person("ada"), await admin.person("eve")
    deployment = await queued(admin, ada, "hello")
    with pytest.raises(NotFoundError) as seen:
        await changes.cancel(admin.platform, eve, deployment.id)
    with pytest.raises(NotFoundError) as none:
        await changes.cancel(admin.platform, eve, deployment.id + 1)
    assert seen.value.message.replace(str(deployment.id), "N") == none.value.message.replace(
        str(deployment.id + 1), "N"
    )


async def test_a_change_without_a_checkout_never_touches_the_servers_own_folder(
    admin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await admin.person("ada")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").touch()
    restart = await queued(admin, ada, "hello", kind=Kind.RESTART)
    async with working(admin):
        failed = await ended(admin, restart)
    assert (failed.state, failed.reason) == (State.ERROR, "hello is not deployed yet")
    assert (tmp_path / "mine").exists()
    assert await events(admin) == []


async def test_a_push_that_fails_stands_in_the_audit_log_with_its_reason(
    admin: Any, tmp_path: Path
) -> None:
    ada = await admin.person("ada")
    checkout = tmp_path / "tree"
    checkout.mkdir()
    pushed = await queued(admin, ada, "hello", str(checkout))
    async with working(admin):
        failed = await ended(admin, pushed)
    assert failed.state is State.ERROR
    assert await events(admin) == [("ada", "SHA256:key", "hello", "ccccccccc main", failed.reason)]
