"""Tables of the booking domain."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, Json, closed_set


class AppointmentState(StrEnum):
    """Where an appointment stands; domain states of the visit itself come with the visit."""

    HELD = "held"
    BOOKED = "booked"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    CANCELLED_BY_PATIENT = "cancelled_by_patient"
    CANCELLED_BY_HOSPITAL = "cancelled_by_hospital"
    RESCHEDULED = "rescheduled"


ENDED = (
    AppointmentState.EXPIRED,
    AppointmentState.CANCELLED_BY_PATIENT,
    AppointmentState.CANCELLED_BY_HOSPITAL,
    AppointmentState.RESCHEDULED,
)
"""States in which the appointment has no place any more; only late money can leave one, EXPIRED."""

_STANDING = text("state IN ('held', 'booked', 'suspended')")
_STATES = ", ".join(f"'{state}'" for state in AppointmentState)


class Channel(StrEnum):
    """How the booking came in."""

    ONLINE = "online"
    DESK = "desk"
    PHONE = "phone"


class EventChannel(StrEnum):
    """By which way a change came in."""

    ONLINE = "online"
    DESK = "desk"
    PHONE = "phone"
    SYSTEM = "system"
    """Money that came, a clock, or a suspended session; nobody asked for this appointment."""


class EventReason(StrEnum):
    """Why an appointment changed its state."""

    HELD = "held"
    """A place is kept until its fee is paid."""
    BOOKED = "booked"
    """Nothing has to be paid before."""
    MOVED_HERE = "moved_here"
    """It takes the place of an earlier appointment."""
    PAID = "paid"
    PAID_LATE = "paid_late"
    """The money came after the hold had ended, and the place was still free."""
    UNPAID = "unpaid"
    SESSION_OVER = "session_over"
    """The money came when the session was over; it goes back."""
    PATIENT_REQUEST = "patient_request"
    EXCUSED = "excused"
    """At the person's wish, and staff decided that it does not count."""
    HOSPITAL_REQUEST = "hospital_request"
    """The hospital cannot keep it."""
    SESSION_SUSPENDED = "session_suspended"
    SESSION_RESUMED = "session_resumed"
    REFUND_CHOSEN = "refund_chosen"
    """The session was suspended and the person wants no other time."""
    CHOICE_LAPSED = "choice_lapsed"
    """The session was suspended and the person did not choose in time."""
    RESCHEDULED = "rescheduled"
    """It gave its place up for another appointment."""
    NOTICES_RESENT = "notices_resent"
    """Staff had its messages planned anew; the state stays as it is."""


_HELD, _BOOKED, _SUSPENDED = AppointmentState.HELD, AppointmentState.BOOKED, AppointmentState.SUSPENDED
_EXPIRED, _RESCHEDULED = AppointmentState.EXPIRED, AppointmentState.RESCHEDULED
_BY_PATIENT, _BY_HOSPITAL = AppointmentState.CANCELLED_BY_PATIENT, AppointmentState.CANCELLED_BY_HOSPITAL

TRANSITIONS: dict[EventReason, tuple[tuple[AppointmentState | None, AppointmentState], ...]] = {
    EventReason.HELD: ((None, _HELD),),
    EventReason.BOOKED: ((None, _BOOKED),),
    EventReason.MOVED_HERE: ((None, _BOOKED),),
    EventReason.PAID: ((_HELD, _BOOKED), (_HELD, _SUSPENDED)),
    EventReason.PAID_LATE: ((_EXPIRED, _BOOKED),),
    EventReason.UNPAID: ((_HELD, _EXPIRED),),
    EventReason.SESSION_OVER: ((_HELD, _EXPIRED),),
    EventReason.PATIENT_REQUEST: ((_HELD, _BY_PATIENT), (_BOOKED, _BY_PATIENT)),
    EventReason.EXCUSED: ((_HELD, _BY_PATIENT), (_BOOKED, _BY_PATIENT)),
    EventReason.HOSPITAL_REQUEST: (
        (_HELD, _BY_HOSPITAL),
        (_BOOKED, _BY_HOSPITAL),
        (_SUSPENDED, _BY_HOSPITAL),
    ),
    EventReason.SESSION_SUSPENDED: ((_BOOKED, _SUSPENDED), (_HELD, _BY_HOSPITAL)),
    EventReason.SESSION_RESUMED: ((_SUSPENDED, _BOOKED),),
    EventReason.REFUND_CHOSEN: ((_BOOKED, _BY_HOSPITAL), (_SUSPENDED, _BY_HOSPITAL)),
    EventReason.CHOICE_LAPSED: ((_SUSPENDED, _BY_HOSPITAL),),
    EventReason.RESCHEDULED: ((_BOOKED, _RESCHEDULED), (_SUSPENDED, _RESCHEDULED)),
    EventReason.NOTICES_RESENT: (
        (_BOOKED, _BOOKED),
        (_SUSPENDED, _SUSPENDED),
        (_EXPIRED, _EXPIRED),
        (_BY_PATIENT, _BY_PATIENT),
        (_BY_HOSPITAL, _BY_HOSPITAL),
    ),
}
"""Every change of state there is, by its reason; None where the appointment begins."""

