"""Small writes on a session that other domains need."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import update
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
