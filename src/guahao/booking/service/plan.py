"""What bookings will be: facts read for many requests at once, rules judged one request after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking import policy
from guahao.booking.models import Appointment, AppointmentState, Channel
from guahao.booking.queries.history import histories, moves_lately
from guahao.booking.service.suspension import is_suspended
from guahao.catalog.queries import RuleSet, rules_of
from guahao.identity.queries.patients import PatientFacts, lock_patients
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import new_id
from guahao.scheduling.queries.facts import SlotFacts, free_after, slot_facts
from guahao.scheduling.queries.states import Bucket
from guahao.scheduling.service.locks import lock_sessions
from guahao.scheduling.service.places import SOLD_FROM, left_under_lock
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

    @property
    def door(self) -> policy.Door:
        """The door by which somebody asks who has no place yet."""
        if self.is_overruling:
            return policy.Door.OVERRULED
        return policy.Door.ONLINE if self.channel is Channel.ONLINE else policy.Door.DESK


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
    first_made_at: datetime | None = None
    """When the booking was made that this one moves, or that was moved before it."""

    @property
    def state(self) -> AppointmentState:
        """Held while a fee is due, else booked at once."""
        return AppointmentState.HELD if self.number is None else AppointmentState.BOOKED

    @property
    def is_paid_on_site(self) -> bool:
        """Whether the desk takes the fee, so that nothing waits for a payment."""
        return self.request.channel is not Channel.ONLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is judged of some requests, by account and patient, slot, hospital, hospital and person."""

    patients: Mapping[tuple[UUID | None, UUID], PatientFacts]
    slots: Mapping[UUID, SlotFacts]
    rule_sets: Mapping[int, RuleSet]
    histories: Mapping[tuple[int, UUID], policy.History]


async def plan_hold(db: AsyncSession, request: HoldRequest) -> HoldPlan:
    """Plan one booking. Raises the problem by which it is refused."""
    (planned,) = await plan_holds(db, [request])
    if isinstance(planned, Problem):
        raise planned
    return planned


async def plan_holds(db: AsyncSession, requests: Sequence[HoldRequest]) -> list[HoldPlan | Problem]:
    """Read the facts, judge the rules, and say of each request what the booking will be or why not.

    Locks the persons until the transaction ends, so that requests for one person are judged one
    after the other, in one batch too. Several requests also lock their slots and share out the
    places that are there; a single one leaves that to the slot's row when it is written. Refusals are
    the problems of `booking.policy`, and `NotFound` for a slot that does not exist and for a patient
    whom the account may not act for.
    """
    patients = await lock_patients(db, [(one.account_id, one.patient_id) for one in requests])
    slots = await slot_facts(db, {one.slot_id for one in requests})
    facts = await facts_of(db, requests, patients=patients, slots=slots)
    places = await _places(db, requests, facts.slots)
    planned: list[HoldPlan | Problem] = []
    for request in requests:
        refusal = judge(request, facts, door=request.door, planned=planned)
        left = places.get((request.slot_id, request.pool))
        if refusal is None and left is None:
            refusal = NotFound()
        if refusal is None and left == 0:
            refusal = await no_place(db, facts.slots[request.slot_id], request.pool)
        if refusal is not None:
            planned.append(refusal)
            continue
        places[request.slot_id, request.pool] -= 1
        planned.append(await _planned(db, request, facts))
    return planned


async def plan_move(
    db: AsyncSession,
    request: HoldRequest,
    *,
    old: Appointment,
    patients: Mapping[tuple[UUID | None, UUID], PatientFacts],
    slots: Mapping[UUID, SlotFacts],
) -> HoldPlan:
    """Plan a booking that takes over the order of `old`, which is given up for it.

    The caller holds the locks of the patient, of `old` and of both sessions. Raises the problem by which
    the move is refused, but for want of a place: the slot's row decides about that when it is written.
    """
    facts = await facts_of(db, [request], patients=patients, slots=slots)
    is_helped = request.channel is not Channel.ONLINE or is_suspended(old.state, slots[old.slot_id])
    door = policy.Door.HELPED_MOVE if is_helped else policy.Door.MOVE
    moved_at = await moves_lately(db, hospital_id=old.hospital_id, person_id=old.person_id)
    refusal = judge(request, facts, door=door, leaving=old.id, moved_at=moved_at)
    if refusal is not None:
        raise refusal
    return await _planned(db, request, facts, moved=old)


async def facts_of(
    db: AsyncSession,
    requests: Sequence[HoldRequest],
    *,
    patients: Mapping[tuple[UUID | None, UUID], PatientFacts],
    slots: Mapping[UUID, SlotFacts],
) -> Facts:
    """Read the rules and the histories of patients that are locked."""
    known = [
        (slots[one.slot_id], patients[one.account_id, one.patient_id])
        for one in requests
        if one.slot_id in slots and (one.account_id, one.patient_id) in patients
    ]
    rule_sets = {
        slot.hospital_id: await rules_of(db, hospital_id=slot.hospital_id, now=slot.now)
        for slot in {slot.hospital_id: slot for slot, _ in known}.values()
    }
    pairs = {(slot.hospital_id, patient.person_id) for slot, patient in known}
    return Facts(
        patients=patients,
        slots=slots,
        rule_sets=rule_sets,
        histories=await histories(db, pairs) if pairs else {},
    )