_ALLOWED = ", ".join(
    f"'{reason} {before or ''} {after}'" for reason, pairs in TRANSITIONS.items() for before, after in pairs
)


class Appointment(Base):
    """One person's place in one slot. The unique indexes are the last word on double booking."""

    __tablename__ = "appointment"
    __table_args__ = (
        ForeignKeyConstraint(["hospital_id", "slot_id"], ["slot.hospital_id", "slot.id"]),
        ForeignKeyConstraint(["hospital_id", "order_id"], ["payment_order.hospital_id", "payment_order.id"]),
        ForeignKeyConstraint(["patient_id"], ["patient.id"]),
        ForeignKeyConstraint(["person_id"], ["person.id"]),
        # checked at once: only the statement that writes the event can change the state
        ForeignKeyConstraint(
            ["hospital_id", "id", "event_seq", "state"],
            [
                "appointment_event.hospital_id",
                "appointment_event.appointment_id",
                "appointment_event.seq",
                "appointment_event.to_state",
            ],
            name="appointment_state_has_its_event",
            use_alter=True,
        ),
        CheckConstraint(f"state IN ({_STATES})", name="appointment_state_known"),
        CheckConstraint("channel IN ('online', 'desk', 'phone')", name="appointment_channel_known"),
        CheckConstraint(
            "(state = 'held') <= (hold_expires_at IS NOT NULL)", name="appointment_hold_has_an_end"
        ),
        CheckConstraint(
            "(state IN ('booked', 'suspended')) <= (number IS NOT NULL)", name="appointment_booked_has_number"
        ),
        CheckConstraint(
            "(ended_at IS NULL) = (state IN ('held', 'booked', 'suspended'))",
            name="appointment_end_has_a_time",
        ),
        Index(
            "appointment_one_per_person_and_session",
            "hospital_id",
            "person_id",
            "session_id",
            unique=True,
            postgresql_where=_STANDING,
        ),
        Index(
            "appointment_one_per_person_department_and_day",
            "hospital_id",
            "person_id",
            "department_id",
            "date",
            unique=True,
            postgresql_where=_STANDING,
        ),
        Index(
            "appointment_number_once_per_session",
            "hospital_id",
            "session_id",
            "number",
            unique=True,
            postgresql_where=text("number IS NOT NULL"),
        ),
        Index(
            "appointment_one_per_order",
            "hospital_id",
            "order_id",
            unique=True,
            postgresql_where=text("state <> 'rescheduled'"),
        ),
        Index("appointment_hold_idx", "hold_expires_at", postgresql_where=text("state = 'held'")),
        Index("appointment_decide_idx", "decide_by", postgresql_where=text("state = 'suspended'")),
        Index("appointment_person_idx", "person_id", "starts_at", "id"),
        Index("appointment_account_idx", "account_id", "id"),
        Index("appointment_slot_idx", "hospital_id", "slot_id"),
        Index("appointment_time_idx", "hospital_id", "starts_at", "id"),
        Index("appointment_department_time_idx", "hospital_id", "department_id", "starts_at", "id"),
        Index("appointment_doctor_time_idx", "hospital_id", "doctor_id", "starts_at", "id"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID | None]
    patient_id: Mapped[UUID]
    person_id: Mapped[UUID]
    slot_id: Mapped[UUID]
    session_id: Mapped[UUID]
    department_id: Mapped[UUID]
    doctor_id: Mapped[UUID]
    order_id: Mapped[UUID]
    date: Mapped[dt.date]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[AppointmentState] = mapped_column(closed_set(AppointmentState))
    """Changed by `booking.service.transition` alone; the database refuses everybody else."""
    event_seq: Mapped[int] = mapped_column(server_default="1")
    """Which of its events made the state what it is."""
    channel: Mapped[Channel] = mapped_column(closed_set(Channel))
    rule_version: Mapped[int]
    number: Mapped[int | None]
    hold_expires_at: Mapped[datetime | None]
    expiring_at: Mapped[datetime | None]
    """When the hold's time was found to be over; while still held, it awaits an answer about its money."""
    decide_by: Mapped[datetime | None]
    """While suspended: until when the person may choose before the fee goes back by itself."""
    rescheduled_from: Mapped[UUID | None]
    first_made_at: Mapped[datetime | None]
    """When the person first booked, where moves led here: limits count bookings that are made, not moves."""
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    booked_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class AppointmentEvent(Base):
    """Append-only: one row for each change of an appointment's state, in order, from 1 without gaps."""

    __tablename__ = "appointment_event"
    __table_args__ = (
        UniqueConstraint(
            "hospital_id", "appointment_id", "seq", "to_state", name="appointment_event_state_key"
        ),
        ForeignKeyConstraint(
            ["hospital_id", "appointment_id"], ["appointment.hospital_id", "appointment.id"]
        ),
        CheckConstraint(
            f"reason || ' ' || coalesce(from_state, '') || ' ' || to_state IN ({_ALLOWED})",
            name="appointment_event_allowed",
        ),
        CheckConstraint("(seq = 1) = (from_state IS NULL)", name="appointment_event_begins_once"),
        CheckConstraint(
            "channel IN ('online', 'desk', 'phone', 'system')", name="appointment_event_channel_known"
        ),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    appointment_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    from_state: Mapped[AppointmentState | None] = mapped_column(closed_set(AppointmentState))
    to_state: Mapped[AppointmentState] = mapped_column(closed_set(AppointmentState))
    reason: Mapped[EventReason] = mapped_column(closed_set(EventReason))
    channel: Mapped[EventChannel] = mapped_column(closed_set(EventChannel))
    actor: Mapped[str]
    """Who did it, an audit actor."""
    occurred_at: Mapped[datetime] = mapped_column(server_default=text("statement_timestamp()"))
    data: Mapped[Json] = mapped_column(server_default="{}")
    """What a history shows besides: `number`, `moved_to`, `moved_from`, `note`; never personal data."""


class CreditKind(StrEnum):
    """What a person did that counts against further bookings."""

    CANCELLED = "cancelled"
    CANCELLED_LATE = "cancelled_late"
    UNPAID = "unpaid"
    """A hold given up, or left to expire, without being paid."""


class CreditEvent(Base):
    """One deed that counts until it is excused; caused by the person, never by the hospital."""

    __tablename__ = "credit_event"
    __table_args__ = (
        ForeignKeyConstraint(
            ["hospital_id", "appointment_id"], ["appointment.hospital_id", "appointment.id"]
        ),
        CheckConstraint(
            "num_nonnulls(voided_at, voided_by, void_reason) IN (0, 3)", name="credit_event_voided_whole"
        ),
        Index("credit_event_person_idx", "hospital_id", "person_id", "occurred_at"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    appointment_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID]
    kind: Mapped[CreditKind] = mapped_column(closed_set(CreditKind))
    occurred_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    voided_at: Mapped[datetime | None]
    voided_by: Mapped[str | None]
    """Who excused it, an audit actor."""
    void_reason: Mapped[str | None]


class BookingBlock(Base):
    """A stretch of time in which a person may not book online at a hospital; the desk stays open."""

    __tablename__ = "booking_block"
    __table_args__ = (
        ForeignKeyConstraint(["person_id"], ["person.id"]),
        CheckConstraint("starts_at < ends_at", name="booking_block_ends_after_start"),
        Index("booking_block_person_idx", "hospital_id", "person_id", "ends_at"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID]
    reason: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
