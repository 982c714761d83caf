"""What this installation knows about itself."""

import secrets

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.errors import ConflictError
from deployzero.store.driver_errors import unique
from deployzero.store.tables import ServerRow

INSTANCE = "instance"


async def instance_id(session: AsyncSession) -> str:
    """Twelve hex digits, made once, that label every object this installation owns."""
    query = select(ServerRow.value).where(ServerRow.key == INSTANCE)
    found = await session.scalar(query)
    if found:
        return found
    made = secrets.token_hex(6)
    try:
        async with unique(session, "another process made the instance id"):
            session.add(ServerRow(key=INSTANCE, value=made))
            await session.flush()
    except ConflictError:
        return (await session.scalars(query)).one()
    return made


async def hold(session: AsyncSession) -> None:
    """Others that hold it wait until the transaction ends: for what may happen once here."""
    await session.scalar(select(ServerRow.value).where(ServerRow.key == INSTANCE).with_for_update())
