from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.catalog.queries import Rules
from guahao.kernel.clock import at_local, local_date
from guahao.kernel.value.hours import EndTime
from guahao.scheduling.models import (
    RESERVES,
    Bucket,
    ExceptionKind,
    HolidayRule,
    ScheduleException,
    ScheduleTemplate,
    SessionState,
)
from guahao.scheduling.policy.bookable import OnSale, WhyNot, why_not_shown
from guahao.scheduling.policy.legal_holidays import legal_holidays
from guahao.scheduling.policy.plan import plan
from guahao.scheduling.policy.shown import ShownState, shown_state
from guahao.scheduling.policy.slots import PoolShares, ReturnRules, return_moments, slots_of, split_pools
from guahao.scheduling.policy.workdays import is_known, is_public_holiday, weekday_worked
from tests.factories.scheduling import Clinic, template_row

EIGHT = at_local(date(2026, 12, 1), time(8))
MINUTE = timedelta(minutes=1)
CLINIC = Clinic(hospital_id=1, campus_id=uuid4(), department_id=uuid4(), doctor_id=uuid4())


def template(**overrides: object) -> ScheduleTemplate:
    row = template_row(CLINIC, **overrides)
    return ScheduleTemplate(id=uuid4(), **{name: getattr(row, name) for name in row.__slots__})


def exception(day: date, kind: ExceptionKind, **values: object) -> ScheduleException:
    return ScheduleException(id=uuid4(), hospital_id=1, date=day, kind=kind, reason="测试", **values)


@given(minutes=st.integers(1, 600), slot_min=st.integers(5, 30), capacity=st.integers(1, 100))
def test_slots_cover_the_session_without_gap_and_none_is_empty(
    minutes: int, slot_min: int, capacity: int
) -> None:
    ends = EIGHT + minutes * MINUTE

    slots = slots_of(EIGHT, ends, slot_min=slot_min, capacity=capacity)

    assert [slots[0].starts_at, *(slot.ends_at for slot in slots)] == [
        *(slot.starts_at for slot in slots),
        ends,
    ]
    assert all(slot.ends_at - slot.starts_at == slot_min * MINUTE for slot in slots[:-1])
    assert slots[-1].ends_at - slots[-1].starts_at <= slot_min * MINUTE
    assert all(slot.capacity == capacity for slot in slots[:-1])
    assert 1 <= slots[-1].capacity <= capacity


def test_a_short_last_slot_has_fewer_places() -> None:
    slots = slots_of(EIGHT, EIGHT + 70 * MINUTE, slot_min=30, capacity=6)

    assert [slot.capacity for slot in slots] == [6, 6, 2]


@st.composite
def shares(draw: st.DrawFn) -> PoolShares:
    desk = draw(st.integers(0, 100))
    elderly = draw(st.integers(0, 100 - desk))
    referral = draw(st.integers(0, 100 - desk - elderly))
    later = draw(st.integers(0, 100 - desk - elderly - referral))
    return PoolShares(desk=desk, elderly=elderly, referral=referral, later=later)


@given(capacities=st.lists(st.integers(1, 100), min_size=1, max_size=20), pools=shares())
def test_pools_sum_to_each_slots_capacity_and_to_their_exact_share(
    capacities: list[int], pools: PoolShares
) -> None:
    split = split_pools(capacities, pools)

    assert [sum(slot.values()) for slot in split] == capacities
    assert all(places >= 0 for slot in split for places in slot.values())
    for reserve in RESERVES:
        assert sum(slot.get(reserve, 0) for slot in split) == sum(capacities) * pools.of(reserve) // 100


def test_a_pool_is_spread_over_the_slots() -> None:
    split = split_pools([5, 5, 5, 5], PoolShares(elderly=10, referral=20))

    assert [slot.get(Bucket.ELDERLY, 0) for slot in split] == [1, 1, 0, 0]
    assert [slot.get(Bucket.REFERRAL, 0) for slot in split] == [1, 1, 1, 1]
    assert [slot[Bucket.FREE] for slot in split] == [3, 3, 4, 4]


