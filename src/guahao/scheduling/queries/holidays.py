"""Planned sessions that public holidays concern, which may become known after the plan was made."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Select, and_, exists, func, null, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import local_date
from guahao.scheduling.models import (
    ClinicSession,
    HolidayRule,
    ScheduleException,
    ScheduleTemplate,
    SessionState,
    Slot,
)
from guahao.scheduling.policy.workdays import LAST_YEAR, is_off


def sessions_of_closed_holidays(hospital_id: int, *, after: dt.date) -> Select[*tuple[Any, ...]]:
    """Coming sessions (id, date, version, weekday of the template) of templates closed on holidays.

    A day for which the hospital has said that it follows another weekday is worked, holiday or not.
    """
    follows = exists().where(
        ScheduleException.hospital_id == ClinicSession.hospital_id,
        ScheduleException.date == ClinicSession.date,
        ScheduleException.weekday.is_not(None),
    )
    return (
        select(ClinicSession.id, ClinicSession.date, ClinicSession.version, ScheduleTemplate.weekday)
        .join(
            ScheduleTemplate,
            and_(
                ScheduleTemplate.hospital_id == ClinicSession.hospital_id,
                ScheduleTemplate.id == ClinicSession.template_id,
            ),
        )
        .where(
            ClinicSession.hospital_id == hospital_id,
            ClinicSession.date > after,
            ClinicSession.state.in_((SessionState.DRAFT, SessionState.PUBLISHED)),
            ScheduleTemplate.on_holidays == HolidayRule.CLOSED,
            ~follows,
        )
    )


async def kept_on_holidays(db: AsyncSession, *, hospital_id: int, now: datetime) -> int:
    """How many sessions stay on a holiday on which their template rests: booked, or changed by hand."""
    is_booked = exists().where(
        Slot.hospital_id == ClinicSession.hospital_id,
        Slot.session_id == ClinicSession.id,
        Slot.held + Slot.booked > 0,
    )
    kept = sessions_of_closed_holidays(hospital_id, after=local_date(now)).where(
        or_(ClinicSession.version > 1, is_booked)
    )
    return sum(is_off(row.date, weekday=row.weekday) for row in await db.execute(kept))


def sessions_of_unknown_years(hospital_id: int) -> Select[int, datetime | None]:
    """How many sessions there are, of templates that rest on holidays, in years whose notice is not out.

    Of such a year the days that the law fixes are known; days off around them and make-up days are not.
    """
    return (
        select(func.count(), null().cast(DateTime(timezone=True)))
        .select_from(ClinicSession)
        .join(
            ScheduleTemplate,
            and_(
                ScheduleTemplate.hospital_id == ClinicSession.hospital_id,
                ScheduleTemplate.id == ClinicSession.template_id,
            ),
        )
        .where(
            ClinicSession.hospital_id == hospital_id,
            ClinicSession.date > dt.date(LAST_YEAR, 12, 31),
            ClinicSession.starts_at > func.now(),
            ClinicSession.state.in_((SessionState.DRAFT, SessionState.PUBLISHED)),
            ScheduleTemplate.on_holidays == HolidayRule.CLOSED,
        )
    )
