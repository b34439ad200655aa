"""The one judgement of all doors that take a place: every check is made unless a door waives it by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from guahao.booking.policy.history import MOVES_COUNT_FOR, UNPAID_COUNTS_FOR, History, Standing
from guahao.booking.policy.problems import (
    AlreadyBooked,
    BookingBlocked,
    BookingClosedNow,
    DailyDepartmentsLimit,
    DailyLimit,
    DepartmentAgeLimit,
    DepartmentDayLimit,
    DepartmentSexLimit,
    ElderlyPlaceOnly,
    MonthlyLimit,
    MovesLimit,
    OutsideBookingWindow,
    PatientConsentWithdrawn,
    PatientNotVerified,
    SessionSuspended,
    SlotNotReleased,
    SlotOver,
    TimeConflict,
    TooLateForTomorrow,
    UnpaidHoldsLimit,
    WeeklyLimit,
)
from guahao.catalog.queries import Rules
from guahao.identity.queries.patients import PatientFacts
from guahao.kernel.clock import CHINA, age_on
from guahao.kernel.errors import Problem
from guahao.scheduling.queries.facts import SlotOnSale
from guahao.scheduling.queries.states import (
    CLOSED,
    Bucket,
    ClosedBy,
    WhyNot,
    why_not_by_hour,
    why_not_ever,
)


class Check(StrEnum):
    """What is judged before somebody gets a place, in this order; places are counted by the database."""

    SESSION = "session"
    HOUR = "hour"
    PATIENT = "patient"
    POOL = "pool"
    BLOCK = "block"
    UNPAID = "unpaid"
    MOVES = "moves"
    CLASH = "clash"
    COUNT = "count"


class Door(StrEnum):
    """By which door a place is asked for."""

    ONLINE = "online"
    DESK = "desk"
    OVERRULED = "overruled"
    MOVE = "move"
    HELPED_MOVE = "helped-move"
    LATE_MONEY = "late-money"


_FOR_NEWCOMERS = frozenset({Check.BLOCK, Check.UNPAID})
"""They close the way online to whoever has no place yet."""
WAIVED: Mapping[Door, frozenset[Check]] = {
    Door.ONLINE: frozenset({Check.MOVES}),
    Door.DESK: _FOR_NEWCOMERS | {Check.MOVES},
    # the desk wrote down why; the slot, the places and the department stay as they are
    Door.OVERRULED: _FOR_NEWCOMERS | {Check.MOVES, Check.POOL, Check.CLASH, Check.COUNT},
    Door.MOVE: _FOR_NEWCOMERS,
    # the desk moves somebody, or the session is suspended
    Door.HELPED_MOVE: _FOR_NEWCOMERS | {Check.MOVES},
    # it was asked for in time, and was not given up unpaid
    Door.LATE_MONEY: frozenset({Check.HOUR, Check.UNPAID, Check.MOVES}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Who asks for which place; `leaving` is the appointment that a move gives up for it.

    `patient` is None in a trial of rules, which leaves `ABOUT_PATIENTS` out.
    """

    slot: SlotOnSale
    patient: PatientFacts | None
    history: History
    rules: Rules
    pool: Bucket = Bucket.FREE
    leaving: UUID | None = None

    @property
    def others(self) -> list[Standing]:
        """The person's appointments that stay."""
        return [one for one in self.history.standing if one.appointment_id != self.leaving]


ABOUT_PATIENTS = frozenset({Check.PATIENT, Check.POOL})
"""What only facts of the patient decide."""


def refusal(case: Case, *, door: Door, unknown: frozenset[Check] = frozenset()) -> Problem | None:
    """Judge whether a place may be given to somebody; the first check that says no tells why.

    `unknown` are checks that cannot be made for want of facts.
    """
    for check, judge in _CHECKS.items():
        problem = None if check in WAIVED[door] | unknown else judge(case)
        if problem is not None:
            return problem
    return None


def refusal_of_slot(slot: SlotOnSale, rules: Rules) -> Problem | None:
    """Judge whether the slot is on sale at `slot.now`; places themselves are counted by the database."""
    return _refusal_by_session(slot, rules) or _refusal_by_hour(slot, rules)


def _refusal_by_session(slot: SlotOnSale, rules: Rules) -> Problem | None:
    reason = why_not_ever(slot, rules, now=slot.now)
    match reason:
        case None:
            return None
        case WhyNot.SUSPENDED:
            return SessionSuspended()
        case WhyNot.PAST | WhyNot.CLOSED:
            return SlotOver()
        case WhyNot.NOT_RELEASED:
            return SlotNotReleased(release_at=_local(slot.released_at))
        case WhyNot.OUTSIDE_WINDOW:
            return OutsideBookingWindow(days=rules.booking_window_days)
        case _:
            return CLOSED[ClosedBy(reason.value)]()


