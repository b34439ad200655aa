"""Sessions and slots with everything they need; a test states only what it is about."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import (
    Campus,
    Department,
    Doctor,
    DoctorDepartment,
    DoctorLevel,
    FeeItem,
    FeeKind,
)
from guahao.kernel.clock import at_local, local_date, utc_now
from guahao.kernel.ids import hospital_of, new_id
from guahao.kernel.value.hours import EndTime
from guahao.scheduling.models import Bucket, ClinicSession, Period, SessionState, Slot, Suspension
from guahao.scheduling.service.places import Move, move
from guahao.scheduling.service.templates import TemplateRow
from tests.factories.catalog import make_hospital

LONG_AGO = datetime(2020, 1, 1, tzinfo=dt.UTC)
LAST = 9_999
"""Behind the departments that a hospital has of its own: tests share the demo's."""
_SETUP = "set-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """Where a session can take place."""

    hospital_id: int
    campus_id: UUID
    department_id: UUID
    doctor_id: UUID


async def make_clinic(
    db: AsyncSession,
    *,
    hospital_id: int | None = None,
    level: DoctorLevel = DoctorLevel.GENERAL,
    fee_fen: int = 5000,
    rules: dict[str, Any] | None = None,
    prices: bool = True,
    **department: Any,
) -> Clinic:
    """A hospital (unless given) with a campus, a department, a doctor and prices for all levels."""
    code = secrets.token_hex(4)
    if hospital_id is None:
        hospital_id = await make_hospital(db, rules=rules)
        db.add_all(_fee(hospital_id, each, fee_fen) for each in DoctorLevel if prices)
    ids = {name: new_id(hospital_id) for name in ("campus_id", "department_id", "doctor_id")}
    db.add(Campus(hospital_id=hospital_id, id=ids["campus_id"], code=f"C{code}", name="本院"))
    db.add(
        Department(
            hospital_id=hospital_id,
            id=ids["department_id"],
            code=f"D{code}",
            name="内科",
            **{"position": LAST} | department,
        )
    )
    db.add(Doctor(hospital_id=hospital_id, id=ids["doctor_id"], code=code, name="张医生", level=level))
    await db.flush()
    db.add(
        DoctorDepartment(
            hospital_id=hospital_id, doctor_id=ids["doctor_id"], department_id=ids["department_id"]
        )
    )
    await db.flush()
    return Clinic(hospital_id=hospital_id, **ids)


def _fee(hospital_id: int, level: DoctorLevel, fee_fen: int) -> FeeItem:
    return FeeItem(
        hospital_id=hospital_id,
        id=new_id(hospital_id),
        kind=FeeKind.REGISTRATION,
        level=level,
        fee_fen=fee_fen,
        effective_from=LONG_AGO.date(),
    )


async def make_session(
    db: AsyncSession,
    *,
    clinic: Clinic | None = None,
    hospital_id: int | None = None,
    capacity: int = 5,
    slots: int = 1,
    slot_min: int = 30,
    released: bool = True,
    days: int = 3,
    starts: dt.time = dt.time(8),
    pools: dict[Bucket, int] | None = None,
    **overrides: Any,
) -> ClinicSession:
    """A published session `days` from today with `slots` slots of `capacity` places, on sale at once.

    `pools` puts that many places of every slot into other buckets; `overrides` are session columns.
    Without `clinic` it gets one of its own, in `hospital_id` if given.
    """
    clinic = clinic or await make_clinic(db, hospital_id=hospital_id)
    date = overrides.pop("date", local_date(utc_now()) + timedelta(days=days))
    begins: datetime = overrides.pop("starts_at", at_local(date, starts))
    values: dict[str, Any] = {
        **asdict(clinic),
        "id": new_id(clinic.hospital_id),
        "room": f"R{secrets.token_hex(4)}",
        "level": "general",
        "date": date,
        "period": Period.MORNING,
        "starts_at": begins,
        "ends_at": begins + timedelta(minutes=slot_min) * slots,
        "release_at": utc_now() - timedelta(days=1 if released else -1),
        "fee_fen": 5000,
        "state": SessionState.PUBLISHED,
    }
    session = await _keep(db, **values | overrides)
    await put(db, await _cut(db, session, slots=slots, slot_min=slot_min, capacity=capacity), pools or {})
    return session


async def _keep(db: AsyncSession, *, state: SessionState, **values: Any) -> ClinicSession:
    is_suspended = state is SessionState.SUSPENDED
    session = ClinicSession(**values, lifecycle=SessionState.PUBLISHED if is_suspended else state)
    db.add(session)
    await db.flush()
    if is_suspended:
        await suspend_quietly(db, session)
    return session


async def suspend_quietly(db: AsyncSession, session: ClinicSession) -> None:
    """Let a session be suspended as it is, without moving a place or telling anybody."""
    suspension = Suspension(
        hospital_id=session.hospital_id,
        id=new_id(session.hospital_id),
        session_id=session.id,
        reason="医生生病",
        suspended_by="staff:test",
    )
    db.add(suspension)
    await db.flush()
    session.suspension_id = suspension.id
    await db.flush()


async def _cut(
    db: AsyncSession, session: ClinicSession, *, slots: int, slot_min: int, capacity: int
) -> list[Slot]:
    step = timedelta(minutes=slot_min)
    made = [
        Slot(
            hospital_id=session.hospital_id,
            id=new_id(session.hospital_id),
            session_id=session.id,
            starts_at=session.starts_at + step * number,
            ends_at=session.starts_at + step * (number + 1),
            released_at=session.release_at,
            capacity=capacity,
            free=capacity,
        )
        for number in range(slots)
    ]
    db.add_all(made)
    await db.flush()
    return made


async def put(db: AsyncSession, slots: list[Slot], pools: dict[Bucket, int]) -> None:
    """Move that many free places of every slot into other buckets, logged like any move."""
    moves = [
        Move(
            hospital_id=slot.hospital_id,
            slot_id=slot.id,
            source=Bucket.FREE,
            target=bucket,
            reason=_SETUP,
            places=places,
        )
        for slot in slots
        for bucket, places in pools.items()
    ]
    assert await move(db, moves)
    for slot in slots:
        await db.refresh(slot)


async def slots_of(db: AsyncSession, session: ClinicSession) -> list[Slot]:
    """The session's slots in time order, with fresh counters."""
    rows = await db.scalars(
        select(Slot)
        .where(Slot.hospital_id == session.hospital_id, Slot.session_id == session.id)
        .order_by(Slot.starts_at)
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def make_slot(db: AsyncSession, **overrides: Any) -> Slot:
    """One slot in a session of its own; takes what `make_session` takes."""
    session = await make_session(db, **{"slots": 1, **overrides})
    return (await slots_of(db, session))[0]


async def counters(db: AsyncSession, slot_id: UUID) -> dict[str, int]:
    """The slot's buckets that are not empty, `addons` included."""
    slot = await db.get_one(Slot, (hospital_of(slot_id), slot_id), populate_existing=True)
    names = ("addons", *(bucket.value for bucket in Bucket))
    return {name: getattr(slot, name) for name in names if getattr(slot, name)}


def template_row(clinic: Clinic, **overrides: Any) -> TemplateRow:
    """A Monday morning from 8 to 10 with 5 places per half hour."""
    values: dict[str, Any] = {
        "hospital_id": clinic.hospital_id,
        "doctor_id": clinic.doctor_id,
        "department_id": clinic.department_id,
        "campus_id": clinic.campus_id,
        "weekday": 0,
        "period": Period.MORNING,
        "starts": dt.time(8),
        "ends": EndTime.at(dt.time(10)),
        "slot_min": 30,
        "capacity_per_slot": 5,
        "room": "301",
        "level": "general",
        "valid_from": dt.date(2026, 1, 1),
    }
    return TemplateRow(**values | overrides)
