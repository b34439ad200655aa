"""The rules of booking, judged on facts that were read before: no I/O, no clock."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from guahao.booking.models import AppointmentState, CreditKind
from guahao.catalog.queries import DoctorLevel, Rules
from guahao.identity.queries.patients import PatientFacts
from guahao.kernel.clock import CHINA, age_on, local_date
from guahao.kernel.errors import Problem
from guahao.payment.service import RefundReason
from guahao.scheduling.queries.facts import SlotFacts, SlotOnSale
from guahao.scheduling.queries.states import (
    CLOSED,
    Bucket,
    ClosedBy,
    WhyNot,
    why_not_by_hour,
    why_not_ever,
)


class SessionSuspended(Problem):
    """The doctor will not see patients in this session."""

    code = "session-suspended"
    status = 409


class SlotOver(Problem):
    """The slot has begun or the session is finished."""

    code = "slot-over"
    status = 409


class SlotNotReleased(Problem):
    """The places go on sale at `release_at`."""

    code = "slot-not-released"
    status = 409


class SlotFull(Problem):
    """Every place of the slot is taken; `later_free` places are left later in the same session."""

    code = "slot-full"
    status = 409


class BookingClosedNow(Problem):
    """The hospital takes no bookings at this hour; it opens again at `opens_at` local time."""

    code = "booking-closed-now"
    status = 409


class TooLateForTomorrow(Problem):
    """The hospital stops booking for the next day at `stops_at` local time."""

    code = "too-late-for-tomorrow"
    status = 409


class OutsideBookingWindow(Problem):
    """The day is further ahead than the hospital's booking window of `days` days."""

    code = "outside-booking-window"
    status = 409


class PatientNotVerified(Problem):
    """The patient's identity has not been verified yet."""

    code = "patient-not-verified"
    status = 409


class PatientConsentWithdrawn(Problem):
    """The account withdrew its consent to the processing of sensitive personal information."""

    code = "patient-consent-withdrawn"
    status = 409


class AlreadyBooked(Problem):
    """The person already stands in this session; `appointment_id` is that appointment."""

    code = "already-booked"
    status = 409


class DepartmentDayLimit(Problem):
    """The person already has an appointment in this department on this day."""

    code = "department-day-limit"
    status = 409


class TimeConflict(Problem):
    """The person has another appointment at an overlapping time."""

    code = "time-conflict"
    status = 409


class DailyLimit(Problem):
    """The person has reached the number of appointments for that day, `limit`."""

    code = "daily-limit"
    status = 409


class DailyDepartmentsLimit(Problem):
    """The person has reached the number of departments for that day, over all hospitals, `limit`."""

    code = "daily-departments-limit"
    status = 409


class WeeklyLimit(Problem):
    """The person has booked `limit` times within seven days."""

    code = "weekly-limit"
    status = 409


class MonthlyLimit(Problem):
    """The person has booked `limit` times within thirty days."""

    code = "monthly-limit"
    status = 409


class BookingBlocked(Problem):
    """The person may not book online here until `until`; the desk stays open."""

    code = "booking-blocked"
    status = 409


class UnpaidHoldsLimit(Problem):
    """The person gave up `limit` places unpaid within a day; the next may be booked at `until`."""

    code = "unpaid-holds-limit"
    status = 409


class DepartmentSexLimit(Problem):
    """The department sees patients of the other sex only."""

    code = "department-sex-limit"
    status = 409


class DepartmentAgeLimit(Problem):
    """The department sees patients of another age only."""

    code = "department-age-limit"
    status = 409


class ElderlyPlaceOnly(Problem):
    """The place is kept for people of `age_years` and older."""

    code = "elderly-place-only"
    status = 409


class CancelTooLate(Problem):
    """The slot has begun; the desk decides about what happens now."""

    code = "cancel-too-late"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One appointment that is alive or was made within thirty days; moving it keeps `made_at`."""

    appointment_id: UUID
    hospital_id: int
    session_id: UUID
    department_id: UUID
    date: dt.date
    starts_at: datetime
    ends_at: datetime
    state: AppointmentState
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a person holds and has booked lately, and until when they are blocked at this hospital.

    `unpaid_at` are the moments of the last day at which a hold of theirs ended unpaid here, newest first.
    """

    standing: tuple[Standing, ...] = ()
    unpaid_at: tuple[datetime, ...] = ()
    blocked_until: datetime | None = None


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
            return SlotNotReleased(
                release_at=slot.released_at.astimezone(CHINA).isoformat(timespec="seconds")
            )
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


def refusal_of_patient(slot: SlotFacts, patient: PatientFacts) -> Problem | None:
    """Judge whether this department sees this patient at all."""
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


