"""Every kind of refusal a patient can meet while booking, each as somebody comes into it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, BookingBlock
from guahao.identity.models.person import Patient, Person
from guahao.kernel.clock import CHINA, utc_now
from guahao.kernel.ids import new_id
from guahao.kernel.sex import Sex
from guahao.scheduling.models import Bucket, ClinicSession, SessionState, Slot
from guahao.scheduling.service.suspend import suspend
from tests.factories.scheduling import Clinic, make_clinic, make_session, put, slots_of


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A slot that looks bookable, and those the patient has to hold first for the rule to bite."""

    slot: Slot
    held_first: list[Slot] = field(default_factory=list)


Arrange = Callable[[AsyncSession], Awaitable[Scene]]
Meanwhile = Callable[[AsyncSession, Slot, UUID], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """`arrange` comes before the patient sees the slot, `meanwhile` between seeing and booking it."""

    code: str
    next_step: str
    arrange: Arrange
    meanwhile: Meanwhile | None = None


def _plain(*, clinic: dict[str, Any] | None = None, **overrides: Any) -> Arrange:
    async def arrange(db: AsyncSession) -> Scene:
        return Scene(slot=await _slot(db, await make_clinic(db, **clinic or {}), **overrides))

    return arrange


async def _slot(db: AsyncSession, clinic: Clinic, **overrides: Any) -> Slot:
    return (await slots_of(db, await make_session(db, clinic=clinic, **overrides)))[0]


def _two(*, rules: dict[str, Any], elsewhere: bool, **second: Any) -> Arrange:
    """A place held before, and one more that the rules do not allow beside it."""

    async def arrange(db: AsyncSession) -> Scene:
        here = await make_clinic(db, rules=rules)
        there = await make_clinic(db, hospital_id=here.hospital_id) if elsewhere else here
        return Scene(held_first=[await _slot(db, here)], slot=await _slot(db, there, **second))

    return arrange


async def _same_session(db: AsyncSession) -> Scene:
    early, late = await slots_of(db, await make_session(db, slots=2))
    return Scene(held_first=[early], slot=late)


async def _two_slots(db: AsyncSession) -> Scene:
    early, _ = await slots_of(db, await make_session(db, slots=2, capacity=1))
    return Scene(slot=early)


async def _suspend(db: AsyncSession, slot: Slot, _: UUID) -> None:
    await suspend(db, slot.session_id, reason="医生生病", by="staff:test")


async def _finish(db: AsyncSession, slot: Slot, _: UUID) -> None:
    await _change_session(db, slot, lifecycle=SessionState.FINISHED)


async def _postpone_release(db: AsyncSession, slot: Slot, _: UUID) -> None:
    later = utc_now() + timedelta(hours=1)
    await db.execute(
        update(Slot).where(Slot.hospital_id == slot.hospital_id, Slot.id == slot.id).values(released_at=later)
    )
    await _change_session(db, slot, release_at=later)


async def _change_session(db: AsyncSession, slot: Slot, **values: Any) -> None:
    await db.execute(
        update(ClinicSession)
        .where(ClinicSession.hospital_id == slot.hospital_id, ClinicSession.id == slot.session_id)
        .values(**values)
    )


async def _sell_out(db: AsyncSession, slot: Slot, _: UUID) -> None:
    fresh = await db.get_one(Slot, (slot.hospital_id, slot.id))
    await put(db, [fresh], {Bucket.FROZEN: fresh.free})


async def _person_of(db: AsyncSession, patient_id: UUID) -> Person:
    person_id = select(Patient.person_id).where(Patient.id == patient_id).scalar_subquery()
    return (await db.scalars(select(Person).where(Person.id == person_id))).one()


async def _unverify(db: AsyncSession, _: Slot, patient_id: UUID) -> None:
    person = await _person_of(db, patient_id)
    person.verified_at = None


async def _block(db: AsyncSession, slot: Slot, patient_id: UUID) -> None:
    person = await _person_of(db, patient_id)
    now = utc_now()
    db.add(
        BookingBlock(
            hospital_id=slot.hospital_id,
            id=new_id(slot.hospital_id),
            person_id=person.id,
            reason="cancelled",
            starts_at=now,
            ends_at=now + timedelta(days=7),
        )
    )


async def _let_a_week_pass(db: AsyncSession, slot: Slot, _: UUID) -> None:
    """What was held so far was held eight days ago."""
    await db.execute(
        update(Appointment)
        .where(Appointment.hospital_id == slot.hospital_id)
        .values(created_at=Appointment.created_at - timedelta(days=8))
    )


REFUSALS = (
    Refusal(code="session-suspended", next_step="看其他日期", arrange=_plain(), meanwhile=_suspend),
    Refusal(code="slot-over", next_step="看其他日期", arrange=_plain(), meanwhile=_finish),
    Refusal(
        code="slot-not-released", next_step="看放号倒计时", arrange=_plain(), meanwhile=_postpone_release
    ),
    Refusal(code="slot-full", next_step="看其他日期", arrange=_two_slots, meanwhile=_sell_out),
    Refusal(code="slot-sold-out", next_step="看其他日期", arrange=_plain(), meanwhile=_sell_out),
    Refusal(code="patient-not-verified", next_step="去核验就诊人", arrange=_plain(), meanwhile=_unverify),
    Refusal(code="already-booked", next_step="查看那个预约", arrange=_same_session),
    Refusal(
        code="department-day-limit",
        next_step="查看那个预约",
        arrange=_two(rules={}, elsewhere=False, starts=time(14)),
    ),
    Refusal(code="time-conflict", next_step="查看那个预约", arrange=_two(rules={}, elsewhere=True)),
    Refusal(
        code="daily-limit",
        next_step="我的预约",
        arrange=_two(rules={"per_day_hospital": 1}, elsewhere=True, starts=time(14)),
    ),
    Refusal(
        code="daily-departments-limit",
        next_step="我的预约",
        arrange=_two(rules={"per_day_departments": 1}, elsewhere=True, starts=time(14)),
    ),
    Refusal(
        code="weekly-limit",
        next_step="我的预约",
        arrange=_two(rules={"per_week": 1}, elsewhere=True, days=4),
    ),
    Refusal(
        code="monthly-limit",
        next_step="我的预约",
        arrange=_two(rules={"per_week": 1, "per_30_days": 1}, elsewhere=True, days=12),
        meanwhile=_let_a_week_pass,
    ),
    Refusal(code="booking-blocked", next_step="我的预约", arrange=_plain(), meanwhile=_block),
    Refusal(code="department-sex-limit", next_step="换一位就诊人", arrange=_plain(sex_limit=Sex.MALE)),
    Refusal(code="department-age-limit", next_step="换一位就诊人", arrange=_plain(max_age_years=14)),
)


def _quiet_now() -> dict[str, time]:
    now = datetime.combine(date(2024, 1, 1), utc_now().astimezone(CHINA).time())
    return {
        "quiet_from": (now - timedelta(hours=1)).time().replace(microsecond=0),
        "quiet_until": (now + timedelta(hours=2)).time().replace(microsecond=0),
    }


TOLD_BEFORE: dict[str, tuple[str, Arrange]] = {
    "booking-closed-now": (
        "医院现在不接受网上预约，请稍后再来",
        _plain(clinic={"rules": _quiet_now()}),
    ),
    "too-late-for-tomorrow": (
        "明天的号今天已停止预约，请换更晚的日期",
        _plain(clinic={"rules": {"next_day_stop_time": time(0)}}, days=1),
    ),
    "outside-booking-window": ("还没到可以预约这一天的时候，请换近一些的日期", _plain(days=15)),
}
"""Refusals that the slot itself foretells, so that nobody is let to submit in vain."""
