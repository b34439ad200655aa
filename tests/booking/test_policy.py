from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.booking import policy
from guahao.booking.models import AppointmentState
from guahao.booking.policy import Case, Door, History, Standing
from guahao.catalog.queries import DoctorLevel, Rules
from guahao.identity.queries.patients import PatientFacts
from guahao.kernel.clock import age_on, at_local
from guahao.kernel.errors import Problem
from guahao.kernel.ids import new_id
from guahao.kernel.sex import Sex
from guahao.scheduling.queries.facts import SlotFacts
from guahao.scheduling.queries.states import Period, SessionState

DAY = date(2026, 12, 10)
START = at_local(DAY, time(9))
NOW = at_local(date(2026, 12, 8), time(10))
SECOND = timedelta(seconds=1)
RULES = Rules()


def make_facts(**overrides: object) -> SlotFacts:
    values: dict[str, object] = {
        "hospital_id": 1,
        "slot_id": new_id(1),
        "session_id": new_id(1),
        "doctor_id": new_id(1),
        "department_id": new_id(1),
        "campus_id": new_id(1),
        "room": "3 诊室",
        "date": DAY,
        "period": Period.MORNING,
        "state": SessionState.PUBLISHED,
        "level": DoctorLevel.EXPERT,
        "fee_fen": 5000,
        "sex_limit": None,
        "min_age_years": None,
        "max_age_years": None,
        "session_ends_at": START + timedelta(hours=3),
        "starts_at": START,
        "ends_at": START + timedelta(minutes=30),
        "released_at": NOW - timedelta(days=1),
        "free": 1,
        "desk": 0,
        "elderly": 0,
        "referral": 0,
        "now": NOW,
    }
    return SlotFacts(**(values | overrides))  # type: ignore[arg-type]  # a factory passes overrides on


def make_patient_facts(**overrides: object) -> PatientFacts:
    values: dict[str, object] = {
        "patient_id": new_id(),
        "person_id": new_id(),
        "birth_date": date(1990, 1, 1),
        "sex": Sex.FEMALE,
        "verified": True,
        "consented": True,
    }
    return PatientFacts(**(values | overrides))  # type: ignore[arg-type]  # a factory passes overrides on


def make_standing(**overrides: object) -> Standing:
    values: dict[str, object] = {
        "appointment_id": new_id(1),
        "hospital_id": 1,
        "session_id": new_id(1),
        "department_id": new_id(1),
        "date": DAY + timedelta(days=1),
        "starts_at": START + timedelta(days=1),
        "ends_at": START + timedelta(days=1, minutes=30),
        "state": AppointmentState.BOOKED,
        "made_at": NOW - timedelta(hours=1),
    }
    return Standing(**(values | overrides))  # type: ignore[arg-type]  # a factory passes overrides on


def judged(
    slot: SlotFacts,
    history: History | None = None,
    *,
    patient: PatientFacts | None = None,
    door: Door = Door.ONLINE,
    leaving: UUID | None = None,
) -> Problem | None:
    case = Case(
        slot=slot,
        patient=patient or make_patient_facts(),
        history=history or History(),
        rules=RULES,
        leaving=leaving,
    )
    return policy.refusal(case, door=door)


def code_of(problem: object) -> str | None:
    return getattr(problem, "code", None)


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({}, None),
        ({"state": SessionState.SUSPENDED}, "session-suspended"),
        ({"state": SessionState.DRAFT}, "slot-over"),
        ({"state": SessionState.FINISHED}, "slot-over"),
        ({"now": START - SECOND, "released_at": NOW}, None),
        ({"now": START}, "slot-over"),
        ({"now": START + SECOND}, "slot-over"),
        ({"released_at": NOW - SECOND}, None),
        ({"released_at": NOW}, None),
        ({"released_at": NOW + SECOND}, "slot-not-released"),
        ({"date": date(2026, 12, 22), "starts_at": at_local(date(2026, 12, 22), time(9))}, None),
        (
            {"date": date(2026, 12, 23), "starts_at": at_local(date(2026, 12, 23), time(9))},
            "outside-booking-window",
        ),
    ],
)
def test_a_slot_is_on_sale_only_between_its_release_and_its_start(
    overrides: dict[str, object], code: str | None
) -> None:
    assert code_of(policy.refusal_of_slot(make_facts(**overrides), RULES)) == code


