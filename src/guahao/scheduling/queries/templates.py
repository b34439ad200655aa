"""Templates and exceptions of a hospital."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.scheduling.models import ScheduleException, ScheduleTemplate


async def templates_of(
    db: AsyncSession, *, hospital_id: int, valid_after: dt.date | None = None
) -> list[ScheduleTemplate]:
    """A hospital's templates by weekday and start; with `valid_after`, only those in force after it."""
    statement = (
        select(ScheduleTemplate)
        .where(ScheduleTemplate.hospital_id == hospital_id)
        .order_by(ScheduleTemplate.weekday, ScheduleTemplate.starts, ScheduleTemplate.id)
    )
    if valid_after is not None:
        ends = ScheduleTemplate.valid_until
        statement = statement.where(or_(ends.is_(None), ends > valid_after))
    return list(await db.scalars(statement))


async def exceptions_of(
    db: AsyncSession, *, hospital_id: int, since: dt.date, until: dt.date
) -> list[ScheduleException]:
    """A hospital's exceptions from `since` up to but not including `until`, by date."""
    rows = await db.scalars(
        select(ScheduleException)
        .where(
            ScheduleException.hospital_id == hospital_id,
            ScheduleException.date >= since,
            ScheduleException.date < until,
        )
        .order_by(ScheduleException.date, ScheduleException.id)
    )
    return list(rows)
