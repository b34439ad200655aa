"""What booking does when something happened: follow money and suspensions, plan messages."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.events import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentExpired,
    AppointmentRescheduled,
    AppointmentResumed,
    AppointmentSuspended,
)
from guahao.booking.service import suspension
from guahao.booking.service.confirm import confirm
from guahao.booking.service.expire import end_hold
from guahao.booking.service.late import accept_late_money
from guahao.booking.service.notices import replan_notices
from guahao.kernel.events import Reaction, on
from guahao.payment.events import OrderClosed, PaymentSucceeded
from guahao.scheduling.events import SessionResumed, SessionSuspended


async def confirm_paid(db: AsyncSession, event: PaymentSucceeded) -> None:
    """An order is paid: book the appointment that it pays for now; after its end, again or not at all."""
    if not _is_for_appointment(event):
        return
    if event.is_late:
        await accept_late_money(db, order_id=event.order_id)
    else:
        await confirm(db, order_id=event.order_id)


async def end_unpaid(db: AsyncSession, event: OrderClosed) -> None:
    """No money can come for a hold whose time is over: end it."""
    if _is_for_appointment(event):
        await end_hold(db, order_id=event.order_id)


def _is_for_appointment(event: PaymentSucceeded | OrderClosed) -> bool:
    """Whether booking is asked at all; which appointment it is, the order alone tells."""
    return event.subject.startswith("appointment:")


async def follow_suspension(db: AsyncSession, event: SessionSuspended) -> None:
    """A session was suspended: its appointments follow."""
    await suspension.suspend_appointments(db, hospital_id=event.hospital_id, session_id=event.session_id)


async def follow_resumption(db: AsyncSession, event: SessionResumed) -> None:
    """A suspended session takes place after all: its appointments follow."""
    await suspension.resume_appointments(db, hospital_id=event.hospital_id, session_id=event.session_id)


async def plan_notices(
    db: AsyncSession,
    event: AppointmentConfirmed
    | AppointmentCancelled
    | AppointmentExpired
    | AppointmentSuspended
    | AppointmentResumed,
) -> None:
    """Plan what the appointment owes as it stands now."""
    await replan_notices(db, event.appointment_id)


async def plan_notices_of_both(db: AsyncSession, event: AppointmentRescheduled) -> None:
    """Plan what an appointment and the one that it replaced owe, locked in the order of their ids."""
    for appointment_id in sorted((event.old_appointment_id, event.appointment_id)):
        await replan_notices(db, appointment_id)


REACTIONS: tuple[Reaction, ...] = (
    on(PaymentSucceeded, confirm_paid),
    on(OrderClosed, end_unpaid),
    on(SessionSuspended, follow_suspension),
    on(SessionResumed, follow_resumption),
    on(AppointmentConfirmed, plan_notices),
    on(AppointmentCancelled, plan_notices),
    on(AppointmentExpired, plan_notices),
    on(AppointmentRescheduled, plan_notices_of_both),
    on(AppointmentSuspended, plan_notices),
    on(AppointmentResumed, plan_notices),
)
