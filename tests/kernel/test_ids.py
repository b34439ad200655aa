from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from guahao.kernel.ids import _Ticks, hospital_of, new_id


def test_ids_of_one_process_are_in_the_order_of_their_making() -> None:
    made = [new_id(number % 7) for number in range(20_000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert [hospital_of(id_) for id_ in made[:7]] == list(range(7))
    assert {(id_.version, id_.variant) for id_ in made} == {(8, "specified in RFC 4122")}


def test_ids_made_by_threads_are_all_different() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: [new_id() for _ in range(500)], range(16)))

    assert all(ids == sorted(ids) for ids in made)
    assert len({id_ for ids in made for id_ in ids}) == 8000


@given(st.lists(st.integers(1_000_000, 1_009_000), max_size=50))
def test_a_clock_that_is_set_a_little_does_not_turn_the_order_round(moments: list[int]) -> None:
    ticks = _Ticks()

    made = [ticks.next(moment) for moment in moments]

    assert made == sorted(set(made))


def test_a_full_millisecond_goes_on_in_the_next() -> None:
    ticks = _Ticks()

    made = [ticks.next(5) for _ in range(10_000)]

    assert made == sorted(set(made))
    assert made[-1][0] <= 8


def test_a_clock_that_was_far_ahead_is_not_followed_for_ever() -> None:
    ticks = _Ticks()
    ticks.next(10_000_000)

    assert ticks.next(9_000_000)[0] == 9_000_000
