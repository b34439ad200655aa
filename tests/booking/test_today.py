from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.api_staff.today import SEEN_BY
from guahao.booking.models import Appointment, AppointmentEvent
from guahao.booking.queries.today import NeedKind, bookings_of_day
from guahao.catalog.models import DoctorLevel, FeeChange, FeeChangeState, FeeKind, HospitalState
from guahao.identity.policy.permission import HOSPITAL_ROLES, Role
from guahao.kernel.clock import at_local, utc_now
from guahao.kernel.events import EventRow, EventState
from guahao.kernel.ids import first_id, hospital_of, new_id
from guahao.payment.models import CaseKind, FinanceCase
from guahao.scheduling.models import Bucket, SessionState
from tests.factories.booking import book, make_booker
from tests.factories.catalog import make_hospital, staff_headers
from tests.factories.days import today
from tests.factories.person import make_patient
from tests.factories.scheduling import Clinic, make_clinic, make_session, make_slot

pytestmark = pytest.mark.anyio

EARLY = datetime.fromisoformat("2026-01-02T03:04:05Z")


async def today_of(
    client: httpx.AsyncClient, db: AsyncSession, hospital_id: int, role: str = "hospital_admin"
) -> dict[str, Any]:
    headers = await staff_headers(db, hospital_id=hospital_id, role=role)
    await db.commit()
    answer = await client.get(f"/api/v1/staff/hospitals/{hospital_id}/today", headers=headers)
    assert answer.status_code == 200, answer.text
    seen: dict[str, Any] = answer.json()
    return seen


async def platform_of(client: httpx.AsyncClient, db: AsyncSession, role: str) -> dict[str, Any]:
    headers = await staff_headers(db, hospital_id=None, role=role)
    await db.commit()
    answer = await client.get("/api/v1/staff/platform/today", headers=headers)
    assert answer.status_code == 200, answer.text
    seen: dict[str, Any] = answer.json()
    return seen


def dead_letter(hospital_id: int) -> EventRow:
    return EventRow(
        hospital_id=hospital_id,
        id=new_id(hospital_id),
        name="X",
        payload={},
        state=EventState.DEAD,
        occurred_at=EARLY,
    )


def case_of(hospital_id: int) -> FinanceCase:
    return FinanceCase(
        hospital_id=hospital_id,
        id=new_id(hospital_id),
        kind=CaseKind.BILL_LONG,
        subject="transaction:1",
        evidence={},
        opened_at=EARLY,
    )


def fee_change_of(hospital_id: int) -> FeeChange:
    return FeeChange(
        hospital_id=hospital_id,
        id=new_id(hospital_id),
        kind=FeeKind.REGISTRATION,
        level=DoctorLevel.EXPERT,
        fee_fen=90_000,
        effective_from=today(),
        state=FeeChangeState.PROPOSED,
        proposed_by="staff:1",
        proposed_at=EARLY,
    )


async def family_with_a_child_unseen(db: AsyncSession, clinic: Clinic) -> None:
    booker = await make_booker(db)
    await book(db, booker, (await make_slot(db, clinic=clinic)).id)
    await make_patient(db, booker.account_id, verified=False)


async def full_department(db: AsyncSession, clinic: Clinic) -> None:
    await make_session(db, clinic=clinic, days=1, capacity=3, pools={Bucket.BOOKED: 3})


async def busy_hospital(db: AsyncSession) -> int:
    """One of everything that needs somebody, and the same in another hospital."""
    for _ in range(2):
        clinic = await make_clinic(db)
        await family_with_a_child_unseen(db, clinic)
        await full_department(db, await make_clinic(db, hospital_id=clinic.hospital_id))
        db.add_all(made(clinic.hospital_id) for made in (dead_letter, case_of, fee_change_of))
    await db.flush()
    return clinic.hospital_id


def test_every_kind_of_need_says_who_is_told() -> None:
    assert set(SEEN_BY) == set(NeedKind)


TOLD = {
    "hospital_admin": {"dead_letters", "fee_changes_waiting", "low_places"},
    "desk": {"unverified_patients"},
    "nurse": set(),
    "doctor": set(),
    "finance": {"finance_cases", "fee_changes_waiting"},
    "auditor": {"finance_cases"},
}


