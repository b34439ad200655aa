from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, AppointmentState
from guahao.booking.service.expire import expire_holds
from guahao.booking.service.late import accept_late_money
from guahao.catalog.models import Campus, Department, Doctor, DoctorDepartment, DoctorLevel, Hospital
from guahao.catalog.queries import departments_by_ids, fees_of, rules_of
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import Problem
from guahao.scheduling.models import ClinicSession, ScheduleTemplate, SessionState, Slot
from guahao.scheduling.policy.plan import PlannedSession
from guahao.scheduling.service.create import Terms, create_sessions
from guahao.scheduling.service.templates import upsert_template
from tests.factories.booking import appointment, book, hold, make_booker, overdue
from tests.factories.catalog import make_department, staff_headers
from tests.factories.person import make_patient
from tests.factories.scheduling import Clinic, counters, make_clinic, make_session, slots_of, template_row
from tests.factories.waiting import until_somebody_waits

pytestmark = pytest.mark.anyio
STAFF = "/api/v1/staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A clinic with a session on sale, a draft beside it, and staff who may do everything."""

    db: AsyncSession
    client: httpx.AsyncClient
    clinic: Clinic
    session: ClinicSession
    slot: Slot
    draft: ClinicSession
    headers: dict[str, str]
    desk: dict[str, str]


async def world_of(db: AsyncSession, client: httpx.AsyncClient) -> World:
    clinic = await make_clinic(db, fee_fen=0)
    template = template_row(clinic, weekday=(utc_now() + timedelta(days=3)).weekday())
    template_id = await upsert_template(db, template, by="system", now=utc_now())
    session = await make_session(db, clinic=clinic, fee_fen=0, template_id=template_id)
    draft = await make_session(
        db, clinic=clinic, fee_fen=0, days=5, state=SessionState.DRAFT, template_id=template_id
    )
    headers = await staff_headers(db, hospital_id=clinic.hospital_id)
    desk = await staff_headers(db, hospital_id=clinic.hospital_id, role="desk")
    slot = (await slots_of(db, session))[0]
    return World(
        db=db,
        client=client,
        clinic=clinic,
        session=session,
        slot=slot,
        draft=draft,
        headers=headers,
        desk=desk,
    )


Way = Callable[[World], Awaitable[None]]


def edit(model: type[Any], key: Callable[[Clinic], UUID], **values: Any) -> Way:
    async def way(world: World) -> None:
        await world.db.execute(
            update(model)
            .where(model.hospital_id == world.clinic.hospital_id, model.id == key(world.clinic))
            .values(**values)
        )

    return way


async def close_hospital(world: World) -> None:
    await world.db.execute(
        update(Hospital).where(Hospital.id == world.clinic.hospital_id).values(state="closed")
    )


async def close_parent(world: World) -> None:
    parent_id = await make_department(world.db, hospital_id=world.clinic.hospital_id)
    await edit(Department, lambda clinic: clinic.department_id, parent_id=parent_id)(world)
    await world.db.execute(update(Department).where(Department.id == parent_id).values(is_active=False))


async def move_doctor(world: World) -> None:
    other = await make_department(world.db, hospital_id=world.clinic.hospital_id)
    membership = update(DoctorDepartment).where(DoctorDepartment.doctor_id == world.clinic.doctor_id)
    await world.db.execute(membership.values(department_id=other))


async def end_template(world: World) -> None:
    own = update(ScheduleTemplate).where(ScheduleTemplate.hospital_id == world.clinic.hospital_id)
    await world.db.execute(own.values(valid_until=local_date(utc_now())))


CLOSED: dict[str, tuple[str, Way]] = {
    "hospital closed": ("hospital-closed", close_hospital),
    "campus inactive": ("campus-closed", edit(Campus, lambda clinic: clinic.campus_id, is_active=False)),
    "department inactive": (
        "department-closed",
        edit(Department, lambda clinic: clinic.department_id, is_active=False),
    ),
    "department above inactive": ("department-closed", close_parent),
    "doctor inactive": ("doctor-inactive", edit(Doctor, lambda clinic: clinic.doctor_id, is_active=False)),
    "doctor moved": ("doctor-not-in-department", move_doctor),
    "level of another": (
        "level-differs",
        edit(Doctor, lambda clinic: clinic.doctor_id, level=DoctorLevel.SPECIAL),
    ),
    "template ended": ("template-ended", end_template),
}