@pytest.mark.parametrize(
    ("clock_time", "code"),
    [
        (time(21, 59, 59), None),
        (time(22), "booking-closed-now"),
        (time(0), "booking-closed-now"),
        (time(5, 59, 59), "booking-closed-now"),
        (time(6), None),
    ],
)
def test_quiet_hours_may_run_over_midnight(clock_time: time, code: str | None) -> None:
    rules = replace(RULES, quiet_from=time(22), quiet_until=time(6))
    slot = make_facts(now=at_local(date(2026, 12, 8), clock_time), released_at=NOW - timedelta(days=3))

    assert code_of(policy.refusal_of_slot(slot, rules)) == code


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (at_local(date(2026, 12, 9), time(15, 59, 59)), None),
        (at_local(date(2026, 12, 9), time(16)), "too-late-for-tomorrow"),
        (at_local(date(2026, 12, 8), time(23)), None),
        (at_local(DAY, time(8)), None),
    ],
)
def test_booking_for_tomorrow_stops_at_the_hospitals_hour(now: datetime, code: str | None) -> None:
    rules = replace(RULES, next_day_stop_time=time(16))

    assert code_of(policy.refusal_of_slot(make_facts(now=now), rules)) == code


@pytest.mark.parametrize(
    ("slot", "patient", "code"),
    [
        ({}, {}, None),
        ({}, {"verified": False}, "patient-not-verified"),
        ({}, {"consented": False}, "patient-consent-withdrawn"),
        ({"sex_limit": Sex.FEMALE}, {}, None),
        ({"sex_limit": Sex.MALE}, {}, "department-sex-limit"),
        ({"max_age_years": 14}, {"birth_date": date(2011, 12, 11)}, None),
        ({"max_age_years": 14}, {"birth_date": date(2011, 12, 10)}, "department-age-limit"),
        ({"min_age_years": 18}, {"birth_date": date(2008, 12, 10)}, None),
        ({"min_age_years": 18}, {"birth_date": date(2008, 12, 11)}, "department-age-limit"),
    ],
)
def test_a_department_sees_only_its_own_patients(
    slot: dict[str, object], patient: dict[str, object], code: str | None
) -> None:
    assert code_of(judged(make_facts(**slot), patient=make_patient_facts(**patient))) == code


def test_the_same_session_is_refused_before_the_same_department() -> None:
    slot = make_facts()
    one = make_standing(session_id=slot.session_id, department_id=slot.department_id, date=slot.date)

    refusal = judged(slot, History(standing=(one,)))

    assert isinstance(refusal, policy.AlreadyBooked)
    assert refusal.extra == {"appointment_id": str(one.appointment_id), "state": "booked"}


def test_the_same_department_is_refused_on_the_same_day_only() -> None:
    slot = make_facts()
    same_day = make_standing(
        department_id=slot.department_id,
        date=slot.date,
        starts_at=slot.starts_at + timedelta(hours=5),
        ends_at=slot.ends_at + timedelta(hours=5),
    )
    next_day = make_standing(department_id=slot.department_id)

    first = judged(slot, History(standing=(same_day,)))
    second = judged(slot, History(standing=(next_day,)))

    assert (code_of(first), code_of(second)) == ("department-day-limit", None)


@pytest.mark.parametrize(
    ("shift", "code"),
    [
        (timedelta(minutes=-30), None),
        (timedelta(minutes=-30) + SECOND, "time-conflict"),
        (timedelta(0), "time-conflict"),
        (timedelta(minutes=30) - SECOND, "time-conflict"),
        (timedelta(minutes=30), None),
    ],
)
def test_times_that_only_touch_do_not_overlap(shift: timedelta, code: str | None) -> None:
    slot = make_facts()
    other = make_standing(starts_at=slot.starts_at + shift, ends_at=slot.ends_at + shift)

    assert code_of(judged(slot, History(standing=(other,)))) == code


