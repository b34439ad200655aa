"""What of a plan depends on public holidays that are not known yet, or that came after it was made."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import Rules
from guahao.kernel.clock import local_date
from guahao.scheduling.models import (
    ClinicSession,
    HolidayRule,
    ScheduleException,
    ScheduleTemplate,
    SessionState,
    Slot,
)
from guahao.scheduling.policy.plan import DAYS_AHEAD
from guahao.scheduling.policy.workdays import is_known, is_off


@dataclass(frozen=True, slots=True, kw_only=True)
class HolidayOutlook:
    """`unpublished_year`: within the days that are planned, its notice is not out; None when all are.

    `sessions` with `people` stand on holidays on which their template is closed.
    """

    unpublished_year: int | None
    sessions: int
    people: int


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


async def holiday_outlook(
    db: AsyncSession, *, hospital_id: int, rules: Rules, now: datetime
) -> HolidayOutlook:
    """What an office must know about the holidays of the days that are planned."""
    today = local_date(now)
    last = today + timedelta(days=rules.booking_window_days + DAYS_AHEAD)
    is_planning = await db.scalar(
        select(
            exists().where(
                ScheduleTemplate.hospital_id == hospital_id,
                or_(ScheduleTemplate.valid_until.is_(None), ScheduleTemplate.valid_until > today),
            )
        )
    )
    rows = (await db.execute(sessions_of_closed_holidays(hospital_id, after=today))).all()
    off = [row.id for row in rows if is_off(row.date, weekday=row.weekday)]
    people = await db.scalar(
        select(func.coalesce(func.sum(Slot.booked + Slot.held), 0).cast(Integer)).where(
            Slot.hospital_id == hospital_id, Slot.session_id.in_(off)
        )
    )
    return HolidayOutlook(
        unpublished_year=last.year if is_planning and not is_known(last) else None,
        sessions=len(off),
        people=people or 0,
    )