async def code_of(answer: Awaitable[httpx.Response]) -> str:
    body = (await answer).json()
    return str(body.get("code"))


async def by_all_doors(world: World, late: UUID, booked: Appointment, booker: Any) -> dict[str, str]:
    stranger = await make_booker(world.db)
    slot_id = str(world.slot.id)
    wish = {"slot_id": slot_id, "patient_id": str(stranger.patient_id)}
    client, session = world.client, f"{STAFF}/sessions/{world.session.id}"
    walk_in = wish | {
        "patient_id": str((await make_patient(world.db, None, hospital_id=world.clinic.hospital_id)).id)
    }
    await world.db.commit()
    return {
        "hold": await code_of(client.post("/api/v1/appointments", json=wish, headers=stranger.headers)),
        "compatible": await code_of(client.post("/api/appointment", json=wish, headers=stranger.headers)),
        "desk": await code_of(client.post(f"{STAFF}/appointments", json=walk_in, headers=world.desk)),
        "reschedule": await code_of(
            client.post(
                f"/api/v1/appointments/{booked.id}/reschedule",
                json={"slot_id": slot_id},
                headers=booker.headers,
            )
        ),
        "desk reschedule": await code_of(
            client.post(
                f"{STAFF}/appointments/{booked.id}/reschedule", json={"slot_id": slot_id}, headers=world.desk
            )
        ),
        "late money": await by_late_money(world, late),
        "add-on": await code_of(
            client.post(
                f"{session}/addons",
                json={"slot_id": slot_id, "places": 1, "reason": "复查"},
                headers=world.headers,
            )
        ),
        "publish": await code_of(
            client.post(f"{STAFF}/sessions/{world.draft.id}/publish", headers=world.headers)
        ),
    }


async def by_late_money(world: World, late: UUID) -> str:
    """The place stays free: the judgement is told by nothing else, since the money just goes back."""
    await accept_late_money(world.db, order_id=(await appointment(world.db, late)).order_id)
    await world.db.commit()
    row = await appointment(world.db, late)
    return "refused" if row.state is AppointmentState.EXPIRED else str(row.state)


@pytest.mark.parametrize("way", CLOSED)
async def test_no_door_takes_a_place_of_what_is_closed_and_none_is_shown(
    db: AsyncSession, client: httpx.AsyncClient, way: str
) -> None:
    code, close = CLOSED[way]
    world = await world_of(db, client)
    elsewhere = await make_session(
        db, clinic=await make_clinic(db, hospital_id=world.clinic.hospital_id), fee_fen=0, days=4
    )
    booker, payer = await make_booker(db), await make_booker(db)
    booked = await book(db, booker, (await slots_of(db, elsewhere))[0].id)
    paid = await make_session(
        db, clinic=world.clinic, fee_fen=5000, days=6, template_id=world.session.template_id
    )
    late = (await hold(db, payer, (await slots_of(db, paid))[0].id)).appointment_id
    await overdue(db, late)
    await expire_holds(db)
    await close(world)
    await db.commit()
    places = await counters(db, world.slot.id)
    appointments = await db.scalar(select(func.count()).select_from(Appointment))

    codes = await by_all_doors(world, late, booked, booker)

    assert codes == dict.fromkeys(codes, code) | {"late money": "refused"}
    assert await counters(db, world.slot.id) == places
    assert await db.scalar(select(func.count()).select_from(Appointment)) == appointments
    assert await shown(world) == (None if code == "hospital-closed" else code)
    assert await at_desk(world) == code


async def shown(world: World) -> str | None:
    """The word of the doctor's page; a closed hospital's pages are not there at all."""
    answer = await world.client.get(f"/api/v1/doctors/{world.clinic.doctor_id}/sessions")
    if answer.status_code == 404:
        return None
    (session,) = [one for one in answer.json()["items"] if one["id"] == str(world.session.id)]
    (slot,) = session["slots"]
    assert not slot["bookable"]
    return str(slot["reason"])


async def at_desk(world: World) -> str | None:
    answer = await world.client.get(
        f"{STAFF}/desk/slots",
        params={"hospital_id": world.clinic.hospital_id, "date": world.session.date.isoformat()},
        headers=world.desk,
    )
    (session,) = answer.json()["sessions"]
    (slot,) = session["slots"]
    return str(slot["reason"])


