from __future__ import annotations

import pytest

from guahao.kernel.errors import TooManyRequests
from guahao.kernel.limit import TokenBuckets


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def taken(buckets: TokenBuckets, *key: str, tries: int) -> int:
    """How many of so many tries get a token."""
    count = 0
    for _ in range(tries):
        try:
            buckets.take(*key, a_minute=6)
        except TooManyRequests:
            continue
        count += 1
    return count


def test_a_bucket_gives_a_minute_s_tokens_at_once_and_then_one_by_one() -> None:
    clock = Clock()
    buckets = TokenBuckets(clock=clock)

    at_once = taken(buckets, "book", "a", tries=20)
    with pytest.raises(TooManyRequests) as refused:
        buckets.take("book", "a", a_minute=6)
    clock.now += 10
    after_ten_seconds = taken(buckets, "book", "a", tries=20)
    clock.now += 1000
    after_long = taken(buckets, "book", "a", tries=20)

    assert (at_once, after_ten_seconds, after_long) == (6, 1, 6)
    assert refused.value.extra["retry_after_s"] == 10


def test_one_who_hammers_takes_no_tokens_of_others_and_waits_no_longer_for_it() -> None:
    clock = Clock()
    buckets = TokenBuckets(clock=clock)
    taken(buckets, "book", "a", tries=5000)

    others = taken(buckets, "book", "b", tries=6), taken(buckets, "search", "a", tries=6)
    clock.now += 60

    assert others == (6, 6)
    assert taken(buckets, "book", "a", tries=20) == 6
