"""Facts that booking tells the rest of the system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from guahao.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentHeld(Event):
    """A place is kept for a person while the fee is paid."""

    name: ClassVar[str] = "booking.appointment.held"
    appointment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentConfirmed(Event):
    """The place is the person's; the appointment has its number."""

    name: ClassVar[str] = "booking.appointment.confirmed"
    appointment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentCancelled(Event):
    """The place was given back, by the person or by the hospital."""

    name: ClassVar[str] = "booking.appointment.cancelled"
    appointment_id: UUID
    is_by_hospital: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentExpired(Event):
    """The time to pay passed and the place was given back."""

    name: ClassVar[str] = "booking.appointment.expired"
    appointment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentRescheduled(Event):
    """The person moved to another slot; the old appointment ended in the same transaction."""

    name: ClassVar[str] = "booking.appointment.rescheduled"
    appointment_id: UUID
    old_appointment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentSuspended(Event):
    """The doctor's session was suspended; the person chooses another time or gets the fee back."""

    name: ClassVar[str] = "booking.appointment.suspended"
    appointment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentResumed(Event):
    """The suspended session takes place after all."""

    name: ClassVar[str] = "booking.appointment.resumed"
    appointment_id: UUID
