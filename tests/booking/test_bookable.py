from __future__ import annotations

import datetime as dt
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.policy import refusal_of_slot
from guahao.catalog.queries import Rules
from guahao.kernel.clock import at_local, local_date
from guahao.scheduling.models import ClosedBy, SessionState
from guahao.scheduling.policy.bookable import WhyNot, why_not_shown
from guahao.scheduling.queries.facts import SlotOnSale
from tests.factories.booking import make_booker
from tests.factories.scheduling import make_clinic, make_slot

NOON = at_local(dt.date(2026, 11, 30), dt.time(12))
HOUR = timedelta(hours=1)

rules = st.builds(
    lambda window, quiet, stop: replace(
        Rules(),
        booking_window_days=window,
        quiet_from=quiet and dt.time(quiet),
        quiet_until=quiet and dt.time((quiet + 6) % 24),
        next_day_stop_time=stop and dt.time(stop),
    ),
    st.integers(1, 30),
    st.none() | st.integers(1, 23),
    st.none() | st.integers(1, 23),
)


@st.composite
def slots(draw: st.DrawFn) -> SlotOnSale:
    starts_at = NOON + timedelta(minutes=draw(st.integers(-3 * 24 * 60, 40 * 24 * 60)))
    return SlotOnSale(
        hospital_id=1,
        session_id=uuid4(),
        department_id=uuid4(),
        date=local_date(starts_at),
        state=draw(st.sampled_from(SessionState)),
        starts_at=starts_at,
        ends_at=starts_at + HOUR / 2,
        released_at=starts_at - draw(st.integers(0, 45 * 24)) * HOUR,
        closed_by=draw(st.none() | st.sampled_from(ClosedBy)),
        now=NOON + draw(st.integers(0, 23)) * HOUR,
    )


@given(slot=slots(), rules=rules, places=st.integers(0, 2))
def test_what_is_shown_is_what_the_doors_answer(slot: SlotOnSale, rules: Rules, places: int) -> None:
    shown = why_not_shown(slot, rules, ends_at=slot.ends_at, places=places, now=slot.now)
    refused = refusal_of_slot(slot, rules)

    assert (shown is None) == (refused is None and places > 0)
    if refused is not None and shown is not WhyNot.FULL:
        assert refused.code in told_as(shown)


def told_as(shown: WhyNot | None) -> set[str]:
    """The refusals that a word on the page may come with."""
    words = {
        WhyNot.SUSPENDED: {"session-suspended"},
        WhyNot.PAST: {"slot-over"},
        WhyNot.CLOSED: {"slot-over", *ClosedBy},
        WhyNot.NOT_RELEASED: {"slot-not-released", "outside-booking-window"},
    }
    return words.get(shown, {shown}) if shown else set()


GRID: list[dict[str, Any]] = [
    {"days": days, "released": released, "capacity": capacity, "closed_by": closed_by}
    for days in (2, 10)
    for released in (True, False)
    for capacity in (0, 2)
    for closed_by in (None, ClosedBy.DEPARTMENT)
]


@pytest.mark.anyio
@pytest.mark.parametrize("window", [7, 14])
async def test_the_board_and_the_hold_agree_over_window_release_places_and_closing(
    db: AsyncSession, client: httpx.AsyncClient, window: int
) -> None:
    clinic = await make_clinic(db, rules={"booking_window_days": window})
    asked: list[tuple[str, dict[str, str]]] = []
    for number, case in enumerate(GRID):
        values = dict(case)
        closed_by = values.pop("closed_by")
        slot = await make_slot(db, clinic=clinic, starts=dt.time(8 + number), **values)
        slot.closed_by = closed_by
        booker = await make_booker(db)
        asked.append((str(slot.id), booker.headers | {"patient": str(booker.patient_id)}))
    await db.commit()
    board = (await client.get(f"/api/v1/doctors/{clinic.doctor_id}/sessions")).json()["items"]
    shown = {slot["id"]: slot["bookable"] for session in board for slot in session["slots"]}

    taken = {}
    for slot_id, headers in asked:
        patient = headers.pop("patient")
        answer = await client.post(
            "/api/v1/appointments", json={"slot_id": slot_id, "patient_id": patient}, headers=headers
        )
        taken[slot_id] = answer.status_code == 201

    assert taken == shown
    assert sum(taken.values()) == (2 if window == 14 else 1)


@pytest.mark.anyio
async def test_a_session_on_sale_is_not_bookable_once_the_window_ends_before_it(
    db: AsyncSession, client: httpx.AsyncClient
) -> None:
    clinic = await make_clinic(db, rules={"booking_window_days": 7})
    slot = await make_slot(db, clinic=clinic, days=10)
    await db.commit()

    doctor = (await client.get(f"/api/v1/doctors/{clinic.doctor_id}/sessions")).json()["items"]
    department = await client.get(f"/api/v1/departments/{clinic.department_id}/doctors")

    (shown,) = doctor[0]["slots"]
    assert (shown["bookable"], shown["reason"]) == (False, "outside-booking-window")
    (day,) = department.json()["items"][0]["days"]
    opens_at = at_local(local_date(slot.starts_at) - timedelta(days=7), dt.time(0))
    assert (day["state"], day["free"]) == ("upcoming", 0)
    assert datetime.fromisoformat(day["release_at"]) == opens_at
