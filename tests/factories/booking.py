"""People who book, and bookings made through the services."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment
from guahao.booking.service.confirm import confirm
from guahao.booking.service.hold import write_hold
from guahao.booking.service.plan import HoldPlan, HoldRequest, plan_hold
from guahao.identity.models.account import Account, Login, LoginKind
from guahao.identity.models.person import Person
from guahao.identity.service.token import hash_of, new_token
from guahao.kernel.clock import utc_now
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.events import EventRow
from guahao.kernel.ids import hospital_of, new_id
from guahao.kernel.sex import Sex
from guahao.payment.models import Order
from guahao.scheduling.models import PlaceLog
from tests.factories.payment import pay
from tests.factories.person import make_patient


@dataclass(frozen=True, slots=True, kw_only=True)
class Booker:
    """An account with one patient and a token to log in with."""

    account_id: UUID
    patient_id: UUID
    person_id: UUID
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """The header of a logged-in client."""
        return {"Authorization": f"Bearer {self.token}"}


async def make_booker(
    db: AsyncSession,
    *,
    person: Person | None = None,
    birth_date: date = date(1990, 1, 1),
    sex: Sex = Sex.FEMALE,
    verified: bool = True,
) -> Booker:
    account = Account(id=new_id(), openid=secrets.token_hex(14))
    db.add(account)
    await db.flush()
    patient = await make_patient(
        db, account.id, person=person, birth_date=birth_date, sex=sex, verified=verified
    )
    token = new_token()
    now = utc_now()
    login = Login(
        token_hash=hash_of(token),
        id=new_id(),
        account_id=account.id,
        kind=LoginKind.WECHAT,
        device="test",
        created_at=now,
        last_seen_at=now,
        idle_expires_at=now + timedelta(days=30),
        expires_at=now + timedelta(days=90),
    )
    db.add(login)
    await db.flush()
    return Booker(account_id=account.id, patient_id=patient.id, person_id=patient.person_id, token=token)


def request_of(booker: Booker, slot_id: UUID, **overrides: Any) -> HoldRequest:
    """The wish of a booker for a place in a slot."""
    values: dict[str, Any] = {
        "slot_id": slot_id,
        "patient_id": booker.patient_id,
        "account_id": booker.account_id,
        "actor": f"account:{booker.account_id}",
    }
    return HoldRequest(**values | overrides)


async def hold(db: AsyncSession, booker: Booker, slot_id: UUID, **overrides: Any) -> HoldPlan:
    """Hold a place as the route does."""
    plan = await plan_hold(db, request_of(booker, slot_id, **overrides))
    await write_hold(db, plan)
    return plan


async def hold_once(sessions: Sessions, booker: Booker, slot_id: UUID, **overrides: Any) -> HoldPlan:
    """Hold a place in a transaction of its own."""
    async with transaction(sessions) as db:
        return await hold(db, booker, slot_id, **overrides)


async def book(db: AsyncSession, booker: Booker, slot_id: UUID) -> Appointment:
    """Hold, pay and confirm in one transaction."""
    plan = await hold(db, booker, slot_id)
    if plan.number is None:
        await pay(db, plan.order_id)
        await confirm(db, order_id=plan.order_id)
    return await appointment(db, plan.appointment_id)


async def appointment(db: AsyncSession, appointment_id: UUID) -> Appointment:
    """The appointment as it stands now."""
    key = (hospital_of(appointment_id), appointment_id)
    return await db.get_one(Appointment, key, populate_existing=True)


async def order(db: AsyncSession, order_id: UUID) -> Order:
    """The order as it stands now."""
    return await db.get_one(Order, (hospital_of(order_id), order_id), populate_existing=True)


async def overdue(db: AsyncSession, appointment_id: UUID) -> None:
    """Let the time to pay be over since a second."""
    past = func.now() - timedelta(seconds=1)
    await db.execute(update(Appointment).where(Appointment.id == appointment_id).values(hold_expires_at=past))


async def events(db: AsyncSession) -> list[str]:
    """Names of the events written so far, in order."""
    return list(await db.scalars(select(EventRow.name).order_by(EventRow.id)))


async def moves_of(db: AsyncSession, slot_id: UUID) -> list[tuple[int, str, str | None, str]]:
    """The slot's place log."""
    rows = await db.scalars(select(PlaceLog).where(PlaceLog.slot_id == slot_id).order_by(PlaceLog.seq))
    return [(row.seq, row.reason, row.source, row.target) for row in rows]


async def name_everybody(db: AsyncSession, key_ring: KeyRing) -> None:
    """Seal a name for every person, as going through HTTP would have done."""
    for person in await db.scalars(select(Person)):
        person.name_sealed = key_ring.seal("王小明", field="person.name_sealed", row=person.id)
    await db.commit()
