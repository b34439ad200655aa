"""How long a place is kept unpaid, and what giving it back means."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from datetime import datetime, timedelta

from guahao.booking.models import AppointmentState, CreditKind
from guahao.catalog.queries import DoctorLevel, Rules
from guahao.kernel.clock import local_date
from guahao.payment.service import RefundReason
from guahao.scheduling.queries.facts import SlotFacts


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
