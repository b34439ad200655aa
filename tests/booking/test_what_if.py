from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, AppointmentState, Channel, CreditEvent, CreditKind
from guahao.booking.policy import Standing
from guahao.booking.queries.trial import Made, Past, refusals
from guahao.booking.queries.what_if import Period, what_if
from guahao.booking.service.cancel import Canceller, cancel
from guahao.booking.service.reschedule import reschedule
from guahao.booking.service.suspension import suspend_appointments
from guahao.catalog.queries import Rules
from guahao.kernel.clock import at_local, utc_now
from guahao.kernel.crypto import KeyRing
from guahao.kernel.ids import new_id
from guahao.scheduling.models import Slot
from guahao.scheduling.service.suspend import suspend
from tests.factories.booking import Booker, book, make_booker, name_everybody, request_of
from tests.factories.catalog import make_hospital, staff_headers
from tests.factories.days import today
from tests.factories.scheduling import Clinic, make_clinic, make_slot

pytestmark = pytest.mark.anyio

DAY = date(2026, 12, 10)
RULES = Rules()


def made(day: date = DAY, *, at: datetime | None = None, **overrides: Any) -> Made:
    """A booking to judge: of another department each, at another hour each day."""
    starts_at = at_local(day, time(9))
    booked_at = at or at_local(day - timedelta(days=3), time(10))
    standing = Standing(
        appointment_id=new_id(1),
        hospital_id=1,
        session_id=new_id(1),
        department_id=new_id(1),
        date=day,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=30),
        state=AppointmentState.BOOKED,
        made_at=booked_at,
    )
    values: dict[str, Any] = {
        "standing": standing,
        "at": booked_at,
        "ended_at": None,
        "channel": Channel.ONLINE,
        "leaving": None,
        "is_helped": False,
        "is_judged": True,
    }
    return Made(**values | overrides)


def moves(count: int, **overrides: Any) -> list[Made]:
    """One person's moves within a few minutes, each of another day's booking."""
    first = at_local(DAY - timedelta(days=3), time(10))
    return [
        made(DAY + timedelta(days=n), at=first + timedelta(minutes=n), leaving=new_id(1), **overrides)
        for n in range(count)
    ]


def codes(past: Past, rules: Rules) -> list[str]:
    return [problem.code for problem in refusals(past, rules).values()]


def past_of(*bookings: Made, cancelled_at: tuple[datetime, ...] = ()) -> Past:
    in_order = sorted(bookings, key=lambda one: one.at)
    return Past(made=in_order, cancelled_at=cancelled_at)


@pytest.mark.parametrize(
    ("at", "rules", "code"),
    [
        (at_local(DAY - timedelta(days=7), time(7)), {"booking_window_days": 7}, None),
        (at_local(DAY - timedelta(days=8), time(7)), {"booking_window_days": 7}, "outside-booking-window"),
        (at_local(DAY - timedelta(days=14), time(7, 5)), {"release_time": time(7, 5)}, None),
        (at_local(DAY - timedelta(days=14), time(7, 5)), {"release_time": time(8)}, "slot-not-released"),
        (at_local(DAY - timedelta(days=1), time(16, 59)), {"next_day_stop_time": time(17)}, None),
        (
            at_local(DAY - timedelta(days=1), time(17)),
            {"next_day_stop_time": time(17)},
            "too-late-for-tomorrow",
        ),
        (
            at_local(DAY - timedelta(days=2), time(3)),
            {"quiet_from": time(0), "quiet_until": time(6)},
            "booking-closed-now",
        ),
    ],
)
def test_a_booking_is_judged_at_the_moment_it_was_made(
    at: datetime, rules: dict[str, Any], code: str | None
) -> None:
    past = past_of(made(at=at))

    assert codes(past, replace(RULES, **rules)) == ([] if code is None else [code])
    assert codes(past, RULES) == []


