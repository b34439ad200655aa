from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.booking import policy
from guahao.booking.models import AppointmentState, CreditKind
from guahao.booking.policy import CancelTerms, History
from guahao.kernel.clock import at_local
from guahao.kernel.i18n import text
from guahao.payment.service import RefundReason
from guahao.scheduling.queries.states import SessionState
from tests.booking.test_policy import (
    DAY,
    NOW,
    RULES,
    SECOND,
    make_facts,
    make_patient_facts,
    make_standing,
)

LATE = at_local(DAY, time(0))
IN_TIME = LATE - SECOND
BOOKED, HELD, SUSPENDED = AppointmentState.BOOKED, AppointmentState.HELD, AppointmentState.SUSPENDED


@pytest.mark.parametrize(
    ("case", "terms"),
    [
        ({"state": HELD, "now": LATE}, CancelTerms(refund=None, credit=CreditKind.UNPAID, wording="held")),
        (
            {"state": HELD, "now": LATE, "is_hospital_fault": True},
            CancelTerms(refund=None, credit=None, wording="held-free"),
        ),
        (
            {"state": HELD, "now": LATE, "is_excused": True},
            CancelTerms(refund=None, credit=None, wording="held-free"),
        ),
        (
            {"state": BOOKED, "now": IN_TIME},
            CancelTerms(refund=RefundReason.CANCELLED, credit=CreditKind.CANCELLED, wording="in-time"),
        ),
        (
            {"state": BOOKED, "now": LATE},
            CancelTerms(refund=RefundReason.CANCELLED, credit=CreditKind.CANCELLED_LATE, wording="late"),
        ),
        (
            {"state": BOOKED, "now": LATE, "is_excused": True},
            CancelTerms(refund=RefundReason.CANCELLED, credit=None, wording="late"),
        ),
        (
            {"state": BOOKED, "now": LATE, "is_hospital_fault": True},
            CancelTerms(refund=RefundReason.HOSPITAL, credit=None, wording="suspended"),
        ),
        (
            {"state": SUSPENDED, "now": LATE, "is_hospital_fault": True},
            CancelTerms(refund=RefundReason.HOSPITAL, credit=None, wording="suspended"),
        ),
    ],
)
def test_what_cancelling_means(case: dict[str, object], terms: CancelTerms) -> None:
    assert policy.cancel_terms(RULES, date=DAY, **case) == terms  # type: ignore[arg-type]  # a table of cases
    assert text(f"cancel.{terms.wording}", money="")


def test_where_late_does_not_count_it_is_a_cancellation_like_any_other() -> None:
    rules = replace(RULES, late_cancel_counts=False)

    terms = policy.cancel_terms(rules, state=BOOKED, date=DAY, now=LATE)

    assert (terms.credit, terms.wording) == (CreditKind.CANCELLED, "in-time")


@given(
    minutes=st.integers(-20_000, 20_000),
    state=st.sampled_from([BOOKED, SUSPENDED]),
    is_hospital_fault=st.booleans(),
    is_excused=st.booleans(),
)
def test_what_was_paid_always_goes_back_and_the_hospitals_fault_never_counts(
    *, minutes: int, state: AppointmentState, is_hospital_fault: bool, is_excused: bool
) -> None:
    terms = policy.cancel_terms(
        RULES,
        state=state,
        date=DAY,
        now=LATE + timedelta(minutes=minutes),
        is_hospital_fault=is_hospital_fault,
        is_excused=is_excused,
    )

    assert terms.refund is (RefundReason.HOSPITAL if is_hospital_fault else RefundReason.CANCELLED)
    assert (terms.credit is None) is (is_hospital_fault or is_excused)


def refusal(slot: dict[str, object], **known: object) -> str | None:
    history = known.get("history", History())
    patient = known.get("patient", make_patient_facts())
    rules = known.get("rules", RULES)
    case = policy.Case(slot=make_facts(**slot), patient=patient, history=history, rules=rules)  # type: ignore[arg-type]  # a table of cases
    found = policy.refusal(case, door=policy.Door.LATE_MONEY)
    return found.code if found else None


def test_late_money_is_welcome_in_quiet_hours() -> None:
    rules = replace(RULES, quiet_from=time(9), quiet_until=time(11))

    assert policy.refusal_of_slot(make_facts(), rules) is not None
    assert refusal({}, rules=rules) is None


def test_late_money_is_refused_where_the_slot_or_the_person_cannot_be_booked() -> None:
    assert refusal({}) is None
    assert refusal({"state": SessionState.SUSPENDED}) == "session-suspended"
    assert refusal({"starts_at": NOW}) == "slot-over"
    assert refusal({"released_at": NOW + SECOND}) == "slot-not-released"
    assert refusal({}, patient=make_patient_facts(consented=False)) == "patient-consent-withdrawn"
    assert refusal({}, history=History(blocked_until=NOW + SECOND)) == "booking-blocked"
    same_day = tuple(make_standing(date=DAY) for _ in range(2))
    assert refusal({}, history=History(standing=same_day)) == "daily-limit"
