"""An appointment as a person sees it: names, place, money, and what can be done with it now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking import policy
from guahao.booking.models import Appointment, AppointmentState, CreditKind
from guahao.catalog.queries import (
    CampusFacts,
    DepartmentFacts,
    DoctorFacts,
    HospitalFacts,
    campuses_by_ids,
    departments_by_ids,
    doctors_by_ids,
    hospitals_by_ids,
    rules_of_version,
)
from guahao.identity.queries.names import patient_names
from guahao.kernel.crypto import KeyRing
from guahao.kernel.i18n import text
from guahao.payment.queries import Order, orders_by_ids
from guahao.payment.queries.way_back import KeptPayment, kept_payments, money_back_text, way_back_text
from guahao.scheduling.queries.facts import SlotFacts, slot_facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What the person may do now, with the sentence to show before it is done.

    `difference_text` tells how the difference comes back when the appointment moves to a cheaper place.
    """

    pay: bool
    cancel: bool
    reschedule: bool
    cancel_counts: bool
    cancel_text: str | None
    difference_text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentView:
    """One appointment with everything its page shows; names are masked."""

    appointment: Appointment
    order: Order
    kept: KeptPayment | None
    slot: SlotFacts
    hospital: HospitalFacts
    campus: CampusFacts
    department: DepartmentFacts
    doctor: DoctorFacts
    patient_name: str
    allowed: Allowed


async def views(
    db: AsyncSession, appointments: Sequence[Appointment], *, key_ring: KeyRing
) -> list[AppointmentView]:
    """Show appointments in the order given; one query for each kind of thing, however many they are."""
    slots = await slot_facts(db, {row.slot_id for row in appointments})
    orders = await orders_by_ids(db, {row.order_id for row in appointments})
    hospitals = await hospitals_by_ids(db, {row.hospital_id for row in appointments})
    campuses = await campuses_by_ids(db, {slot.campus_id for slot in slots.values()})
    departments = await departments_by_ids(db, {row.department_id for row in appointments})
    doctors = await doctors_by_ids(db, {row.doctor_id for row in appointments})
    kept = await kept_payments(db, list(orders.values()))
    names = await patient_names(db, {row.patient_id for row in appointments}, key_ring=key_ring)
    return [
        AppointmentView(
            appointment=row,
            order=orders[row.order_id],
            kept=kept.get(row.order_id),
            slot=slots[row.slot_id],
            hospital=hospitals[row.hospital_id],
            campus=campuses[slots[row.slot_id].campus_id],
            department=departments[row.department_id],
            doctor=doctors[row.doctor_id],
            patient_name=names[row.patient_id],
            allowed=await allowed_now(db, row, kept=kept.get(row.order_id), now=slots[row.slot_id].now),
        )
        for row in appointments
    ]


async def allowed_now(
    db: AsyncSession, appointment: Appointment, *, kept: KeptPayment | None, now: datetime
) -> Allowed:
    """Say what the person may do with the appointment at `now`, and what cancelling will mean."""
    state = appointment.state
    is_held = state is AppointmentState.HELD
    is_choosing = state is AppointmentState.SUSPENDED
    is_ahead = state is AppointmentState.BOOKED and now < appointment.starts_at
    booked_under = await rules_of_version(
        db, hospital_id=appointment.hospital_id, version=appointment.rule_version
    )
    terms = policy.cancel_terms(
        booked_under.rules, state=state, date=appointment.date, now=now, is_hospital_fault=is_choosing
    )
    can_cancel = is_held or is_choosing or is_ahead
    can_reschedule = is_choosing or is_ahead
    return Allowed(
        pay=is_held and appointment.hold_expires_at is not None and now < appointment.hold_expires_at,
        cancel=can_cancel,
        reschedule=can_reschedule,
        cancel_counts=is_ahead and terms.credit is CreditKind.CANCELLED_LATE,
        cancel_text=text(f"cancel.{terms.wording}", money=money_back_text(kept)) if can_cancel else None,
        difference_text=way_back_text(kept.channel) if can_reschedule and kept is not None else None,
    )
