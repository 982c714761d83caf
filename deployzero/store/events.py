"""The audit log."""

from sqlalchemy.ext.asyncio import AsyncSession

from deployzero.store.tables import EventRow


async def add(
    session: AsyncSession,
    *,
    user: str,
    key_fingerprint: str,
    action: str,
    app: str,
    detail: str,
    result: str,
) -> None:
    session.add(
        EventRow(
            user=user,
            key_fingerprint=key_fingerprint,
            action=action,
            app=app,
            detail=detail,
            result=result,
        )
    )
