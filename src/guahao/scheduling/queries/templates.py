"""Templates and exceptions of a hospital."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.scheduling.models import ScheduleException, ScheduleTemplate


async def templates_of(
    db: AsyncSession,
    *,
    hospital_id: int,
    doctor_id: UUID | None = None,
    valid_after: dt.date | None = None,
) -> list[ScheduleTemplate]:
    """A hospital's templates by weekday and start, of one doctor when `doctor_id` is given.

    With `valid_after`, only those in force after it.
    """
    statement = (
        select(ScheduleTemplate)
        .where(ScheduleTemplate.hospital_id == hospital_id)
        .order_by(ScheduleTemplate.weekday, ScheduleTemplate.starts, ScheduleTemplate.id)
    )
    if doctor_id is not None:
        statement = statement.where(ScheduleTemplate.doctor_id == doctor_id)
    if valid_after is not None:
        ends = ScheduleTemplate.valid_until
        statement = statement.where(or_(ends.is_(None), ends > valid_after))
    return list(await db.scalars(statement))


async def exceptions_of(
    db: AsyncSession, *, hospital_id: int, doctor_id: UUID | None = None, since: dt.date, until: dt.date
) -> list[ScheduleException]:
    """A hospital's exceptions from `since` up to but not including `until`, by date.

    With `doctor_id`, those that concern this doctor: their own, of their templates, and of all doctors.
    """
    statement = select(ScheduleException).where(
        ScheduleException.hospital_id == hospital_id,
        ScheduleException.date >= since,
        ScheduleException.date < until,
    )
    if doctor_id is not None:
        templates = select(ScheduleTemplate.id).where(
            ScheduleTemplate.hospital_id == hospital_id, ScheduleTemplate.doctor_id == doctor_id
        )
        of_all = and_(ScheduleException.template_id.is_(None), ScheduleException.doctor_id.is_(None))
        statement = statement.where(
            or_(
                of_all,
                ScheduleException.doctor_id == doctor_id,
                ScheduleException.template_id.in_(templates),
            )
        )
    rows = await db.scalars(statement.order_by(ScheduleException.date, ScheduleException.id))
    return list(rows)
