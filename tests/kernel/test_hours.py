"""The end of something on the clock: written, read, compared, turned into moments; a day ends at 24:00."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.kernel.clock import at_local, local_date
from guahao.kernel.value.hours import EndTime, read_clock, read_end
from guahao.kernel.value.unfit import Unfit

CLOCKS = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
ENDS = CLOCKS.map(EndTime.at)
DAYS = st.dates(date(2000, 1, 1), date(2199, 12, 31))
MIDNIGHT = EndTime(timedelta(days=1))


@given(ENDS)
def test_what_is_written_is_read_again(end: EndTime) -> None:
    assert read_end(str(end)) == end
    assert len(str(end)) == len("24:00")


@given(CLOCKS)
def test_a_start_and_an_end_are_read_alike_but_at_midnight(clock: time) -> None:
    written = f"{clock:%H:%M}"

    assert read_clock(written) == clock
    assert str(read_end(written)) == (written if clock != time() else "24:00")


@given(DAYS, ENDS, CLOCKS)
def test_moments_are_in_the_order_of_clocks_and_within_the_day(day: date, end: EndTime, start: time) -> None:
    moment = end.on(day)

    assert (moment > at_local(day, start)) == end.is_after(start)
    assert at_local(day, time()) < moment <= at_local(day + timedelta(days=1), time())
    assert local_date(moment - timedelta(microseconds=1)) == day
    assert EndTime.of(moment) == end


@given(st.lists(ENDS))
def test_ends_sort_as_they_are_written(ends: list[EndTime]) -> None:
    assert [str(end) for end in sorted(ends)] == sorted(str(end) for end in ends)


def test_the_end_of_a_day_is_the_beginning_of_the_next() -> None:
    assert MIDNIGHT.on(date(2026, 12, 31)) == datetime(2026, 12, 31, 16, tzinfo=UTC)
    assert MIDNIGHT.on(date(2026, 12, 31)) == at_local(date(2027, 1, 1), time())


@pytest.mark.parametrize(
    "typed",
    [
        "24:00",
        "24：00",
        "24∶00",
        "２４：００",
        "24:00:00",
        "24点",
        "24时00分",
        " 24:00 ",
        "\u200b24:00",
        "00:00",
        "0:00",
        "0点",
    ],
)
def test_the_end_of_the_day_however_it_is_written(typed: str) -> None:
    assert str(read_end(typed)) == "24:00"


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("24:00", "end_of_day"),
        ("24点", "end_of_day"),
        ("25:00", "time"),
        ("24:01", "time"),
        ("08:60", "time"),
        ("08:30:15", "times_to_the_minute"),
        ("08:30:00.5", "times_to_the_minute"),
        ("8", "time"),
        ("", "time"),
        ("晚上", "time"),
        ("08:00+08:00", "times_local"),
        ("08:00:00Z", "times_local"),
        ("18:00-05:00", "times_local"),
        ("08:00-12:00", "time_span"),
        ("8：00～11：30", "time_span"),
        ("8点至12点", "time_span"),
    ],
)
def test_what_is_no_start_says_why(typed: str, reason: str) -> None:
    with pytest.raises(Unfit) as caught:
        read_clock(typed)

    assert caught.value.reason == reason
    assert caught.value.sentence


@pytest.mark.parametrize("after", [timedelta(), timedelta(minutes=-1), timedelta(days=1, minutes=1)])
def test_nothing_ends_on_another_day(after: timedelta) -> None:
    with pytest.raises(ValueError, match=":"):
        EndTime(after)