@pytest.mark.parametrize("role", sorted(HOSPITAL_ROLES))
async def test_each_is_told_what_they_can_do_something_about(
    client: httpx.AsyncClient, db: AsyncSession, role: Role
) -> None:
    seen = await today_of(client, db, await busy_hospital(db), role)

    assert {need["kind"] for need in seen["needs"]} == TOLD[role]
    assert {need["count"] for need in seen["needs"]} <= {1}
    sees_bookings = role in {"hospital_admin", "desk", "nurse"}  # a doctor is shown the own sessions
    assert (seen["bookings_by_hour"] is not None) == sees_bookings
    assert (seen["fill_by_department"] is not None) == sees_bookings


async def test_a_need_says_since_when(client: httpx.AsyncClient, db: AsyncSession) -> None:
    seen = await today_of(client, db, await busy_hospital(db))

    since = {need["kind"]: need["oldest_at"] for need in seen["needs"]}
    assert since["dead_letters"] == "2026-01-02T03:04:05Z"
    assert since["low_places"] is None


async def test_a_quiet_hospital_needs_nobody(client: httpx.AsyncClient, db: AsyncSession) -> None:
    seen = await today_of(client, db, await make_hospital(db))

    assert (seen["needs"], seen["fill_by_department"], seen["next_release"]) == ([], [], None)
    assert seen["low_places"] == {"departments": [], "sessions": []}
    assert len(seen["bookings_by_hour"]["today"]["hours"]) == 24


async def test_what_somebody_has_dealt_with_needs_nobody(client: httpx.AsyncClient, db: AsyncSession) -> None:
    hospital_id = await busy_hospital(db)
    await db.execute(update(EventRow).values(state=EventState.DONE))
    await db.execute(
        update(FeeChange).values(state=FeeChangeState.REJECTED, decided_by="staff:2", decided_at=utc_now())
    )

    seen = await today_of(client, db, hospital_id)

    assert [need["kind"] for need in seen["needs"]] == ["low_places"]


