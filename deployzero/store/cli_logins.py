"""Computers that wait to be approved."""

import datetime as dt

from sqlalchemy import Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.models.cli_login import CLILogin
from deployzero.store.driver_errors import unique
from deployzero.store.tables import CLILoginRow


async def add(
    session: AsyncSession,
    *,
    device_sha256: str,
    user_code: str,
    computer: str,
    address: str,
    expires_at: dt.datetime,
) -> CLILogin:
    """Raises ConflictError for a code that another has."""
    row = CLILoginRow(
        device_sha256=device_sha256,
        user_code=user_code,
        computer=computer,
        address=address,
        expires_at=expires_at,
    )
    async with unique(session, "that code is taken just now", "Try again."):
        session.add(row)
        await session.flush()
    return _login(row)


async def remove_older(session: AsyncSession, keep: int) -> None:
    """The newest stay."""
    newest_first = select(CLILoginRow.id).order_by(CLILoginRow.id.desc())
    newest_to_go = newest_first.offset(keep).limit(1).scalar_subquery()
    await session.execute(delete(CLILoginRow).where(CLILoginRow.id <= newest_to_go))


async def by_device(session: AsyncSession, sha256: str, hold: bool = False) -> CLILogin | None:
    """hold: for this transaction alone, until it ends."""
    return await _one(session, select(CLILoginRow).where(CLILoginRow.device_sha256 == sha256), hold)


async def by_code(session: AsyncSession, user_code: str, hold: bool = False) -> CLILogin | None:
    """The same."""
    return await _one(session, select(CLILoginRow).where(CLILoginRow.user_code == user_code), hold)


async def decide(session: AsyncSession, login_id: int, user_id: int, approved: bool) -> None:
    await session.execute(
        update(CLILoginRow)
        .where(CLILoginRow.id == login_id)
        .values(user_id=user_id, approved=approved)
    )


async def set_key(session: AsyncSession, login_id: int, key_id: int | None) -> None:
    """What it was given; once that is removed, so is the login."""
    await session.execute(
        update(CLILoginRow).where(CLILoginRow.id == login_id).values(key_id=key_id)
    )


async def remove_expired(session: AsyncSession, before: dt.datetime) -> None:
    """Those that expired before this moment."""
    await session.execute(delete(CLILoginRow).where(CLILoginRow.expires_at < before))


async def _one(session: AsyncSession, query: Select[CLILoginRow], hold: bool) -> CLILogin | None:
    row = await session.scalar(query.with_for_update() if hold else query)
    return _login(row) if row else None


def _login(row: CLILoginRow) -> CLILogin:
    return CLILogin(
        id=row.id,
        user_code=row.user_code,
        computer=row.computer,
        address=row.address,
        user_id=row.user_id,
        approved=row.approved,
        key_id=row.key_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