def test_a_refused_booking_does_not_count_against_the_next() -> None:
    days = [DAY + timedelta(days=n) for n in range(4)]
    past = past_of(*(made(day, at=at_local(DAY, time(8, n))) for n, day in enumerate(days)))

    refused = refusals(past, replace(RULES, per_week=1))

    assert [past.made.index(one) for one in past.made if one.standing.appointment_id in refused] == [1, 2, 3]
    assert set(codes(past, replace(RULES, per_week=3))) == {"weekly-limit"}
    assert len(codes(past, replace(RULES, per_week=3))) == 1


def test_a_booking_given_up_before_counts_no_more_but_one_given_up_later_does() -> None:
    second = made(DAY + timedelta(days=1), at=at_local(DAY, time(8, 30)))
    before = made(at=at_local(DAY, time(8)), ended_at=at_local(DAY, time(8, 10)), is_judged=False)
    later = replace(before, ended_at=at_local(DAY, time(8, 40)))

    assert codes(past_of(before, second), replace(RULES, per_week=1)) == []
    assert codes(past_of(later, second), replace(RULES, per_week=1)) == ["weekly-limit"]


def test_stricter_pauses_refuse_online_bookings_but_not_those_at_the_desk() -> None:
    cancelled = (at_local(DAY - timedelta(days=5), time(8)), at_local(DAY - timedelta(days=4), time(8)))
    strict = replace(RULES, cancel_pause_count=2)

    assert codes(past_of(made(), cancelled_at=cancelled), RULES) == []
    assert codes(past_of(made(), cancelled_at=cancelled), strict) == ["booking-blocked"]
    assert codes(past_of(made(channel=Channel.DESK), cancelled_at=cancelled), strict) == []
    assert codes(past_of(made(leaving=new_id(1)), cancelled_at=cancelled), strict) == []
    assert codes(past_of(made(), cancelled_at=cancelled), replace(strict, cancel_pause_days=1)) == []


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 20)), max_size=8), st.integers(1, 7))
def test_looser_limits_never_refuse_more(bookings: list[tuple[int, int]], per_week: int) -> None:
    past = past_of(
        *(made(DAY + timedelta(days=day), at=at_local(DAY, time(8, minute))) for day, minute in bookings)
    )

    strict = codes(past, replace(RULES, per_week=per_week, per_30_days=per_week))
    loose = codes(past, replace(RULES, per_week=per_week + 1, per_30_days=per_week + 1))

    assert len(loose) <= len(strict)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A clinic with somebody who booked there for each of the next days."""

    clinic: Clinic
    booker: Booker
    rows: list[Appointment]

    @property
    def period(self) -> Period:
        return Period(hospital_id=self.clinic.hospital_id, since=today(), until=today() + timedelta(days=9))


@pytest.fixture
async def stage(app: FastAPI, db: AsyncSession) -> Stage:
    clinic = await make_clinic(db)
    booker = await make_booker(db)
    rows = [await book(db, booker, (await in_the_future(db, clinic, days)).id) for days in (2, 3, 4)]
    await name_everybody(db, app.state.key_ring)
    return Stage(clinic=clinic, booker=booker, rows=rows)


async def in_the_future(db: AsyncSession, clinic: Clinic, days: int) -> Slot:
    return await make_slot(db, clinic=clinic, days=days)


@pytest.fixture
def keys(app: FastAPI) -> KeyRing:
    ring: KeyRing = app.state.key_ring
    return ring


def test_of_the_moves_of_a_day_only_those_count_that_people_chose_at_that_hospital() -> None:
    few = replace(RULES, moves_per_day=2)

    assert codes(past_of(*moves(3)), few) == ["moves-limit"]
    assert codes(past_of(*moves(3, is_helped=True)), few) == []
    elsewhere = [replace(one, standing=replace(one.standing, hospital_id=2)) for one in moves(2)]
    assert codes(past_of(*elsewhere, moves(3)[2]), few) == []


async def test_a_move_out_of_a_suspended_session_counts_in_a_trial_as_little_as_when_made(
    db: AsyncSession, stage: Stage, keys: KeyRing
) -> None:
    few = replace(RULES, moves_per_day=1)
    await db.commit()
    for days, row in zip((5, 6), stage.rows, strict=False):
        await suspend(db, row.session_id, reason="医生生病", by="staff:office")
        await suspend_appointments(db, hospital_id=row.hospital_id, session_id=row.session_id)
        target = await in_the_future(db, stage.clinic, days)
        await reschedule(db, appointment_id=row.id, request=request_of(stage.booker, target.id))
        await db.commit()

    helped = await what_if(db, period=stage.period, rules=few, key_ring=keys, now=utc_now())
    for days, row in zip((7, 8), await standing(db, stage), strict=False):
        target = await in_the_future(db, stage.clinic, days)
        await reschedule(db, appointment_id=row.id, request=request_of(stage.booker, target.id))
        await db.commit()
    chosen = await what_if(db, period=stage.period, rules=few, key_ring=keys, now=utc_now())

    assert (helped.checked, helped.refused_total) == (3, 0)
    assert [(kind.code, kind.count) for kind in chosen.refused] == [("moves-limit", 1)]


async def standing(db: AsyncSession, stage: Stage) -> list[Appointment]:
    rows = await db.scalars(
        select(Appointment)
        .where(Appointment.ended_at.is_(None), Appointment.hospital_id == stage.clinic.hospital_id)
        .order_by(Appointment.starts_at)
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def test_the_rules_in_force_refuse_nothing(db: AsyncSession, stage: Stage, keys: KeyRing) -> None:
    found = await what_if(db, period=stage.period, rules=RULES, key_ring=keys, now=utc_now())

    assert (found.total, found.checked, found.refused_total, found.examples) == (3, 3, 0, ())


async def test_a_stricter_rule_says_how_many_and_shows_some(
    db: AsyncSession, stage: Stage, keys: KeyRing
) -> None:
    strict = replace(RULES, per_week=2)

    found = await what_if(db, period=stage.period, rules=strict, key_ring=keys, now=utc_now())

    assert [(kind.code, kind.count) for kind in found.refused] == [("weekly-limit", 1)]
    assert found.refused[0].title == "这位就诊人 7 天内最多约 2 个号，请过几天再约"
    (example,) = found.examples
    assert example.appointment_id == stage.rows[2].id
    assert (example.patient, example.department, example.doctor) == ("王*明", "内科", "张医生")


async def test_what_the_rules_in_force_would_refuse_too_is_not_counted(
    db: AsyncSession, stage: Stage, keys: KeyRing
) -> None:
    overruled = {"created_at": at_local(today() - timedelta(days=30), time(3))}
    await db.execute(update(Appointment).values(overruled))

    found = await what_if(
        db, period=stage.period, rules=replace(RULES, booking_window_days=10), key_ring=keys, now=utc_now()
    )

    assert (found.checked, found.refused_total) == (3, 0)


async def test_only_bookings_of_the_period_and_the_hospital_that_stand_are_judged(
    db: AsyncSession, stage: Stage, keys: KeyRing
) -> None:
    other = await make_clinic(db)
    await book(db, stage.booker, (await in_the_future(db, other, 5)).id)
    by = Canceller(actor="staff:clerk", is_staff=True, is_excused=True)
    await cancel(db, appointment_id=stage.rows[0].id, by=by)
    short = replace(stage.period, until=today() + timedelta(days=3))

    found = await what_if(db, period=short, rules=replace(RULES, per_week=1), key_ring=keys, now=utc_now())

    assert (found.total, found.checked) == (1, 1)


async def test_bookings_at_other_hospitals_count_as_they_do_when_booking(
    db: AsyncSession, stage: Stage, keys: KeyRing
) -> None:
    elsewhere = await make_clinic(db)
    await book(db, stage.booker, (await in_the_future(db, elsewhere, 5)).id)
    there = Period(hospital_id=elsewhere.hospital_id, since=today(), until=today() + timedelta(days=9))

    found = await what_if(db, period=there, rules=replace(RULES, per_week=3), key_ring=keys, now=utc_now())

    assert [kind.code for kind in found.refused] == ["weekly-limit"]


async def test_a_cancellation_that_was_excused_pauses_nobody(
    db: AsyncSession, stage: Stage, keys: KeyRing
) -> None:
    given_up = await book(db, stage.booker, (await in_the_future(db, stage.clinic, 6)).id)
    early = utc_now() - timedelta(hours=1)
    db.add(
        CreditEvent(
            hospital_id=stage.clinic.hospital_id,
            appointment_id=given_up.id,
            person_id=stage.booker.person_id,
            kind=CreditKind.CANCELLED,
            occurred_at=early,
        )
    )
    await db.flush()
    strict = replace(RULES, cancel_pause_count=1)

    counted = await what_if(db, period=stage.period, rules=strict, key_ring=keys, now=utc_now())
    await db.execute(
        update(CreditEvent).values(voided_at=utc_now(), voided_by="staff:1", void_reason="医院原因")
    )
    excused = await what_if(db, period=stage.period, rules=strict, key_ring=keys, now=utc_now())

    assert [(kind.code, kind.count) for kind in counted.refused] == [("booking-blocked", 4)]
    assert excused.refused_total == 0


async def test_of_too_many_bookings_some_people_are_judged_with_all_of_theirs(
    app: FastAPI, db: AsyncSession, keys: KeyRing
) -> None:
    clinic = await make_clinic(db)
    slots = [await make_slot(db, clinic=clinic, days=days, capacity=40) for days in (2, 3)]
    for _ in range(24):
        booker = await make_booker(db)
        for slot in slots:
            await book(db, booker, slot.id)
    await name_everybody(db, app.state.key_ring)
    period = Period(hospital_id=clinic.hospital_id, since=today(), until=today() + timedelta(days=9))

    found = await what_if(
        db, period=period, rules=replace(RULES, per_week=1), key_ring=keys, now=utc_now(), most=24
    )

    assert found.total == 48
    assert 0 < found.checked < 48
    assert found.checked % 2 == 0
    assert found.refused_total * 2 == found.checked


async def send(
    client: httpx.AsyncClient, stage: Stage, headers: dict[str, str], **overrides: Any
) -> httpx.Response:
    body: dict[str, Any] = {
        "rules": {"per_week": 1},
        "from": today().isoformat(),
        "to": (today() + timedelta(days=9)).isoformat(),
    }
    path = f"/api/v1/staff/hospitals/{stage.clinic.hospital_id}/rules/what-if"
    return await client.post(path, json=body | overrides, headers=headers)


async def test_through_the_front_door(client: httpx.AsyncClient, db: AsyncSession, stage: Stage) -> None:
    office = await staff_headers(db, hospital_id=stage.clinic.hospital_id)
    platform = await staff_headers(db, hospital_id=None, role="platform_admin")
    await db.commit()

    seen = (await send(client, stage, office)).json()
    unnamed = (await send(client, stage, platform)).json()

    assert (seen["checked"], seen["total"], seen["is_sample"], seen["refused_total"]) == (3, 3, False, 2)
    assert seen["refused"][0]["code"] == "weekly-limit"
    assert seen["examples"][0]["patient"] == "王*明"
    assert [(one["patient"], one["appointment_id"]) for one in unnamed["examples"]] == [(None, None)] * 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"rules": {"per_week": 0}}, "rules-invalid"),
        ({"to": (today() - timedelta(days=1)).isoformat()}, "invalid-request"),
        ({"to": (today() + timedelta(days=40)).isoformat()}, "invalid-request"),
        ({"from": "yesterday"}, "invalid-request"),
        ({"rules": []}, "invalid-request"),
    ],
)
async def test_what_cannot_be_tried_is_refused(
    client: httpx.AsyncClient, db: AsyncSession, stage: Stage, body: dict[str, Any], code: str
) -> None:
    headers = await staff_headers(db, hospital_id=stage.clinic.hospital_id)
    await db.commit()

    refused = await send(client, stage, headers, **body)

    assert (refused.status_code, refused.json()["code"]) == (422, code)


async def test_others_may_not_try(client: httpx.AsyncClient, db: AsyncSession, stage: Stage) -> None:
    desk = await staff_headers(db, hospital_id=stage.clinic.hospital_id, role="desk")
    foreign = await staff_headers(db, hospital_id=await make_hospital(db))
    await db.commit()

    assert (await send(client, stage, desk)).status_code == 403
    assert (await send(client, stage, foreign)).status_code == 404