async def _places(
    db: AsyncSession, requests: Sequence[HoldRequest], slots: Mapping[UUID, SlotFacts]
) -> dict[tuple[UUID, Bucket], int]:
    """How many places are left in each pool of each slot; for several requests, under lock.

    Sessions that will give a number are locked before any slot, as everybody does. A slot that was
    withdrawn while its lock was waited for is left out.
    """
    if len(requests) > 1:
        known = [(one, slots[one.slot_id]) for one in requests if one.slot_id in slots]
        numbered = {
            (slot.hospital_id, slot.session_id) for one, slot in known if not _is_due_first(one, slot)
        }
        if numbered:
            await lock_sessions(db, numbered)
        return await left_under_lock(db, slots)
    return {(id_, pool): getattr(slot, pool.value) for id_, slot in slots.items() for pool in SOLD_FROM}


def judge(
    request: HoldRequest,
    facts: Facts,
    *,
    door: policy.Door,
    planned: Sequence[HoldPlan | Problem] = (),
    leaving: UUID | None = None,
    moved_at: tuple[datetime, ...] = (),
) -> Problem | None:
    """Say why a place may not be had by this door; `planned` is what the batch got before.

    `leaving` is the appointment that a move gives up, `moved_at` when they moved before. Places are not
    counted here.
    """
    slot = facts.slots.get(request.slot_id)
    patient = facts.patients.get((request.account_id, request.patient_id))
    if slot is None or patient is None:
        return NotFound()
    history = facts.histories[slot.hospital_id, patient.person_id]
    case = policy.Case(
        slot=slot,
        patient=patient,
        history=replace(
            history,
            standing=(*history.standing, *_standing_of(patient, planned)),
            moved_at=moved_at,
        ),
        rules=facts.rule_sets[slot.hospital_id].rules,
        pool=request.pool,
        leaving=leaving,
    )
    return policy.refusal(case, door=door)


def _standing_of(patient: PatientFacts, planned: Sequence[HoldPlan | Problem]) -> tuple[policy.Standing, ...]:
    """What the same person got earlier in the batch."""
    return tuple(
        policy.Standing(
            appointment_id=plan.appointment_id,
            hospital_id=plan.slot.hospital_id,
            session_id=plan.slot.session_id,
            department_id=plan.slot.department_id,
            date=plan.slot.date,
            starts_at=plan.slot.starts_at,
            ends_at=plan.slot.ends_at,
            state=plan.state,
            made_at=plan.slot.now,
        )
        for plan in planned
        if isinstance(plan, HoldPlan) and plan.patient.person_id == patient.person_id
    )


async def not_taken(db: AsyncSession, plan: HoldPlan) -> Problem:
    """Say why a planned place could not be taken when its slot's row was written.

    Meanwhile the last place went, or the slot began, was suspended or was closed: read again.
    """
    slot = (await slot_facts(db, [plan.slot.slot_id])).get(plan.slot.slot_id)
    if slot is None:
        return NotFound()
    refusal = policy.refusal_of_slot(slot, plan.rule_set.rules)
    return refusal or await no_place(db, slot, plan.request.pool)


async def no_place(db: AsyncSession, slot: SlotFacts, pool: Bucket) -> Problem:
    """Say what a person can do now that the slot has no place."""
    if pool is not Bucket.FREE:
        return PoolEmpty()
    later_free = await free_after(
        db, hospital_id=slot.hospital_id, session_id=slot.session_id, after=slot.starts_at
    )
    return policy.SlotFull(later_free=later_free) if later_free else SlotSoldOut(later_free=0)


def _is_due_first(request: HoldRequest, slot: SlotFacts) -> bool:
    """Whether a fee is to be paid online before the place is the person's."""
    return slot.fee_fen > 0 and request.channel is Channel.ONLINE


async def _planned(
    db: AsyncSession, request: HoldRequest, facts: Facts, *, moved: Appointment | None = None
) -> HoldPlan:
    """Fill in a booking that nothing refuses; what is `moved` brings its order, paid or not."""
    slot = facts.slots[request.slot_id]
    rule_set = facts.rule_sets[slot.hospital_id]
    is_due_first = moved is None and _is_due_first(request, slot)
    number = None
    if not is_due_first:
        number = await next_number(db, hospital_id=slot.hospital_id, session_id=slot.session_id)
    return HoldPlan(
        request=request,
        slot=slot,
        patient=facts.patients[request.account_id, request.patient_id],
        rule_set=rule_set,
        appointment_id=new_id(slot.hospital_id),
        order_id=moved.order_id if moved else new_id(slot.hospital_id),
        number=number,
        hold_expires_at=policy.hold_ends_at(slot, rule_set.rules) if is_due_first else None,
        rescheduled_from=moved.id if moved else None,
        first_made_at=(moved.first_made_at or moved.created_at) if moved else None,
    )