async def test_departments_are_told_by_how_full_they_are(client: httpx.AsyncClient, db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    other = await make_clinic(db, hospital_id=clinic.hospital_id)
    await make_session(db, clinic=clinic, days=2, slots=2, pools={Bucket.BOOKED: 1, Bucket.DESK: 1})
    await make_session(db, clinic=other, days=1, capacity=4, pools={Bucket.BOOKED: 3, Bucket.HELD: 1})
    await make_session(db, clinic=other, days=5, state=SessionState.SUSPENDED)
    await make_session(db, clinic=other, days=7)
    await make_session(db, clinic=clinic, days=6, capacity=2, released=False)

    seen = await today_of(client, db, clinic.hospital_id)

    fill = [
        (one["department_id"], one["places"], one["taken"], one["free"]) for one in seen["fill_by_department"]
    ]
    assert fill == [(str(other.department_id), 4, 4, 0), (str(clinic.department_id), 12, 2, 6)]
    assert [one["department_id"] for one in seen["low_places"]["departments"]] == [str(other.department_id)]


async def test_sessions_nearly_full_are_named_soonest_first(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    clinic = await make_clinic(db)
    for days, left in ((2, 1), (1, 2), (1, 0), (1, 3), (3, 1)):
        starts = time(8 + left)
        await make_session(
            db, clinic=clinic, days=days, starts=starts, capacity=20, pools={Bucket.BOOKED: 20 - left}
        )

    seen = await today_of(client, db, clinic.hospital_id)

    named = [(one["date"], one["free"], one["doctor"]) for one in seen["low_places"]["sessions"]]
    tomorrow, next_day = today() + timedelta(days=1), today() + timedelta(days=2)
    assert named == [(tomorrow.isoformat(), 2, "张医生"), (next_day.isoformat(), 1, "张医生")]


async def test_the_next_release_is_what_goes_on_sale_together(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    clinic = await make_clinic(db)
    other = await make_clinic(db, hospital_id=clinic.hospital_id)
    at = utc_now().replace(microsecond=0) + timedelta(hours=2)
    await make_session(db, clinic=clinic, days=10, release_at=at, pools={Bucket.DESK: 2})
    await make_session(db, clinic=other, days=10, release_at=at + timedelta(minutes=10), slots=2)
    await make_session(db, clinic=other, days=11, release_at=at + timedelta(minutes=11))
    await make_session(
        db, clinic=clinic, days=9, release_at=at - timedelta(hours=1), state=SessionState.DRAFT
    )

    seen = await today_of(client, db, clinic.hospital_id)

    assert seen["next_release"] == {
        "at": at.isoformat().replace("+00:00", "Z"),
        "sessions": 2,
        "places": 13,
    }


async def made_at(db: AsyncSession, appointment: Appointment, moment: datetime) -> None:
    """Let a booking have been made at another moment, its id too."""
    hospital_id = hospital_of(appointment.id)
    id_ = UUID(int=first_id(moment).int | new_id(hospital_id).int & ((1 << 80) - 1))
    values = {"id": id_, "created_at": moment}
    its_events = update(AppointmentEvent).where(AppointmentEvent.appointment_id == appointment.id)
    await db.execute(text("SET LOCAL session_replication_role = replica"))
    await db.execute(update(Appointment).where(Appointment.id == appointment.id).values(values))
    await db.execute(its_events.values(appointment_id=id_))
    await db.execute(text("SET LOCAL session_replication_role = origin"))


async def test_bookings_are_counted_in_the_hour_they_were_made(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    day = today() - timedelta(days=40)
    second = timedelta(seconds=1)
    moments = [
        at_local(day, time(0)),
        at_local(day, time(8)) - second,
        at_local(day, time(8)),
        at_local(day, time(8, 59)),
        at_local(day, time(0)) - second,
        at_local(day + timedelta(days=1), time(0)),
        at_local(day + timedelta(days=1), time(0)) - second,
    ]
    slot = await make_slot(db, clinic=clinic, capacity=len(moments))
    for moment in moments:
        await made_at(db, await book(db, await make_booker(db), slot.id), moment)
    await db.execute(update(Appointment).where(Appointment.created_at == moments[3]).values(channel="phone"))

    found = await bookings_of_day(db, hospital_id=clinic.hospital_id, day=day)

    counted = {one.hour: (one.online, one.desk, one.phone) for one in found.hours if one.online + one.phone}
    assert counted == {0: (1, 0, 0), 7: (1, 0, 0), 8: (1, 0, 1), 23: (1, 0, 0)}
    assert found.day == day


async def test_today_stands_beside_the_same_weekday_of_last_week(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    clinic = await make_clinic(db)
    slot = await make_slot(db, clinic=clinic)
    for moment in (utc_now(), utc_now() - timedelta(days=7)):
        await made_at(db, await book(db, await make_booker(db), slot.id), moment)

    seen = (await today_of(client, db, clinic.hospital_id, "desk"))["bookings_by_hour"]

    totals = {name: sum(one["online"] for one in seen[name]["hours"]) for name in ("today", "last_week")}
    assert totals == {"today": 1, "last_week": 1}
    days = [date.fromisoformat(seen[name]["day"]) for name in ("last_week", "today")]
    assert days[1] - days[0] == timedelta(days=7)


async def test_the_platform_sees_what_no_hospital_looks_after(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    await busy_hospital(db)
    db.add(case_of(0))
    await db.flush()

    admin = await platform_of(client, db, "platform_admin")
    finance = await platform_of(client, db, "finance")

    assert [(need["kind"], need["count"]) for need in admin["needs"]] == [
        ("dead_letters", 2),
        ("no_release", 2),
    ]
    assert [(need["kind"], need["count"]) for need in finance["needs"]] == [("finance_cases", 1)]


async def test_an_open_hospital_with_nothing_to_release_is_named(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    empty, closed = await make_hospital(db), await make_hospital(db, state=HospitalState.CLOSED)
    over, fine = await make_clinic(db), await make_clinic(db)
    sold = await make_session(db, clinic=over, days=3)
    await make_session(db, clinic=fine, days=3)
    await make_session(db, clinic=fine, days=14, released=False)

    named = (await platform_of(client, db, "platform_admin"))["hospitals_without_release"]

    told = {one["hospital_id"]: one["last_release_at"] for one in named}
    assert set(told) == {str(empty), str(over.hospital_id)}
    assert told[str(empty)] is None
    assert datetime.fromisoformat(told[str(over.hospital_id)]) == sold.release_at
    assert closed not in told


async def test_other_hospitals_and_the_platform_are_closed_to_hospital_staff(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    headers = await staff_headers(db, hospital_id=await make_hospital(db))
    foreign = await make_hospital(db)
    await db.commit()

    answers = [
        await client.get(f"/api/v1/staff/{path}", headers=headers)
        for path in (
            f"hospitals/{foreign}/today",
            "hospitals/4711/today",
            "hospitals/x/today",
            "platform/today",
        )
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
