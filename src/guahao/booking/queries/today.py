"""What needs a person now, and how the day goes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from functools import partial

from sqlalchemy import Integer, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.queries.refusals import burst, logins_from_one_address
from guahao.audit.service import RefusedAction
from guahao.booking.models import Appointment, Channel
from guahao.booking.queries.duplicates import duplicates_unchecked
from guahao.catalog.queries.waiting import fee_changes_waiting, open_hospitals
from guahao.identity.queries.waiting import unverified_patients
from guahao.kernel.clock import CHINA, at_local, local_date
from guahao.kernel.db import is_exactly
from guahao.kernel.events import EventRow, EventState
from guahao.kernel.ids import DIRECTORY, first_id
from guahao.payment.queries.waiting import cases_open, refunds_waiting
from guahao.scheduling.queries.closed import people_of_closed
from guahao.scheduling.queries.holidays import sessions_of_unknown_years
from guahao.scheduling.queries.outlook import last_releases

_WEEK = timedelta(days=7)
_CLOCKS_DIFFER = timedelta(minutes=1)
"""Ids carry the time of the process that made them, rows that of the database."""

Counted = Select[int, datetime | None]


class NeedKind(StrEnum):
    """Why a person is needed."""

    DEAD_LETTERS = "dead_letters"
    FINANCE_CASES = "finance_cases"
    REFUNDS_WAITING = "refunds_waiting"
    FEE_CHANGES_WAITING = "fee_changes_waiting"
    UNVERIFIED_PATIENTS = "unverified_patients"
    DUPLICATE_PERSONS = "duplicate_persons"
    LOW_PLACES = "low_places"
    CLOSED_BOOKED = "closed_booked"
    """People who are booked where a hospital, campus, department, doctor or clinic is closed."""
    HOLIDAY_SESSIONS = "holiday_sessions"
    """Sessions that stay on a public holiday on which their template rests, since somebody touched them."""
    HOLIDAYS_UNKNOWN = "holidays_unknown"
    """Sessions in a year whose notice of public holidays is not out."""
    NO_RELEASE = "no_release"
    LOGIN_BURST = "login_burst"
    REQUEST_BURST = "request_burst"
    SIGNATURE_BURST = "signature_burst"
    ONE_ADDRESS = "one_address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """How many of a kind wait, at least one, and since when where that is known."""

    kind: NeedKind
    count: int
    oldest_at: datetime | None = None


def _dead_letters(hospital_id: int | None) -> Counted:
    found = select(func.count(), func.min(EventRow.occurred_at)).where(
        is_exactly(EventRow.state, EventState.DEAD)
    )
    return found if hospital_id is None else found.where(EventRow.hospital_id == hospital_id)


def _unverified_patients(hospital_id: int) -> Counted:
    """Of families who have booked at this hospital: its desk knows whom to ask for a document."""
    waiting = unverified_patients()
    is_known_here = select(Appointment.id).where(
        Appointment.account_id == waiting.c.account_id, Appointment.hospital_id == hospital_id
    )
    return select(func.count(), func.min(waiting.c.since)).where(is_known_here.exists())


_OF_HOSPITAL: Mapping[NeedKind, Callable[[int], Counted]] = {
    NeedKind.DEAD_LETTERS: _dead_letters,
    NeedKind.FINANCE_CASES: cases_open,
    NeedKind.REFUNDS_WAITING: refunds_waiting,
    NeedKind.FEE_CHANGES_WAITING: fee_changes_waiting,
    NeedKind.UNVERIFIED_PATIENTS: _unverified_patients,
    NeedKind.DUPLICATE_PERSONS: duplicates_unchecked,
    NeedKind.CLOSED_BOOKED: people_of_closed,
    NeedKind.HOLIDAYS_UNKNOWN: sessions_of_unknown_years,
    NeedKind.LOGIN_BURST: partial(burst, RefusedAction.LOGIN),
    NeedKind.REQUEST_BURST: partial(burst, RefusedAction.REQUEST),
}
"""How each kind is counted in a hospital; the most urgent first."""

_OF_PLATFORM: Mapping[NeedKind, Counted] = {
    NeedKind.DEAD_LETTERS: _dead_letters(None),
    NeedKind.FINANCE_CASES: cases_open(DIRECTORY),
    NeedKind.LOGIN_BURST: burst(RefusedAction.LOGIN, DIRECTORY),
    NeedKind.REQUEST_BURST: burst(RefusedAction.REQUEST, DIRECTORY),
    NeedKind.SIGNATURE_BURST: burst(RefusedAction.SIGNATURE, DIRECTORY),
    NeedKind.ONE_ADDRESS: logins_from_one_address(),
}
"""How each kind is counted that belongs to no hospital, or to all of them."""


async def needs_of_hospital(db: AsyncSession, *, hospital_id: int, kinds: Collection[NeedKind]) -> list[Need]:
    """What of these kinds waits in a hospital; kinds that are not counted here are left out."""
    wanted = {kind: count(hospital_id) for kind, count in _OF_HOSPITAL.items() if kind in kinds}
    return await _counted(db, wanted)


async def needs_of_platform(db: AsyncSession, *, kinds: Collection[NeedKind]) -> list[Need]:
    """What of these kinds waits for the people of the platform."""
    return await _counted(db, {kind: count for kind, count in _OF_PLATFORM.items() if kind in kinds})


async def _counted(db: AsyncSession, wanted: Mapping[NeedKind, Counted]) -> list[Need]:
    needs = []
    for kind, statement in wanted.items():
        count, oldest_at = (await db.execute(statement)).one()
        if count:
            needs.append(Need(kind=kind, count=count, oldest_at=oldest_at))
    return needs


@dataclass(frozen=True, slots=True, kw_only=True)
class HourBookings:
    """Bookings made in one hour of the day, by channel, whatever became of them."""

    hour: int
    online: int
    desk: int
    phone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBookings:
    """Bookings made on one day, hour by hour from 0 to 23."""

    day: dt.date
    hours: tuple[HourBookings, ...]


async def bookings_of_day(db: AsyncSession, *, hospital_id: int, day: dt.date) -> DayBookings:
    """Bookings made at a hospital on a local day.

    Reads the primary key between the ids of the day: ids grow with time.
    """
    start, end = at_local(day, time(0)), at_local(day + timedelta(days=1), time(0))
    hour = func.extract("hour", func.timezone(CHINA.key, Appointment.created_at)).cast(Integer)
    rows = await db.execute(
        select(hour, Appointment.channel, func.count())
        .where(
            Appointment.hospital_id == hospital_id,
            Appointment.id >= first_id(start - _CLOCKS_DIFFER),
            Appointment.id < first_id(end + _CLOCKS_DIFFER),
            Appointment.created_at >= start,
            Appointment.created_at < end,
        )
        .group_by(hour, Appointment.channel)
    )
    counts = {(at, channel): count for at, channel, count in rows}
    hours = tuple(
        HourBookings(hour=at, **{channel.value: counts.get((at, channel), 0) for channel in Channel})
        for at in range(24)
    )
    return DayBookings(day=day, hours=hours)


async def bookings_by_hour(
    db: AsyncSession, *, hospital_id: int, now: datetime
) -> tuple[DayBookings, DayBookings]:
    """Today's bookings, and those of the same weekday last week."""
    today = local_date(now)
    return (
        await bookings_of_day(db, hospital_id=hospital_id, day=today),
        await bookings_of_day(db, hospital_id=hospital_id, day=today - _WEEK),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentHospital:
    """An open hospital with nothing to go on sale; `last_release_at` is null when there never was any."""

    hospital_id: int
    name: str
    last_release_at: datetime | None


async def hospitals_without_release(db: AsyncSession, *, now: datetime) -> list[SilentHospital]:
    """Open hospitals of whose sessions none is still to be released."""
    names = await open_hospitals(db)
    last = await last_releases(db, names)
    return [
        SilentHospital(hospital_id=id_, name=name, last_release_at=last.get(id_))
        for id_, name in names.items()
        if id_ not in last or last[id_] <= now
    ]
