"""Whom a department sees holds for sessions that were made before it said so, at every door."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, AppointmentState
from guahao.booking.service.expire import expire_holds
from guahao.booking.service.late import accept_late_money
from guahao.catalog.models import Department
from guahao.catalog.queries import departments_by_ids, fees_of, rules_of
from guahao.kernel.clock import at_local, local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.sex import Sex
from guahao.scheduling.models import ClinicSession, Period
from guahao.scheduling.policy.plan import PlannedSession
from guahao.scheduling.service.create import Terms, create_sessions
from tests.factories.booking import Booker, appointment, book, hold, make_booker, overdue
from tests.factories.catalog import staff_headers
from tests.factories.person import make_patient
from tests.factories.scheduling import Clinic, counters, make_clinic, make_session, slots_of
from tests.factories.waiting import until_somebody_waits

pytestmark = pytest.mark.anyio
STAFF = "/api/v1/staff"
MAN = {"sex": Sex.MALE, "birth_date": date(1990, 1, 1)}
LIMITS: dict[str, tuple[dict[str, Any], str]] = {
    "women only": ({"sex_limit": Sex.FEMALE}, "department-sex-limit"),
    "children only": ({"max_age_years": 14}, "department-age-limit"),
    "the old only": ({"min_age_years": 60}, "department-age-limit"),
}


async def limit(db: AsyncSession, clinic: Clinic, **limits: Any) -> None:
    own = update(Department).where(
        Department.hospital_id == clinic.hospital_id, Department.id == clinic.department_id
    )
    await db.execute(own.values(**limits))


async def late_and_booked(
    db: AsyncSession, clinic: Clinic, payer: Booker, booker: Booker
) -> tuple[UUID, Any]:
    """An expired hold in the clinic whose money may come, and a booking elsewhere in the house."""
    paid = await make_session(db, clinic=clinic, fee_fen=5000, days=6)
    late = (await hold(db, payer, (await slots_of(db, paid))[0].id)).appointment_id
    await overdue(db, late)
    await expire_holds(db)
    elsewhere = await make_clinic(db, hospital_id=clinic.hospital_id)
    session = await make_session(db, clinic=elsewhere, fee_fen=0, days=4)
    return late, await book(db, booker, (await slots_of(db, session))[0].id)


async def code_of(answer: httpx.Response) -> str:
    return str(answer.json().get("code"))


@pytest.mark.parametrize("kind", LIMITS)
async def test_no_door_gives_a_place_to_somebody_whom_the_department_does_not_see_any_more(
    db: AsyncSession, client: httpx.AsyncClient, kind: str
) -> None:
    limits, code = LIMITS[kind]
    clinic = await make_clinic(db, fee_fen=0)
    slot = (await slots_of(db, await make_session(db, clinic=clinic, fee_fen=0)))[0]
    stranger, payer, booker = [await make_booker(db, **MAN) for _ in range(3)]
    late, booked = await late_and_booked(db, clinic, payer, booker)
    walk_in = await make_patient(db, None, hospital_id=clinic.hospital_id, **MAN)
    desk = await staff_headers(db, hospital_id=clinic.hospital_id, role="desk")
    await limit(db, clinic, **limits)
    await db.commit()
    wish = {"slot_id": str(slot.id), "patient_id": str(stranger.patient_id)}
    moved = {"slot_id": str(slot.id)}

    codes = {
        "hold": await client.post("/api/v1/appointments", json=wish, headers=stranger.headers),
        "compatible": await client.post("/api/appointment", json=wish, headers=stranger.headers),
        "desk": await client.post(
            f"{STAFF}/appointments", json=wish | {"patient_id": str(walk_in.id)}, headers=desk
        ),
        "overruled": await client.post(
            f"{STAFF}/appointments",
            json=wish | {"patient_id": str(walk_in.id), "overruling_reason": "病情需要"},
            headers=desk,
        ),
        "reschedule": await client.post(
            f"/api/v1/appointments/{booked.id}/reschedule", json=moved, headers=booker.headers
        ),
        "desk reschedule": await client.post(
            f"{STAFF}/appointments/{booked.id}/reschedule", json=moved, headers=desk
        ),
    }
    await accept_late_money(db, order_id=(await appointment(db, late)).order_id)
    await db.commit()

    assert {door: await code_of(answer) for door, answer in codes.items()} == dict.fromkeys(codes, code)
    assert (await appointment(db, late)).state is AppointmentState.EXPIRED
    assert await counters(db, slot.id) == {"free": 5}
    assert await db.scalar(select(func.count()).select_from(Appointment)) == 2


async def test_whoever_the_department_sees_again_can_book_and_past_sessions_stay_as_they_were(
    db: AsyncSession,
) -> None:
    clinic = await make_clinic(db, fee_fen=0, sex_limit=Sex.FEMALE)
    coming = await make_session(db, clinic=clinic, fee_fen=0, sex_limit=Sex.FEMALE)
    past = await make_session(db, clinic=clinic, fee_fen=0, days=-3, sex_limit=Sex.FEMALE)

    await limit(db, clinic, sex_limit=None)
    await book(db, await make_booker(db, **MAN), (await slots_of(db, coming))[0].id)

    for session in (coming, past):
        await db.refresh(session)
    assert (coming.sex_limit, past.sex_limit) == (None, Sex.FEMALE)


async def test_sessions_made_while_a_department_is_limited_have_its_new_limits(
    db: AsyncSession, sessions: Sessions
) -> None:
    clinic = await make_clinic(db)
    terms = Terms(
        rules=(await rules_of(db, hospital_id=clinic.hospital_id, now=utc_now())).rules,
        fees=await fees_of(db, hospital_id=clinic.hospital_id),
        departments=await departments_by_ids(db, [clinic.department_id]),
    )
    await db.commit()
    async with sessions() as limiting:
        await limit(limiting, clinic, sex_limit=Sex.FEMALE)
        making = asyncio.create_task(make_alone(sessions, planned_in(clinic), terms))
        await until_somebody_waits(sessions)
        await limiting.commit()

    made = await making
    session = await db.get_one(ClinicSession, (clinic.hospital_id, made), populate_existing=True)
    assert session.sex_limit is Sex.FEMALE


async def make_alone(sessions: Sessions, planned: PlannedSession, terms: Terms) -> UUID:
    async with transaction(sessions) as db:
        (made,) = await create_sessions(db, [planned], terms=terms)
    return made.id


def planned_in(clinic: Clinic) -> PlannedSession:
    day = local_date(utc_now()) + timedelta(days=5)
    starts_at = at_local(day, utc_now().time().replace(hour=9, minute=0, second=0, microsecond=0))
    return PlannedSession(
        hospital_id=clinic.hospital_id,
        doctor_id=clinic.doctor_id,
        department_id=clinic.department_id,
        campus_id=clinic.campus_id,
        template_id=None,
        room="1 诊室",
        level="general",
        own_level=False,
        date=day,
        period=Period.MORNING,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        slot_min=30,
        capacity_per_slot=5,
    )
