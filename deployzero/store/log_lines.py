"""A deployment's log: rows while it is written, one text in `deployments.logs` afterwards."""

from collections.abc import Iterable

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.deployment import UNFINISHED, LogLine
from deployzero.store.tables import DeploymentRow, LogLineRow, is_in


async def last_seqs(session: AsyncSession, deployment_ids: Iterable[int]) -> dict[int, int]:
    """Id to the number of its last line (0: none yet), of those whose log is still open."""
    last = (
        select(func.coalesce(func.max(LogLineRow.seq), 0))
        .where(LogLineRow.deployment_id == DeploymentRow.id)
        .scalar_subquery()
    )
    query = select(DeploymentRow.id, last).where(
        DeploymentRow.id.in_(set(deployment_ids)), DeploymentRow.logs.is_(None)
    )
    return {row[0]: row[1] for row in await session.execute(query)}


async def add(session: AsyncSession, rows: list[tuple[int, int, str]]) -> None:
    """rows: (deployment id, seq, text without a newline)."""
    if rows:
        await session.execute(
            insert(LogLineRow),
            [{"deployment_id": i, "seq": seq, "text": text} for i, seq, text in rows],
        )


async def after(
    session: AsyncSession, deployment_id: int, seq: int, limit: int = 1000
) -> tuple[list[LogLine], bool]:
    """The lines after `seq`, and whether these are the last: the log has ended.

    An ended log comes whole, whatever the limit; an unknown deployment's is ended and empty.
    """
    # First the text, then the rows: if the log is folded in between, there is just no news.
    logs = (
        await session.execute(select(DeploymentRow.logs).where(DeploymentRow.id == deployment_id))
    ).first()
    if logs is None:
        return [], True
    if logs[0] is not None:
        return _lines(logs[0])[seq:], True
    query = (
        select(LogLineRow.seq, LogLineRow.text)
        .where(LogLineRow.deployment_id == deployment_id, LogLineRow.seq > seq)
        .order_by(LogLineRow.seq)
        .limit(limit)
    )
    return [LogLine(n, text) for n, text in await session.execute(query)], False


async def finish(session: AsyncSession, deployment_id: int) -> None:
    """End the log: its rows become the deployment's text. A second time changes nothing."""
    query = select(LogLineRow.text).where(LogLineRow.deployment_id == deployment_id)
    texts = await session.scalars(query.order_by(LogLineRow.seq))
    folded = await session.scalar(
        update(DeploymentRow)
        .where(DeploymentRow.id == deployment_id, DeploymentRow.logs.is_(None))
        .values(logs="".join(f"{text}\n" for text in texts))
        .returning(DeploymentRow.id)
    )
    if folded is not None:
        await session.execute(delete(LogLineRow).where(LogLineRow.deployment_id == deployment_id))


async def left_open(session: AsyncSession) -> list[int]:
    """Deployments that have ended while their log has not: their daemon was killed in between."""
    query = select(DeploymentRow.id).where(DeploymentRow.logs.is_(None), ~is_in(UNFINISHED))
    return list(await session.scalars(query.order_by(DeploymentRow.id)))


def _lines(logs: str) -> list[LogLine]:
    return [LogLine(seq, text) for seq, text in enumerate(logs.split("\n")[:-1], 1)]
