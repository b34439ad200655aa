"""The messages that an appointment owes to its person, planned here and delivered by channels."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.booking.models import Appointment, AppointmentEvent, AppointmentState, EventChannel, EventReason
from guahao.booking.service.locks import lock_appointment
from guahao.booking.service.transition import Transition, transition
from guahao.catalog.queries import Rules, rules_of
from guahao.kernel.errors import Problem
from guahao.notification.service import NoticeKind, NoticePlan, Recipient, plan_notices


class NothingToResend(Problem):
    """The appointment owes its person no message: it is only held, has moved on, or is over."""

    code = "nothing-to-resend"
    status = 409


async def replan_notices(db: AsyncSession, appointment_id: UUID) -> None:
    """Plan what the appointment owes as it stands under its lock, whatever event led here.

    Handled late, twice, or beside others, events of one appointment end in the same plan.
    """
    await _replan(db, await lock_appointment(db, appointment_id))


async def _replan(db: AsyncSession, appointment: Appointment) -> None:
    key = (appointment.hospital_id, appointment.id, appointment.event_seq)
    last = await db.get_one(AppointmentEvent, key)
    rules = (await rules_of(db, hospital_id=appointment.hospital_id, now=last.occurred_at)).rules
    await plan_notices(
        db,
        hospital_id=appointment.hospital_id,
        subject=f"appointment:{appointment.id}",
        version=appointment.event_seq,
        recipient=Recipient(account_id=appointment.account_id, patient_id=appointment.patient_id),
        notices=notices_owed(appointment, last, rules),
    )


def notices_owed(appointment: Appointment, last: AppointmentEvent, rules: Rules) -> list[NoticePlan]:
    """What an appointment owes whose newest event is `last`: word of it, and reminders while it is booked."""
    kind = _word_of(appointment, last)
    if kind is None:
        return []
    owed = [NoticePlan(kind=kind, due_at=last.occurred_at)]
    if appointment.state is AppointmentState.BOOKED:
        owed += _reminders(appointment, rules, after=last.occurred_at)
    return owed


_WORDS = {
    AppointmentState.SUSPENDED: NoticeKind.SUSPENDED,
    AppointmentState.EXPIRED: NoticeKind.EXPIRED,
    AppointmentState.CANCELLED_BY_PATIENT: NoticeKind.CANCELLED,
    AppointmentState.CANCELLED_BY_HOSPITAL: NoticeKind.CANCELLED_BY_HOSPITAL,
}


def _word_of(appointment: Appointment, last: AppointmentEvent) -> NoticeKind | None:
    """The word that tells how it stands; none for what is only held or has moved on."""
    if appointment.state is not AppointmentState.BOOKED:
        return _WORDS.get(appointment.state)
    if last.reason is EventReason.SESSION_RESUMED:
        return NoticeKind.RESUMED
    return NoticeKind.BOOKED if appointment.rescheduled_from is None else NoticeKind.RESCHEDULED


def _reminders(appointment: Appointment, rules: Rules, *, after: datetime) -> list[NoticePlan]:
    times = (
        (NoticeKind.DAY_BEFORE, appointment.starts_at - timedelta(hours=rules.remind_first_h)),
        (NoticeKind.HOURS_BEFORE, appointment.starts_at - timedelta(hours=rules.remind_second_h)),
    )
    return [NoticePlan(kind=kind, due_at=due_at) for kind, due_at in times if due_at > after]


async def resend(db: AsyncSession, appointment_id: UUID, *, actor: str, now: datetime) -> Appointment:
    """Owe the word that tells how the appointment stands once more, from now on, and its reminders.

    Delivery is the channels' business. Raises `NotFound` and `NothingToResend`.
    """
    appointment = await lock_appointment(db, appointment_id)
    state = appointment.state
    is_over = state is AppointmentState.BOOKED and appointment.ends_at <= now
    if is_over or state in (AppointmentState.HELD, AppointmentState.RESCHEDULED):
        raise NothingToResend(state=state.value)
    await transition(
        db,
        Transition(
            appointment=appointment,
            to=state,
            reason=EventReason.NOTICES_RESENT,
            actor=actor,
            channel=EventChannel.DESK,
        ),
    )
    await _replan(db, appointment)
    await record(
        db,
        AuditEntry(
            hospital_id=appointment.hospital_id,
            actor=actor,
            action="appointment.resend",
            subject=f"appointment:{appointment.id}",
            data={"state": state.value},
        ),
    )
    return appointment
