"""Planned sessions that public holidays concern, which may become known after the plan was made."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Select, and_, exists, select

from guahao.scheduling.models import (
    ClinicSession,
    HolidayRule,
    ScheduleException,
    ScheduleTemplate,
    SessionState,
)


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