@pytest.mark.parametrize(
    ("count", "overrides", "code"),
    [
        (1, {"date": DAY}, None),
        (2, {"date": DAY}, "daily-limit"),
        (2, {"date": DAY, "hospital_id": 2}, None),
        (3, {"date": DAY, "hospital_id": 2}, "daily-departments-limit"),
        (4, {"made_at": NOW - timedelta(days=7) + SECOND}, None),
        (5, {"made_at": NOW - timedelta(days=7) + SECOND}, "weekly-limit"),
        (5, {"made_at": NOW - timedelta(days=7)}, None),
        (7, {"made_at": NOW - timedelta(days=29)}, None),
        (8, {"made_at": NOW - timedelta(days=29)}, "monthly-limit"),
        (8, {"made_at": NOW - timedelta(days=30)}, None),
    ],
)
def test_a_person_books_only_so_much(count: int, overrides: dict[str, object], code: str | None) -> None:
    slot = make_facts()
    standing = tuple(make_standing(**overrides) for _ in range(count))

    assert code_of(judged(slot, History(standing=standing))) == code


def test_a_block_stops_new_bookings_but_not_a_move() -> None:
    history = History(blocked_until=NOW + timedelta(days=3))

    booking = judged(make_facts(), history)
    move = judged(make_facts(), history, door=Door.MOVE, leaving=new_id(1))

    assert isinstance(booking, policy.BookingBlocked)
    assert booking.extra == {"until": "2026-12-11T10:00:00+08:00"}
    assert move is None


def test_the_appointment_that_is_left_counts_nowhere() -> None:
    slot = make_facts()
    old = make_standing(session_id=slot.session_id, department_id=slot.department_id, date=slot.date)

    assert judged(slot, History(standing=(old,)), door=Door.MOVE, leaving=old.appointment_id) is None


@pytest.mark.parametrize(
    ("now", "minutes"),
    [
        (NOW, 15),
        (at_local(DAY, time(8)), 10),
        (at_local(DAY, time(8, 55)), 5),
    ],
)
def test_a_hold_is_shorter_on_the_same_day_and_ends_at_the_start(now: datetime, minutes: int) -> None:
    assert policy.hold_ends_at(make_facts(now=now), RULES) == now + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("now", "is_late"),
    [
        (at_local(DAY, time(0)) - SECOND, False),
        (at_local(DAY, time(0)), True),
    ],
)
def test_cancelling_is_free_until_the_end_of_the_day_before(*, now: datetime, is_late: bool) -> None:
    assert policy.is_late_cancel(RULES, date=DAY, now=now) is is_late


@given(
    minutes_before=st.integers(0, 20_000),
    chance=st.floats(0, 1, exclude_max=True),
    level=st.sampled_from(DoctorLevel),
)
def test_a_cooling_place_comes_back_in_time(minutes_before: int, chance: float, level: DoctorLevel) -> None:
    now = START - timedelta(minutes=minutes_before)

    until = policy.cools_until(RULES, level=level, starts_at=START, now=now, chance=chance)

    last = START - timedelta(minutes=RULES.cooling_stops_min_before)
    if level is DoctorLevel.GENERAL or now >= last:
        assert until is None
    else:
        assert until is not None
        assert now < until <= last
        assert until <= now + timedelta(minutes=RULES.cooling_max_min)


@given(birth=st.dates(date(1900, 1, 1), DAY), day=st.dates(DAY, date(2100, 1, 1)))
def test_age_grows_on_the_birthday(birth: date, day: date) -> None:
    age = age_on(day, birth_date=birth)

    assert age >= 0
    assert age_on(day + timedelta(days=1), birth_date=birth) - age in {0, 1}


@given(moment=st.times(), start=st.times(), end=st.times())
def test_quiet_hours_and_their_complement_cover_the_day(moment: time, start: time, end: time) -> None:
    now = at_local(DAY, moment)
    quiet = replace(RULES, quiet_from=start, quiet_until=end) if start != end else None
    awake = replace(RULES, quiet_from=end, quiet_until=start) if start != end else None

    if quiet and awake:
        assert quiet.is_quiet(now) is not awake.is_quiet(now)