@pytest.mark.parametrize("way", CLOSED)
async def test_a_place_can_be_had_again_when_what_was_closed_opens(
    db: AsyncSession, client: httpx.AsyncClient, way: str
) -> None:
    _, close = CLOSED[way]
    world = await world_of(db, client)
    async with db.begin_nested() as before:
        await close(world)
        assert await closed_slots(db) == 2
        await before.rollback()

    assert await closed_slots(db) == 0


async def closed_slots(db: AsyncSession) -> int:
    return await db.scalar(select(func.count()).where(Slot.closed_by.is_not(None))) or 0


@pytest.mark.parametrize("way", CLOSED)
async def test_nothing_is_planned_in_what_is_closed(
    db: AsyncSession, client: httpx.AsyncClient, way: str
) -> None:
    _, close = CLOSED[way]
    world = await world_of(db, client)
    await close(world)
    planned = await planned_beside(world)

    made = await create_sessions(db, [planned], terms=await terms_of(db, world))

    assert made == []


async def planned_beside(world: World) -> PlannedSession:
    """Like the world's session, a week later."""
    session, later = world.session, timedelta(days=7)
    return PlannedSession(
        hospital_id=session.hospital_id,
        doctor_id=session.doctor_id,
        department_id=session.department_id,
        campus_id=session.campus_id,
        template_id=session.template_id,
        room=session.room,
        level=session.level,
        own_level=False,
        date=session.date + later,
        period=session.period,
        starts_at=session.starts_at + later,
        ends_at=session.ends_at + later,
        slot_min=30,
        capacity_per_slot=5,
    )


async def terms_of(db: AsyncSession, world: World) -> Terms:
    hospital_id = world.clinic.hospital_id
    return Terms(
        rules=(await rules_of(db, hospital_id=hospital_id, now=utc_now())).rules,
        fees=await fees_of(db, hospital_id=hospital_id),
        departments=await departments_by_ids(db, [world.clinic.department_id]),
    )


async def test_a_booking_that_waits_for_a_closing_is_refused_by_it(
    db: AsyncSession, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    world = await world_of(db, client)
    booker = await make_booker(db)
    await db.commit()
    async with sessions() as closing:
        await CLOSED["department inactive"][1](on(world, closing))
        booking = asyncio.create_task(hold_alone(sessions, booker, world.slot.id))
        await until_somebody_waits(sessions)
        await closing.commit()

    assert await booking == "department-closed"
    assert await counters(db, world.slot.id) == {"free": 5}


async def test_a_closing_that_waits_for_a_booking_leaves_it_booked(
    db: AsyncSession, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    world = await world_of(db, client)
    booker = await make_booker(db)
    await db.commit()
    async with sessions() as booking:
        await hold(booking, booker, world.slot.id)
        closing = asyncio.create_task(close_alone(sessions, world))
        await until_somebody_waits(sessions)
        await booking.commit()
    await closing

    slot = await db.get_one(Slot, (world.slot.hospital_id, world.slot.id), populate_existing=True)
    assert (slot.booked, slot.closed_by) == (1, "department-closed")


async def test_sessions_made_while_a_department_closes_are_closed_with_it(
    db: AsyncSession, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    world = await world_of(db, client)
    await db.commit()
    async with sessions() as planning:
        (made,) = await create_sessions(
            planning, [await planned_beside(world)], terms=await terms_of(planning, world)
        )
        closing = asyncio.create_task(close_alone(sessions, world))
        await until_somebody_waits(sessions)
        await planning.commit()
    await closing

    closed = await db.scalars(select(Slot.closed_by).where(Slot.session_id == made.id))
    assert set(closed) == {"department-closed"}


def on(world: World, db: AsyncSession) -> World:
    values = {name: getattr(world, name) for name in World.__slots__}
    return World(**values | {"db": db})


async def hold_alone(sessions: Sessions, booker: Any, slot_id: UUID) -> str:
    try:
        async with transaction(sessions) as db:
            await hold(db, booker, slot_id)
    except Problem as problem:
        return problem.code
    return "held"


async def close_alone(sessions: Sessions, world: World) -> None:
    async with transaction(sessions) as db:
        await CLOSED["department inactive"][1](on(world, db))
