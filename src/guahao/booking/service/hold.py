"""Write planned bookings: every row of all of them in one statement, the slots' rows last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AUDIT_INSERT, AuditEntry, audit_params
from guahao.booking import policy
from guahao.booking.events import AppointmentConfirmed, AppointmentHeld
from guahao.booking.models import Appointment, EventChannel, EventReason
from guahao.booking.service.plan import HoldPlan, not_taken
from guahao.booking.service.transition import FIRST_EVENT_INSERT, first_event_values
from guahao.kernel.db import BulkInsert, HotStatement, constraint_of, together
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.events import EVENT_INSERT, event_params
from guahao.kernel.idempotency import KEEP
from guahao.payment.service import ORDER_INSERT, NewOrder, order_params
from guahao.scheduling.queries.states import Bucket
from guahao.scheduling.service.places import MOVE_LOG, MOVED, Move, move_params

APPOINTMENT_INSERT = BulkInsert(
    Appointment,
    "hospital_id",
    "id",
    "account_id",
    "patient_id",
    "person_id",
    "slot_id",
    "session_id",
    "department_id",
    "doctor_id",
    "order_id",
    "date",
    "starts_at",
    "ends_at",
    "state",
    "channel",
    "rule_version",
    "number",
    "hold_expires_at",
    "rescheduled_from",
    "first_made_at",
    "booked_at",
)
_PARTS = (
    ORDER_INSERT.statement,
    APPOINTMENT_INSERT.statement,
    FIRST_EVENT_INSERT.statement,
    EVENT_INSERT.statement,
    AUDIT_INSERT.statement,
    MOVE_LOG,
)
APPOINTMENTS = together(APPOINTMENT_INSERT.statement, FIRST_EVENT_INSERT.statement)
"""Inserts appointments and nothing else; bind with `appointment_params`."""
_HOLD = HotStatement(together(*_PARTS, answer=MOVED))
_HOLD_AND_KEEP = HotStatement(together(*_PARTS, KEEP, answer=MOVED))

Kept = Mapping[str, Any]
"""Bound values of `idempotency.KEEP`, to store the answer in the same round trip."""


class PlacesGone(Exception):
    """A slot of a batch was not on sale any more when it was written; nothing must be committed."""


async def write_hold(db: AsyncSession, plan: HoldPlan, *, kept: Kept | None = None) -> None:
    """Write one booking: the slot's row decides.

    Raises `SlotFull` or `SlotSoldOut` if the last place went meanwhile, and `AlreadyBooked`,
    `DepartmentDayLimit` or `NotFound` if an index or a key says so; the caller's transaction must then
    roll back. `kept` stores the request's first answer with it.
    """
    try:
        await write_holds(db, [plan], kept=kept)
    except PlacesGone:
        raise await not_taken(db, plan) from None
    except IntegrityError as error:
        raise clash(error) from error


async def write_holds(db: AsyncSession, plans: Sequence[HoldPlan], *, kept: Kept | None = None) -> None:
    """Write the appointments, their orders, place log, events, audit and slots in one statement.

    All or nothing: raises `PlacesGone` or IntegrityError, and the transaction must roll back.
    """
    params = _params(plans)
    if kept is None:
        moved = await _HOLD.rows(db, params)
    else:
        moved = await _HOLD_AND_KEEP.rows(db, {**params, **kept})
    if moved[0][0] != len({plan.slot.slot_id for plan in plans}):
        raise PlacesGone


def clash(error: IntegrityError) -> Exception:
    """Name the rule that a unique index defended; anything else is not anticipated."""
    known: dict[str | None, type[Problem]] = {
        "appointment_one_per_person_and_session": policy.AlreadyBooked,
        "appointment_one_per_person_department_and_day": policy.DepartmentDayLimit,
        "appointment_hospital_id_slot_id_fkey": NotFound,
    }
    problem = known.get(constraint_of(error))
    return error if problem is None else problem()


def _params(plans: Sequence[HoldPlan]) -> dict[str, Any]:
    return {
        **order_params([_order(plan) for plan in plans]),
        **appointment_params(plans),
        **event_params([_event(plan) for plan in plans]),
        **audit_params([_audit(plan) for plan in plans]),
        **move_params([take(plan) for plan in plans]),
    }


def appointment_params(plans: Sequence[HoldPlan]) -> dict[str, Any]:
    """Bind plans for the inserts of appointments and of the events by which they begin."""
    rows = [appointment_values(plan) for plan in plans]
    firsts = [_first_event(plan, row) for plan, row in zip(plans, rows, strict=True)]
    return {**APPOINTMENT_INSERT.params(rows), **FIRST_EVENT_INSERT.params(firsts)}


def _first_event(plan: HoldPlan, row: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if plan.number is not None:
        data["number"] = plan.number
    if plan.request.overruling_reason is not None:
        data["note"] = plan.request.overruling_reason
    reason = EventReason.HELD if plan.number is None else EventReason.BOOKED
    if plan.rescheduled_from is not None:
        reason, data["moved_from"] = EventReason.MOVED_HERE, str(plan.rescheduled_from)
    return first_event_values(
        row,
        reason=reason,
        channel=EventChannel(plan.request.channel),
        actor=plan.request.actor,
        data=data,
    )


def take(plan: HoldPlan) -> Move:
    """The place that leaves its pool."""
    return Move(
        hospital_id=plan.slot.hospital_id,
        slot_id=plan.slot.slot_id,
        source=plan.request.pool,
        target=Bucket.HELD if plan.number is None else Bucket.BOOKED,
        reason="hold" if plan.number is None else "book",
        appointment_id=plan.appointment_id,
        is_sale=True,
    )


def _order(plan: HoldPlan) -> NewOrder:
    return NewOrder(
        hospital_id=plan.slot.hospital_id,
        id=plan.order_id,
        subject=f"appointment:{plan.appointment_id}",
        account_id=plan.request.account_id,
        amount_fen=plan.slot.fee_fen,
        expires_at=plan.hold_expires_at,
        now=plan.slot.now,
    )


def appointment_values(plan: HoldPlan) -> dict[str, Any]:
    """The row of the appointment."""
    slot = plan.slot
    return {
        "hospital_id": slot.hospital_id,
        "id": plan.appointment_id,
        "account_id": plan.request.account_id,
        "patient_id": plan.request.patient_id,
        "person_id": plan.patient.person_id,
        "slot_id": slot.slot_id,
        "session_id": slot.session_id,
        "department_id": slot.department_id,
        "doctor_id": slot.doctor_id,
        "order_id": plan.order_id,
        "date": slot.date,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "state": plan.state,
        "channel": plan.request.channel,
        "rule_version": plan.rule_set.version,
        "number": plan.number,
        "hold_expires_at": plan.hold_expires_at,
        "rescheduled_from": plan.rescheduled_from,
        "first_made_at": plan.first_made_at,
        "booked_at": slot.now if plan.number is not None else None,
    }


def _event(plan: HoldPlan) -> AppointmentHeld | AppointmentConfirmed:
    kind = AppointmentHeld if plan.number is None else AppointmentConfirmed
    return kind(hospital_id=plan.slot.hospital_id, appointment_id=plan.appointment_id)


def _audit(plan: HoldPlan) -> AuditEntry:
    data: dict[str, Any] = {"slot_id": str(plan.slot.slot_id), "patient_id": str(plan.request.patient_id)}
    if plan.request.overruling_reason is not None:
        data["overruling_reason"] = plan.request.overruling_reason
    return AuditEntry(
        hospital_id=plan.slot.hospital_id,
        actor=plan.request.actor,
        action="appointment.hold" if plan.number is None else "appointment.book",
        subject=f"appointment:{plan.appointment_id}",
        data=data,
    )