def test_pools_return_before_their_slot() -> None:
    rules = ReturnRules(desk_min=60, elderly_min=90, referral_h=24, later_days=1, later_time=time(15))

    returns = return_moments(date(2026, 12, 1), EIGHT, rules)

    assert returns == {
        Bucket.DESK: EIGHT - 60 * MINUTE,
        Bucket.ELDERLY: EIGHT - 90 * MINUTE,
        Bucket.REFERRAL: EIGHT - timedelta(days=1),
        Bucket.LATER: at_local(date(2026, 11, 30), time(15)),
    }


@pytest.mark.parametrize(
    ("day", "is_holiday", "weekday"),
    [
        (date(2026, 10, 1), True, 3),
        (date(2026, 10, 7), True, 2),
        (date(2026, 10, 8), False, 3),
        (date(2026, 9, 20), False, 1),
        (date(2026, 10, 10), False, 2),
        (date(2026, 11, 28), False, 5),
    ],
)
def test_holidays_and_make_up_days_are_those_of_the_notice(day: date, is_holiday: bool, weekday: int) -> None:
    assert is_public_holiday(day) is is_holiday
    assert weekday_worked(day) == weekday


def test_a_year_without_a_notice_has_plain_weeks() -> None:
    day = date(2099, 10, 8)

    assert not is_known(day)
    assert not is_public_holiday(day)
    assert weekday_worked(day) == day.weekday()


def days_of(*templates: ScheduleTemplate, first: date) -> list[date]:
    days = [first + timedelta(days=ahead) for ahead in range(7)]
    return [one.date for one in plan(templates, [], days)]


def test_a_template_gives_a_session_on_its_weekday() -> None:
    assert days_of(template(weekday=0), first=date(2026, 11, 23)) == [date(2026, 11, 23)]


def test_a_template_is_valid_from_its_first_day_to_before_its_last() -> None:
    edges = template(weekday=0, valid_from=date(2026, 11, 23), valid_until=date(2026, 11, 30))

    found = plan([edges], [], [date(2026, 11, day) for day in (16, 23, 30)])

    assert [one.date for one in found] == [date(2026, 11, 23)]


def test_closed_templates_rest_on_holidays_and_work_on_make_up_days() -> None:
    tuesday, wednesday = template(weekday=1), template(weekday=2)

    assert days_of(tuesday, wednesday, first=date(2026, 10, 5)) == [date(2026, 10, 10)]


def test_open_templates_follow_the_calendar_whatever_the_holiday() -> None:
    always = template(weekday=1, on_holidays=HolidayRule.OPEN)

    assert days_of(always, first=date(2026, 10, 5)) == [date(2026, 10, 6)]


def test_a_hospital_can_follow_another_weekday_on_one_date() -> None:
    day = date(2026, 11, 28)
    wednesday, saturday = template(weekday=2), template(weekday=5)
    follow = exception(day, ExceptionKind.FOLLOW_WEEKDAY, weekday=2)

    found = plan([wednesday, saturday], [follow], [day])

    assert [one.template_id for one in found] == [wednesday.id]


def test_the_narrowest_exception_wins() -> None:
    day = date(2026, 11, 23)
    changed, cancelled = (
        template(room="301"),
        template(room="302", starts=time(14), ends=EndTime.at(time(16))),
    )
    exceptions = [
        exception(day, ExceptionKind.CANCELLED, doctor_id=CLINIC.doctor_id),
        exception(
            day,
            ExceptionKind.CHANGED,
            template_id=changed.id,
            starts=time(9),
            ends=EndTime.at(time(10)),
            capacity_per_slot=2,
            room="401",
        ),
    ]

    [found] = plan([changed, cancelled], exceptions, [day])

    assert (found.template_id, found.room, found.capacity_per_slot) == (changed.id, "401", 2)
    assert (found.starts_at, found.ends_at) == (at_local(day, time(9)), at_local(day, time(10)))


