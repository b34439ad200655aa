"""Which bookings of a period other rules would have refused."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import zip_longest
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Subquery, Text, and_, cast, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import (
    Appointment,
    AppointmentEvent,
    AppointmentState,
    Channel,
    CreditEvent,
    CreditKind,
)
from guahao.booking.policy import Standing
from guahao.booking.queries.trial import Made, Past, refusals
from guahao.catalog.queries import Rules, departments_by_ids, doctors_by_ids, rules_of
from guahao.identity.queries import patient_names
from guahao.kernel.clock import at_local
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import Problem

MOST = 20_000
"""About so many bookings are judged at most; of more, those of some people, each with all of theirs."""

EXAMPLES = 8
_WHOLE = 1000
_LOOKED_BACK = timedelta(days=31)
"""How far back rules look at the most, and a day."""


BookingRow = Row[*tuple[Any, ...]]
"""A booking as `_bookings_of` reads it."""

CreditRow = Row[UUID, datetime, CreditKind]
"""Who did what counts against them, and when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedKind:
    """One reason: its problem's code, the sentence the patient would have read, and how often."""

    code: str
    title: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One booking that would have been refused; the patient's name is masked, or None when not asked."""

    appointment_id: UUID
    code: str
    title: str
    booked_at: datetime
    starts_at: datetime
    department: str
    doctor: str
    patient: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What other rules would have refused of the `checked` bookings; a sample when `total` is more."""

    total: int
    checked: int
    refused: tuple[RefusedKind, ...]
    examples: tuple[Example, ...]

    @property
    def refused_total(self) -> int:
        """All reasons together."""
        return sum(kind.count for kind in self.refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Bookings of a hospital for visits on these days, both included."""

    hospital_id: int
    since: dt.date
    until: dt.date

    @property
    def starts_at(self) -> datetime:
        """Its first moment."""
        return at_local(self.since, time(0))

    @property
    def ends_at(self) -> datetime:
        """The first moment after it."""
        return at_local(self.until + timedelta(days=1), time(0))

    def conditions(self) -> list[ColumnElement[bool]]:
        """What its bookings fulfil that still stand."""
        return [
            Appointment.hospital_id == self.hospital_id,
            Appointment.starts_at >= self.starts_at,
            Appointment.starts_at < self.ends_at,
            Appointment.ended_at.is_(None),
        ]


