"""Small writes on a session that other domains need."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.errors import NotFound
from guahao.scheduling.models import ClinicSession


async def next_number(db: AsyncSession, *, hospital_id: int, session_id: UUID) -> int:
    """Give the session's next visit number: 1, 2, 3 .. without gaps, since it counts with the commit.

    Concurrent callers queue on the session's row until the first one's transaction ends.
    Raises `NotFound`.
    """
    statement = (
        update(ClinicSession)
        .where(ClinicSession.hospital_id == hospital_id, ClinicSession.id == session_id)
        .values(last_number=ClinicSession.last_number + 1)
        .returning(ClinicSession.last_number)
    )
    number = await db.scalar(statement)
    if number is None:
        raise NotFound
    return number


async def lock_sessions(db: AsyncSession, sessions: Collection[tuple[int, UUID]]) -> None:
    """Keep sessions (hospital, id) from being suspended or resumed until the transaction ends.

    Sessions are locked in one order. Whoever gives places back does this first, and reads the
    sessions' state in a later statement, so that no place goes on sale in a suspended session.
    """
    wanted = tuple_(ClinicSession.hospital_id, ClinicSession.id).in_(sorted(sessions))
    ordered = select(ClinicSession.id).where(wanted).order_by(ClinicSession.hospital_id, ClinicSession.id)
    await db.execute(ordered.with_for_update(key_share=True))
