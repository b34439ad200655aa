"""What booking does when something happened: follow money and suspensions, owe messages."""

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
from guahao.booking.models import AppointmentState
from guahao.booking.service import suspension
from guahao.booking.service.confirm import confirm
from guahao.booking.service.expire import end_hold
from guahao.booking.service.late import accept_late_money
from guahao.booking.service.locks import lock_appointment
from guahao.booking.service.notices import owe
from guahao.kernel.events import Reaction, on
from guahao.notification import service as notification
from guahao.notification.service import NoticeKind
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


async def owe_booked(db: AsyncSession, event: AppointmentConfirmed) -> None:
    """Owe the confirmation and the reminders."""
    await owe(db, event.appointment_id, NoticeKind.BOOKED, remind=True)


async def owe_cancelled(db: AsyncSession, event: AppointmentCancelled) -> None:
    """Owe word of the cancellation; reminders are called off."""
    kind = NoticeKind.CANCELLED_BY_HOSPITAL if event.is_by_hospital else NoticeKind.CANCELLED
    await owe(db, event.appointment_id, kind)


async def owe_expired(db: AsyncSession, event: AppointmentExpired) -> None:
    """Owe word that the hold ended, unless late money has booked it again."""
    if (await lock_appointment(db, event.appointment_id)).state is AppointmentState.EXPIRED:
        await owe(db, event.appointment_id, NoticeKind.EXPIRED)


async def owe_rescheduled(db: AsyncSession, event: AppointmentRescheduled) -> None:
    """Owe word of the new time and its reminders; those of the old time are called off."""
    await notification.call_off(
        db, hospital_id=event.hospital_id, subject=f"appointment:{event.old_appointment_id}"
    )
    await owe(db, event.appointment_id, NoticeKind.RESCHEDULED, remind=True)


async def owe_suspended(db: AsyncSession, event: AppointmentSuspended) -> None:
    """Owe word of the suspension; reminders are called off."""
    await owe(db, event.appointment_id, NoticeKind.SUSPENDED)


async def owe_resumed(db: AsyncSession, event: AppointmentResumed) -> None:
    """Owe word that the session takes place, and the reminders again."""
    await owe(db, event.appointment_id, NoticeKind.RESUMED, remind=True)


REACTIONS: tuple[Reaction, ...] = (
    on(PaymentSucceeded, confirm_paid),
    on(OrderClosed, end_unpaid),
    on(SessionSuspended, follow_suspension),
    on(SessionResumed, follow_resumption),
    on(AppointmentConfirmed, owe_booked),
    on(AppointmentCancelled, owe_cancelled),
    on(AppointmentExpired, owe_expired),
    on(AppointmentRescheduled, owe_rescheduled),
    on(AppointmentSuspended, owe_suspended),
    on(AppointmentResumed, owe_resumed),
)