def _refusal_by_hour(slot: SlotOnSale, rules: Rules) -> Problem | None:
    match why_not_by_hour(rules, date=slot.date, now=slot.now):
        case WhyNot.QUIET_HOURS:
            assert rules.quiet_until is not None
            return BookingClosedNow(opens_at=rules.quiet_until.isoformat("minutes"))
        case WhyNot.TOO_LATE:
            assert rules.next_day_stop_time is not None
            return TooLateForTomorrow(stops_at=rules.next_day_stop_time.isoformat("minutes"))
        case _:
            return None


def _refusal_of_patient(case: Case) -> Problem | None:
    """Judge whether this department sees this patient at all."""
    slot, patient = case.slot, case.patient
    assert patient is not None
    if not patient.verified:
        return PatientNotVerified()
    if not patient.consented:
        return PatientConsentWithdrawn()
    if slot.sex_limit is not None and patient.sex is not slot.sex_limit:
        return DepartmentSexLimit()
    age = age_on(slot.date, birth_date=patient.birth_date)
    too_young = slot.min_age_years is not None and age < slot.min_age_years
    too_old = slot.max_age_years is not None and age > slot.max_age_years
    if too_young or too_old:
        return DepartmentAgeLimit(min_age_years=slot.min_age_years, max_age_years=slot.max_age_years)
    return None


def _refusal_of_pool(case: Case) -> Problem | None:
    """Judge whether a place that is kept for the elderly may be this person's."""
    if case.pool is not Bucket.ELDERLY:
        return None
    assert case.patient is not None
    if age_on(case.slot.date, birth_date=case.patient.birth_date) >= case.rules.elderly_age_years:
        return None
    return ElderlyPlaceOnly(age_years=case.rules.elderly_age_years)


def _refusal_by_block(case: Case) -> Problem | None:
    until = case.history.blocked_until
    return None if until is None else BookingBlocked(until=_local(until))


def _refusal_by_unpaid(case: Case) -> Problem | None:
    limit, unpaid_at = case.rules.unpaid_per_day, case.history.unpaid_at
    if len(unpaid_at) < limit:
        return None
    return UnpaidHoldsLimit(limit=limit, until=_local(unpaid_at[limit - 1] + UNPAID_COUNTS_FOR))


def _refusal_by_moves(case: Case) -> Problem | None:
    limit, moved_at = case.rules.moves_per_day, case.history.moved_at
    if len(moved_at) < limit:
        return None
    return MovesLimit(limit=limit, until=_local(moved_at[limit - 1] + MOVES_COUNT_FOR))


def _local(moment: datetime) -> str:
    return moment.astimezone(CHINA).isoformat(timespec="seconds")


def _refusal_by_clash(case: Case) -> Problem | None:
    slot, others = case.slot, case.others
    for one in others:
        if one.session_id == slot.session_id:
            return AlreadyBooked(appointment_id=str(one.appointment_id), state=one.state.value)
    for one in others:
        if (one.department_id, one.date) == (slot.department_id, slot.date):
            return DepartmentDayLimit(appointment_id=str(one.appointment_id))
    for one in others:
        if one.starts_at < slot.ends_at and slot.starts_at < one.ends_at:
            return TimeConflict(appointment_id=str(one.appointment_id))
    return None


def _refusal_by_count(case: Case) -> Problem | None:
    slot, rules, others = case.slot, case.rules, case.others
    same_day = [one for one in others if one.date == slot.date]
    if sum(one.hospital_id == slot.hospital_id for one in same_day) >= rules.per_day_hospital:
        return DailyLimit(limit=rules.per_day_hospital)
    if len({one.department_id for one in same_day}) >= rules.per_day_departments:
        return DailyDepartmentsLimit(limit=rules.per_day_departments)
    if _booked_within(others, slot.now, days=7) >= rules.per_week:
        return WeeklyLimit(limit=rules.per_week)
    if _booked_within(others, slot.now, days=30) >= rules.per_30_days:
        return MonthlyLimit(limit=rules.per_30_days)
    return None


def _booked_within(others: list[Standing], now: datetime, *, days: int) -> int:
    return sum(one.made_at > now - timedelta(days=days) for one in others)


_CHECKS: Mapping[Check, Callable[[Case], Problem | None]] = {
    Check.SESSION: lambda case: _refusal_by_session(case.slot, case.rules),
    Check.HOUR: lambda case: _refusal_by_hour(case.slot, case.rules),
    Check.PATIENT: _refusal_of_patient,
    Check.POOL: _refusal_of_pool,
    Check.BLOCK: _refusal_by_block,
    Check.UNPAID: _refusal_by_unpaid,
    Check.MOVES: _refusal_by_moves,
    Check.CLASH: _refusal_by_clash,
    Check.COUNT: _refusal_by_count,
}