async def what_if(
    db: AsyncSession,
    *,
    period: Period,
    rules: Rules,
    key_ring: KeyRing | None,
    now: datetime,
    most: int = MOST,
) -> Found:
    """Judge the period's bookings as they were made, by `rules` and by the rules in force.

    Found are those that only `rules` refuse: what the rules in force would refuse too (bookings that
    staff made in spite of them, or under older rules) says nothing about a change. Places, pools and the
    department's limits are not judged. Judging runs beside the event loop. Without `key_ring` no name is
    opened.
    """
    total = (await db.scalar(select(func.count()).select_from(Appointment).where(*period.conditions()))) or 0
    people = _people(period, share=_WHOLE * most // max(total, most))
    booked = (await db.execute(_bookings_of(people, period))).all()
    cancelled = (await db.execute(_cancellations_of(people, period.hospital_id))).all()
    in_force = await rules_of(db, hospital_id=period.hospital_id, now=now)
    refused = await asyncio.to_thread(_only_by, booked, cancelled, rules, in_force.rules)
    judged = {row.id: row for row in booked if row.is_judged}
    return Found(
        total=total,
        checked=len(judged),
        refused=_kinds(refused),
        examples=await _examples(db, judged, refused, key_ring=key_ring),
    )


def _only_by(
    booked: Sequence[BookingRow],
    cancelled: Sequence[CreditRow],
    wanted: Rules,
    in_force: Rules,
) -> dict[UUID, Problem]:
    """The bookings that only the wanted rules refuse, and why."""
    found: dict[UUID, Problem] = {}
    for past in _pasts(booked, cancelled):
        refused = refusals(past, wanted)
        if refused:
            known = refusals(past, in_force)
            found |= {id_: problem for id_, problem in refused.items() if id_ not in known}
    return found


def _pasts(booked: Sequence[BookingRow], cancelled: Sequence[CreditRow]) -> Iterator[Past]:
    """Everything the rules look at, person by person."""
    made: dict[UUID, list[Made]] = defaultdict(list)
    for row in booked:
        made[row.person_id].append(_made(row))
    moments: dict[tuple[UUID, bool], list[datetime]] = defaultdict(list)
    for person_id, moment, kind in cancelled:
        moments[person_id, kind is CreditKind.UNPAID].append(moment)
    for person_id, bookings in made.items():
        yield Past(made=bookings, cancelled_at=moments[person_id, False], unpaid_at=moments[person_id, True])


def _people(period: Period, *, share: int) -> Subquery:
    """Who made the bookings, everybody or `share` in a thousand, and when the first of them was made."""
    since = func.min(Appointment.created_at).label("since")
    people = select(Appointment.person_id, since).where(*period.conditions())
    if share < _WHOLE:
        number = func.abs(func.mod(func.hashtext(cast(Appointment.person_id, Text)), _WHOLE))
        people = people.where(number < share)
    return people.group_by(Appointment.person_id).subquery("people")


_LEFT_SUSPENDED = exists().where(
    AppointmentEvent.hospital_id == Appointment.hospital_id,
    AppointmentEvent.appointment_id == Appointment.rescheduled_from,
    AppointmentEvent.to_state == AppointmentState.RESCHEDULED,
    AppointmentEvent.from_state == AppointmentState.SUSPENDED,
)
"""Whether a booking took the place of one whose session did not take place."""


def _bookings_of(people: Subquery, period: Period) -> Select[*tuple[Any, ...]]:
    """Their bookings at all hospitals in the order they were made, with those that ended meanwhile."""
    row = Appointment
    return (
        select(
            *(row.id, row.hospital_id, row.person_id, row.patient_id, row.session_id),
            *(row.department_id, row.doctor_id, row.date, row.starts_at, row.ends_at, row.state),
            *(row.channel, row.rescheduled_from, row.first_made_at, row.created_at, row.ended_at),
            or_(row.channel != Channel.ONLINE, _LEFT_SUSPENDED).label("is_helped"),
            and_(*period.conditions()).label("is_judged"),
        )
        .join(people, row.person_id == people.c.person_id)
        .where(
            row.starts_at >= people.c.since - _LOOKED_BACK,
            row.ended_at.is_(None) | (row.ended_at > people.c.since),
        )
        .order_by(row.created_at, row.id)
    )


def _cancellations_of(people: Subquery, hospital_id: int) -> Select[UUID, datetime, CreditKind]:
    return (
        select(CreditEvent.person_id, CreditEvent.occurred_at, CreditEvent.kind)
        .join(people, CreditEvent.person_id == people.c.person_id)
        .where(CreditEvent.hospital_id == hospital_id, CreditEvent.voided_at.is_(None))
        .order_by(CreditEvent.occurred_at)
    )


def _made(row: BookingRow) -> Made:
    return Made(
        standing=Standing(
            appointment_id=row.id,
            hospital_id=row.hospital_id,
            session_id=row.session_id,
            department_id=row.department_id,
            date=row.date,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            state=row.state,
            made_at=row.first_made_at or row.created_at,
        ),
        at=row.created_at,
        ended_at=row.ended_at,
        channel=row.channel,
        leaving=row.rescheduled_from,
        is_helped=row.is_helped,
        is_judged=row.is_judged,
    )


def _kinds(refused: Mapping[UUID, Problem]) -> tuple[RefusedKind, ...]:
    titles = {problem.code: problem.title for problem in refused.values()}
    counts = Counter(problem.code for problem in refused.values())
    return tuple(
        RefusedKind(code=code, title=titles[code], count=count) for code, count in counts.most_common()
    )


async def _examples(
    db: AsyncSession,
    judged: Mapping[UUID, BookingRow],
    refused: Mapping[UUID, Problem],
    *,
    key_ring: KeyRing | None,
) -> tuple[Example, ...]:
    """Some of them, each reason in turn, so that a rare one is seen beside a frequent one."""
    by_code: dict[str, list[UUID]] = defaultdict(list)
    for id_, problem in refused.items():
        by_code[problem.code].append(id_)
    in_turn = [id_ for ids in zip_longest(*by_code.values()) for id_ in ids if id_ is not None]
    shown = [judged[id_] for id_ in in_turn[:EXAMPLES]]
    departments = await departments_by_ids(db, {row.department_id for row in shown})
    doctors = await doctors_by_ids(db, {row.doctor_id for row in shown})
    people = {row.patient_id for row in shown}
    patients = await patient_names(db, people, key_ring=key_ring) if key_ring else {}
    return tuple(
        Example(
            appointment_id=row.id,
            code=refused[row.id].code,
            title=refused[row.id].title,
            booked_at=row.created_at,
            starts_at=row.starts_at,
            department=departments[row.department_id].name,
            doctor=doctors[row.doctor_id].name,
            patient=patients.get(row.patient_id),
        )
        for row in shown
    )
