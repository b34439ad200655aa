"""Take a place for a person: plan on facts, then write everything in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AUDIT_INSERT, AuditEntry, audit_params
from guahao.booking import policy
from guahao.booking.events import AppointmentConfirmed, AppointmentHeld
from guahao.booking.models import Appointment, AppointmentState, Channel
from guahao.booking.queries.history import histories
from guahao.catalog.queries import RuleSet, rules_of
from guahao.identity.queries.patients import PatientFacts, lock_patients
from guahao.kernel.db import BulkInsert, HotStatement, constraint_of, together
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.events import EVENT_INSERT, event_params
from guahao.kernel.idempotency import KEEP
from guahao.kernel.ids import new_id
from guahao.payment.service import ORDER_INSERT, NewOrder, order_params
from guahao.scheduling.queries.facts import SlotFacts, free_after, slot_facts
from guahao.scheduling.queries.states import Bucket
from guahao.scheduling.service.places import MOVE_LOG, MOVED, Move, move_params
from guahao.scheduling.service.sessions import next_number


class SlotSoldOut(Problem):
    """Every place of the slot and of all later slots of the session is taken."""

    code = "slot-sold-out"
    status = 409


class PoolEmpty(Problem):
    """The reserved pool has no place left in this slot."""

    code = "pool-empty"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    """Somebody asks for a place in a slot for a patient.

    `account_id` is None for staff bookings, whose patients need no account. `is_overruling` skips
    the rules about the person (never those of the slot, the places or the department); the staff
    edge demands and records the reason.
    """

    slot_id: UUID
    patient_id: UUID
    account_id: UUID | None
    actor: str
    channel: Channel = Channel.ONLINE
    pool: Bucket = Bucket.FREE
    is_overruling: bool = False
    overruling_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPlan:
    """A booking that the rules allow, with every value it will have; nothing is written yet."""

    request: HoldRequest
    slot: SlotFacts
    patient: PatientFacts
    rule_set: RuleSet
    appointment_id: UUID
    order_id: UUID
    number: int | None
    hold_expires_at: datetime | None
    rescheduled_from: UUID | None = None

    @property
    def state(self) -> AppointmentState:
        """Held while a fee is due, else booked at once."""
        return AppointmentState.HELD if self.number is None else AppointmentState.BOOKED

    @property
    def is_paid_on_site(self) -> bool:
        """Whether the desk takes the fee, so that nothing waits for a payment."""
        return self.request.channel is not Channel.ONLINE


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
    "booked_at",
)
_PARTS = (
    ORDER_INSERT.statement,
    APPOINTMENT_INSERT.statement,
    EVENT_INSERT.statement,
    AUDIT_INSERT.statement,
    MOVE_LOG,
)
_HOLD = HotStatement(together(*_PARTS, answer=MOVED))
_HOLD_AND_KEEP = HotStatement(together(*_PARTS, KEEP, answer=MOVED))

Kept = Mapping[str, Any]
"""Bound values of `idempotency.KEEP`, to store the answer in the same round trip."""


async def plan_hold(db: AsyncSession, request: HoldRequest) -> HoldPlan:
    """Read the facts, judge the rules, and say what the booking will be.

    Locks the person until the transaction ends, so that two requests for one person are judged one
    after the other. Raises the problems of `booking.policy`, and `NotFound` for a slot that does
    not exist and for a patient the account may not act for.
    """
    patients = await lock_patients(db, [(request.account_id, request.patient_id)])
    patient = patients.get(request.patient_id)
    if patient is None:
        raise NotFound
    slot = (await slot_facts(db, [request.slot_id])).get(request.slot_id)
    if slot is None:
        raise NotFound
    rule_set = await rules_of(db, hospital_id=slot.hospital_id, now=slot.now)
    pair = (slot.hospital_id, patient.person_id)
    history = (await histories(db, [pair]))[pair]
    refusal = _refusal(request, slot, patient, history, rule_set)
    if refusal is not None:
        raise refusal
    if _places_in(slot, request.pool) < 1:
        raise await no_place(db, slot, request.pool)
    return await _planned(db, request, slot, patient, rule_set)


def _refusal(
    request: HoldRequest,
    slot: SlotFacts,
    patient: PatientFacts,
    history: policy.History,
    rule_set: RuleSet,
) -> Problem | None:
    refusal = policy.refusal_of_slot(slot, rule_set.rules) or policy.refusal_of_patient(slot, patient)
    if refusal is None and not request.is_overruling:
        at_desk = request.channel is not Channel.ONLINE
        known = policy.History(standing=history.standing) if at_desk else history
        refusal = policy.refusal_by_history(slot, known, rule_set.rules)
    return refusal


def _places_in(slot: SlotFacts, pool: Bucket) -> int:
    return {Bucket.DESK: slot.desk, Bucket.ELDERLY: slot.elderly, Bucket.REFERRAL: slot.referral}.get(
        pool, slot.free
    )


async def no_place(db: AsyncSession, slot: SlotFacts, pool: Bucket) -> Problem:
    """Say what a person can do now that the slot has no place."""
    if pool is not Bucket.FREE:
        return PoolEmpty()
    later_free = await free_after(
        db, hospital_id=slot.hospital_id, session_id=slot.session_id, after=slot.starts_at
    )
    return policy.SlotFull(later_free=later_free) if later_free else SlotSoldOut(later_free=0)


async def _planned(
    db: AsyncSession, request: HoldRequest, slot: SlotFacts, patient: PatientFacts, rule_set: RuleSet
) -> HoldPlan:
    is_due_first = slot.fee_fen > 0 and request.channel is Channel.ONLINE
    number = None
    if not is_due_first:
        number = await next_number(db, hospital_id=slot.hospital_id, session_id=slot.session_id)
    return HoldPlan(
        request=request,
        slot=slot,
        patient=patient,
        rule_set=rule_set,
        appointment_id=new_id(slot.hospital_id),
        order_id=new_id(slot.hospital_id),
        number=number,
        hold_expires_at=policy.hold_ends_at(slot, rule_set.rules) if is_due_first else None,
    )


async def write_hold(db: AsyncSession, plan: HoldPlan, *, kept: Kept | None = None) -> None:
    """Write the appointment, its order, place log, events, audit and the hot row in one statement.

    The slot's row decides: raises `SlotFull` or `SlotSoldOut` if the last place went meanwhile, and
    the caller's transaction must roll back. `kept` stores the request's first answer with it.
    """
    params = _params([plan])
    try:
        if kept is None:
            moved = await _HOLD.rows(db, params)
        else:
            moved = await _HOLD_AND_KEEP.rows(db, {**params, **kept})
    except IntegrityError as error:
        raise clash(error) from error
    if moved[0][0] != 1:
        raise await no_place(db, plan.slot, plan.request.pool)


def clash(error: IntegrityError) -> Exception:
    """Name the rule that a unique index defended; anything else is not anticipated."""
    known: dict[str | None, type[Problem]] = {
        "appointment_one_per_person_and_session": policy.AlreadyBooked,
        "appointment_one_per_person_department_and_day": policy.DepartmentDayLimit,
    }
    problem = known.get(constraint_of(error))
    return error if problem is None else problem()


def _params(plans: Sequence[HoldPlan]) -> dict[str, Any]:
    return {
        **order_params([_order(plan) for plan in plans]),
        **APPOINTMENT_INSERT.params([appointment_values(plan) for plan in plans]),
        **event_params([_event(plan) for plan in plans]),
        **audit_params([_audit(plan) for plan in plans]),
        **move_params([take(plan) for plan in plans]),
    }


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