def refusal_of_pool(slot: SlotFacts, patient: PatientFacts, rules: Rules, *, pool: Bucket) -> Problem | None:
    """Judge whether a place that is kept for the elderly may be this person's."""
    if pool is Bucket.ELDERLY and age_on(slot.date, birth_date=patient.birth_date) < rules.elderly_age_years:
        return ElderlyPlaceOnly(age_years=rules.elderly_age_years)
    return None


UNPAID_COUNTS_FOR = timedelta(days=1)


def refusal_by_history(
    slot: SlotOnSale, history: History, rules: Rules, *, leaving: UUID | None = None
) -> Problem | None:
    """Judge the person's other appointments; `leaving` is the one a reschedule gives up."""
    if history.blocked_until is not None and leaving is None:
        return BookingBlocked(until=history.blocked_until.astimezone(CHINA).isoformat(timespec="seconds"))
    others = [one for one in history.standing if one.appointment_id != leaving]
    if leaving is None and len(history.unpaid_at) >= rules.unpaid_per_day:
        again_at = history.unpaid_at[rules.unpaid_per_day - 1] + UNPAID_COUNTS_FOR
        return UnpaidHoldsLimit(
            limit=rules.unpaid_per_day, until=again_at.astimezone(CHINA).isoformat(timespec="seconds")
        )
    return _refusal_by_clash(slot, others) or _refusal_by_count(slot, others, rules)


def _refusal_by_clash(slot: SlotOnSale, others: list[Standing]) -> Problem | None:
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


def _refusal_by_count(slot: SlotOnSale, others: list[Standing], rules: Rules) -> Problem | None:
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


def refusal_of_late_money(
    slot: SlotFacts, patient: PatientFacts, history: History, rules: Rules
) -> Problem | None:
    """Judge whether an appointment that expired may be booked again now that its money came.

    It was asked for in time, so the hours in which bookings are taken do not matter any more, nor what was
    given up unpaid: this was not.
    """
    return (
        _refusal_by_session(slot, rules)
        or refusal_of_patient(slot, patient)
        or refusal_by_history(slot, replace(history, unpaid_at=()), rules)
    )


def hold_ends_at(slot: SlotFacts, rules: Rules) -> datetime:
    """Until when the place is kept while the fee is paid; never past the slot's start."""
    is_same_day = slot.date == local_date(slot.now)
    minutes = rules.same_day_hold_min if is_same_day else rules.hold_min
    return min(slot.now + timedelta(minutes=minutes), slot.starts_at)


def is_late_cancel(rules: Rules, *, date: dt.date, now: datetime) -> bool:
    """Whether giving the place back now counts as late; `rules` are those it was booked under."""
    return rules.late_cancel_counts and now >= rules.cancel_deadline(date)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTerms:
    """What cancelling means for the money and for the person.

    `refund` is why the fee goes back, always all of it; None while nothing is paid. `credit` is what
    counts against the person. `wording` names the sentence to show before it is done.
    """

    refund: RefundReason | None
    credit: CreditKind | None
    wording: str


def cancel_terms(
    rules: Rules,
    *,
    state: AppointmentState,
    date: dt.date,
    now: datetime,
    is_hospital_fault: bool = False,
    is_excused: bool = False,
) -> CancelTerms:
    """Say what cancelling an appointment that is in `state` means at `now`.

    Whoever has not been seen yet gets the whole fee back, after the deadline too; then it counts as
    late where the rules under which it was booked, `rules`, say so. The hospital's fault never counts.
    """
    if state is AppointmentState.HELD:
        counts = not (is_hospital_fault or is_excused)
        return CancelTerms(
            refund=None,
            credit=CreditKind.UNPAID if counts else None,
            wording="held" if counts else "held-free",
        )
    if is_hospital_fault:
        return CancelTerms(refund=RefundReason.HOSPITAL, credit=None, wording="suspended")
    is_late = is_late_cancel(rules, date=date, now=now)
    credit = CreditKind.CANCELLED_LATE if is_late else CreditKind.CANCELLED
    return CancelTerms(
        refund=RefundReason.CANCELLED,
        credit=None if is_excused else credit,
        wording="late" if is_late else "in-time",
    )


def cools_until(
    rules: Rules, *, level: str, starts_at: datetime, now: datetime, chance: float
) -> datetime | None:
    """When a returned place goes back on sale, or None for at once.

    Places of scarce doctors (expert and special) wait a random time, so that nobody can hand
    their place to the next buyer by cancelling; close to the slot there is no time to lose.
    `chance` is uniform in [0, 1).
    """
    if level == DoctorLevel.GENERAL or now >= starts_at - timedelta(minutes=rules.cooling_stops_min_before):
        return None
    spread = rules.cooling_max_min - rules.cooling_min_min
    until = now + timedelta(minutes=rules.cooling_min_min + chance * spread)
    return min(until, starts_at - timedelta(minutes=rules.cooling_stops_min_before))
