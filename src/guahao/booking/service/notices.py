"""The messages that an appointment owes to its person, planned here and delivered by channels."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.booking.models import Appointment, AppointmentState, EventChannel, EventReason
from guahao.booking.service.locks import lock_appointment
from guahao.booking.service.transition import Transition, transition
from guahao.catalog.queries import rules_of
from guahao.kernel.errors import Problem
from guahao.notification import service as notification
from guahao.notification.service import NoticeKind


class NothingToResend(Problem):
    """The appointment owes its person no message: it is only held, has moved on, or is over."""

    code = "nothing-to-resend"
    status = 409


async def owe(db: AsyncSession, appointment_id: UUID, kind: NoticeKind, *, remind: bool = False) -> None:
    """Owe word of what happened, as of when it happened; what was planned before is called off."""
    appointment = await lock_appointment(db, appointment_id)
    happened_at = appointment.booked_at or appointment.created_at
    told_at = appointment.ended_at or happened_at
    await _replan(db, appointment, kind, told_at=told_at, remind_after=happened_at if remind else None)


async def resend(db: AsyncSession, appointment_id: UUID, *, actor: str, now: datetime) -> Appointment:
    """Owe the word that tells how the appointment stands once more, from now on, and its reminders.

    Delivery is the channels' business. Raises `NotFound` and `NothingToResend`.
    """
    appointment = await lock_appointment(db, appointment_id)
    kind = _kind_of(appointment, now)
    await transition(
        db,
        Transition(
            appointment=appointment,
            to=appointment.state,
            reason=EventReason.NOTICES_RESENT,
            actor=actor,
            channel=EventChannel.DESK,
        ),
    )
    stands = appointment.state is AppointmentState.BOOKED
    await _replan(db, appointment, kind, told_at=now, remind_after=now if stands else None)
    await record(
        db,
        AuditEntry(
            hospital_id=appointment.hospital_id,
            actor=actor,
            action="appointment.resend",
            subject=f"appointment:{appointment.id}",
            data={"kind": kind.value},
        ),
    )
    return appointment


def _kind_of(appointment: Appointment, now: datetime) -> NoticeKind:
    if appointment.state is AppointmentState.BOOKED and appointment.ends_at > now:
        return NoticeKind.BOOKED if appointment.rescheduled_from is None else NoticeKind.RESCHEDULED
    kind = _OF_STATE.get(appointment.state)
    if kind is None:
        raise NothingToResend(state=appointment.state.value)
    return kind


_OF_STATE = {
    AppointmentState.SUSPENDED: NoticeKind.SUSPENDED,
    AppointmentState.EXPIRED: NoticeKind.EXPIRED,
    AppointmentState.CANCELLED_BY_PATIENT: NoticeKind.CANCELLED,
    AppointmentState.CANCELLED_BY_HOSPITAL: NoticeKind.CANCELLED_BY_HOSPITAL,
}


async def _replan(
    db: AsyncSession,
    appointment: Appointment,
    kind: NoticeKind,
    *,
    told_at: datetime,
    remind_after: datetime | None,
) -> None:
    subject = f"appointment:{appointment.id}"
    await notification.call_off(db, hospital_id=appointment.hospital_id, subject=subject)
    due = [(kind, told_at)]
    if remind_after is not None:
        due += await _reminders(db, appointment, remind_after)
    await _plan(db, appointment, due)


async def _reminders(
    db: AsyncSession, appointment: Appointment, now: datetime
) -> list[tuple[NoticeKind, datetime]]:
    rules = (await rules_of(db, hospital_id=appointment.hospital_id, now=now)).rules
    times = (
        (NoticeKind.DAY_BEFORE, appointment.starts_at - timedelta(hours=rules.remind_first_h)),
        (NoticeKind.HOURS_BEFORE, appointment.starts_at - timedelta(hours=rules.remind_second_h)),
    )
    return [(kind, due_at) for kind, due_at in times if due_at > now]


async def _plan(
    db: AsyncSession, appointment: Appointment, due: Collection[tuple[NoticeKind, datetime]]
) -> None:
    for kind, due_at in due:
        await notification.plan(
            db,
            hospital_id=appointment.hospital_id,
            subject=f"appointment:{appointment.id}",
            kind=kind,
            account_id=appointment.account_id,
            patient_id=appointment.patient_id,
            due_at=due_at,
        )