def test_a_substitute_takes_the_session_over() -> None:
    day, other = date(2026, 11, 23), uuid4()
    mine = template()

    [found] = plan(
        [mine], [exception(day, ExceptionKind.SUBSTITUTE, template_id=mine.id, substitute_id=other)], [day]
    )

    assert (found.doctor_id, found.room) == (other, "301")


@pytest.mark.parametrize(
    ("state", "at", "shown"),
    [
        (SessionState.PUBLISHED, -61, ShownState.PUBLISHED),
        (SessionState.PUBLISHED, -60, ShownState.RELEASED),
        (SessionState.PUBLISHED, 59, ShownState.RELEASED),
        (SessionState.PUBLISHED, 60, ShownState.CLOSED),
        (SessionState.SUSPENDED, 0, ShownState.SUSPENDED),
        (SessionState.SUSPENDED, 60, ShownState.CLOSED),
        (SessionState.FINISHED, 0, ShownState.CLOSED),
        (SessionState.DRAFT, 0, ShownState.DRAFT),
    ],
)
def test_the_shown_state_follows_the_clock(state: SessionState, at: int, shown: ShownState) -> None:
    now = EIGHT + at * MINUTE

    found = shown_state(state, release_at=EIGHT - 60 * MINUTE, ends_at=EIGHT + 60 * MINUTE, now=now)

    assert found is shown


@pytest.mark.parametrize(
    ("at", "free", "reason"),
    [
        (-61, 1, WhyNot.NOT_RELEASED),
        (-60, 1, None),
        (-60, 0, WhyNot.FULL),
        (-1, 1, None),
        (0, 1, WhyNot.PAST),
    ],
)
def test_a_slot_can_be_booked_from_release_to_its_start(at: int, free: int, reason: WhyNot | None) -> None:
    now: datetime = EIGHT + at * MINUTE

    slot = OnSale(
        date=local_date(EIGHT),
        state=SessionState.PUBLISHED,
        starts_at=EIGHT,
        released_at=EIGHT - 60 * MINUTE,
    )

    found = why_not_shown(slot, Rules(), ends_at=EIGHT + 60 * MINUTE, places=free, now=now)

    assert found is reason


def test_days_fixed_by_law_are_off_in_a_year_that_nobody_has_published() -> None:
    unknown = [date(2027, 1, 1), date(2031, 5, 2), date(2031, 10, 3), date(2027, 2, 5), date(2027, 2, 8)]

    assert [is_known(day) for day in unknown] == [False] * 5
    assert [is_public_holiday(day) for day in unknown] == [True] * 5
    assert [is_public_holiday(date(2027, 1, day)) for day in (2, 3, 4)] == [False] * 3
    assert [is_public_holiday(date(2027, 2, day)) for day in (4, 9)] == [False] * 2


@pytest.mark.parametrize("year", [2025, 2026])
def test_what_the_law_fixes_is_in_the_notices_that_came_out(year: int) -> None:
    assert all(is_public_holiday(day) for day in legal_holidays(year))
    assert len(legal_holidays(year)) in (12, 13)


@pytest.mark.parametrize("year", range(2027, 2100))
def test_every_year_has_its_thirteen_days(year: int) -> None:
    days = legal_holidays(year)
    names = Counter(days.values())

    assert names["春节"] == 4
    assert sum(names.values()) >= 12
    assert {day.month for day, name in days.items() if name == "清明"} == {4}


def test_a_template_that_rests_on_holidays_gives_nothing_on_new_years_day() -> None:
    friday = template(weekday=4)

    planned = plan([friday], [], [date(2027, 1, 1), date(2027, 1, 8)])

    assert [one.date for one in planned] == [date(2027, 1, 8)]
