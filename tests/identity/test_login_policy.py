from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.identity.policy.login import (
    ASKER_ALLOWANCES,
    Allowance,
    is_weak_password,
    pause_s,
    seconds_until,
    wait_s,
)
from guahao.identity.service import token as tokens
from guahao.identity.service.password import _DUMMY_HASH, is_outdated
from guahao.identity.service.token import DISTRUSTED_FOR, TRUSTED_FOR, TokenMemory

NOW = datetime(2026, 3, 1, 7, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@given(st.lists(st.integers(0, 200_000), max_size=12))
def test_what_the_wait_promises_is_allowed_then_and_not_before(ages_s: list[int]) -> None:
    latest = [NOW - SECOND * age for age in sorted(ages_s)]

    wait = wait_s(latest, ASKER_ALLOWANCES, now=NOW)

    assert wait_s(latest, ASKER_ALLOWANCES, now=NOW + SECOND * wait) == 0
    if wait > 0:
        assert wait_s(latest, ASKER_ALLOWANCES, now=NOW + SECOND * (wait - 1)) == 1


@given(st.lists(st.integers(1, 400), min_size=1, max_size=60), st.integers(1, 5), st.integers(1, 600))
def test_nobody_who_waits_as_told_exceeds_an_allowance(gaps: list[int], count: int, period_s: int) -> None:
    allowance = Allowance(count, timedelta(seconds=period_s))
    taken: list[datetime] = []
    now = NOW
    for gap in gaps:
        now += SECOND * gap
        if wait_s(taken[::-1], [allowance], now=now) == 0:
            taken.append(now)

    for start in taken:
        within = [moment for moment in taken if start <= moment < start + allowance.period]
        assert len(within) <= count


@pytest.mark.parametrize(("late_ms", "left"), [(-1001, 2), (-1000, 1), (-1, 1), (0, 0), (1, 0)])
def test_seconds_until_are_rounded_up(late_ms: int, left: int) -> None:
    assert seconds_until(NOW, now=NOW + timedelta(milliseconds=late_ms)) == left


def test_pauses_begin_at_the_fifth_failure_double_and_stop_growing() -> None:
    assert [pause_s(failures) for failures in range(4, 12)] == [0, 15, 30, 60, 120, 240, 480, 900]
    assert pause_s(10_000) == 900


@pytest.mark.parametrize(
    ("password", "weak"),
    [
        ("1234567890", True),
        ("0987654321", True),
        ("abcdefgh", True),
        ("zyxwvuts", True),
        ("QWERTYUIOP", True),
        ("88888888", True),
        ("13141314", True),
        ("woaini1314", True),
        ("Password1", True),
        ("li_xiaoming", True),
        ("gnimoaix_il", True),
        ("Admin@123", True),
        ("admin123456", True),
        ("P@ssw0rd2026", True),
        ("Renmin@2026", True),
        ("!xiehe888", True),
        ("13800138000", True),
        ("13800138000a", True),
        ("a00138000!", True),
        ("administer 2026 well", False),
        ("admin is not my name", False),
        ("correct horse battery", False),
        ("蓝色的小鲸鱼游过来", False),
        ("li_xiaoming likes tea", False),
    ],
)
def test_weak_passwords_are_known(password: str, weak: bool) -> None:
    known = ("13800138000", "00138000")
    assert is_weak_password(password, username="Li_Xiaoming", known=known) is weak


def test_the_dummy_hash_costs_as_much_as_a_real_one() -> None:
    assert not is_outdated(_DUMMY_HASH)


def test_a_token_has_256_bits_and_no_two_are_equal() -> None:
    made = {tokens.new_token() for _ in range(1000)}

    assert len(made) == 1000
    assert {len(token) for token in made} == {43}


def test_a_remembered_token_is_forgotten_after_a_moment_or_when_its_login_ends() -> None:
    memory: TokenMemory[str] = TokenMemory()
    owner = uuid4()
    memory.remember(b"long", "a", owner=owner, until=NOW + timedelta(days=1), now=NOW)
    memory.remember(b"short", "b", owner=owner, until=NOW + TRUSTED_FOR / 2, now=NOW)

    assert TRUSTED_FOR < SECOND
    assert memory.recall(b"long", now=NOW + TRUSTED_FOR * 0.9) == "a"
    assert memory.recall(b"long", now=NOW + TRUSTED_FOR) is None
    assert memory.recall(b"short", now=NOW + TRUSTED_FOR / 2) is None
    assert memory.recall(b"other", now=NOW) is None


def test_a_distrusted_owner_is_neither_recalled_nor_remembered_until_the_revocation_is_over() -> None:
    memory: TokenMemory[str] = TokenMemory()
    owner, far = uuid4(), NOW + timedelta(days=1)
    memory.remember(b"t", "a", owner=owner, until=far, now=NOW)

    memory.distrust(owner, now=NOW)

    assert memory.recall(b"t", now=NOW) is None
    memory.remember(b"t", "a", owner=owner, until=far, now=NOW + SECOND)
    assert memory.recall(b"t", now=NOW + SECOND) is None
    later = NOW + DISTRUSTED_FOR
    memory.remember(b"t", "a", owner=owner, until=far, now=later)
    assert memory.recall(b"t", now=later) == "a"
