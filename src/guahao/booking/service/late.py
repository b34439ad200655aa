"""Money that came after its order was closed: the place is taken again, or the money goes back."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.booking import policy
from guahao.booking.events import AppointmentConfirmed
from guahao.booking.models import Appointment, AppointmentState, EventReason
from guahao.booking.service.confirm import confirm
from guahao.booking.service.credit import forget_unpaid
from guahao.booking.service.hold import PlacesGone, clash
from guahao.booking.service.locks import (
    appointment_of_order,
    lock_appointment_of_order,
    lock_sessions_of,
)
from guahao.booking.service.plan import HoldRequest, facts_of, judge
from guahao.booking.service.transition import Transition, transition
from guahao.identity.queries.patients import PatientFacts, lock_patients
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.events import publish
from guahao.payment import service as payment
from guahao.scheduling.queries.states import Bucket
from guahao.scheduling.service.giving_back import taken_from_cooling
from guahao.scheduling.service.places import Move, move
from guahao.scheduling.service.sessions import next_number


async def accept_late_money(db: AsyncSession, *, order_id: UUID) -> None:
    """Book an expired appointment again if its place and the rules still allow it, else refund in full.

    A hold whose end is not told yet is simply confirmed, and an appointment that stands unpaid keeps
    the money. Repeating changes nothing. Raises `NotFound` for an order that is for no appointment.
    """
    row = await db.scalar(appointment_of_order(order_id))
    if row is None:
        raise NotFound
    # whoever an order is for never changes, though its appointment may be moved meanwhile
    patients = await lock_patients(db, [(row.account_id, row.patient_id)])
    appointment = await lock_appointment_of_order(db, order_id)
    if appointment.state is AppointmentState.HELD:
        await payment.keep(db, order_id=order_id)
    elif await _rebook(db, appointment, patients):
        return
    await confirm(db, order_id=order_id)


async def _rebook(
    db: AsyncSession,
    appointment: Appointment,
    patients: Mapping[tuple[UUID | None, UUID], PatientFacts],
) -> bool:
    if appointment.state is not AppointmentState.EXPIRED:
        return False
    slots = await lock_sessions_of(db, [appointment])
    again = HoldRequest(
        slot_id=appointment.slot_id,
        patient_id=appointment.patient_id,
        account_id=appointment.account_id,
        actor="system",
    )
    facts = await facts_of(db, [again], patients=patients, slots=slots)
    if judge(again, facts, door=policy.Door.LATE_MONEY) is not None:
        return False
    try:
        async with db.begin_nested():
            await _write(db, appointment)
    except PlacesGone:
        return False
    except IntegrityError as error:
        if not isinstance(clash(error), Problem):
            raise
        return False
    return True


async def _write(db: AsyncSession, appointment: Appointment) -> None:
    """Revive the appointment, all or nothing; the slot's row decides, last."""
    number = await next_number(db, hospital_id=appointment.hospital_id, session_id=appointment.session_id)
    await transition(
        db,
        Transition(
            appointment=appointment,
            to=AppointmentState.BOOKED,
            reason=EventReason.PAID_LATE,
            number=number,
            data={"number": number},
        ),
    )
    await forget_unpaid(db, appointment)
    await payment.keep(db, order_id=appointment.order_id)
    await publish(
        db, AppointmentConfirmed(hospital_id=appointment.hospital_id, appointment_id=appointment.id)
    )
    await record(
        db,
        AuditEntry(
            hospital_id=appointment.hospital_id,
            actor="system",
            action="appointment.rebook",
            subject=f"appointment:{appointment.id}",
            data={"order_id": str(appointment.order_id), "number": appointment.number},
        ),
    )
    place = Move(
        hospital_id=appointment.hospital_id,
        slot_id=appointment.slot_id,
        source=Bucket.COOLING if await taken_from_cooling(db, slot_id=appointment.slot_id) else Bucket.FREE,
        target=Bucket.BOOKED,
        reason="rebook",
        appointment_id=appointment.id,
        is_sale=True,
    )
    if not await move(db, [place]):
        raise PlacesGone
