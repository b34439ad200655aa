from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.payment.models import Channel, LedgerAccount, OrderState, Part, Provider, WatchKind
from guahao.payment.policy import (
    MAX_REFUNDS,
    REFUND_SPACING,
    REFUNDS_PER_BATCH,
    SECOND_PERSON_OVER_FEN,
    SHORTEST_PREPAYMENT,
    WATCHES,
    account_of,
    ask_after,
    close_again_after,
    follow_after,
    needs_second_person,
    online_channels,
    parts_of,
    prepayment_ends,
    send_again_after,
    state_after_refunds,
)

_FEN = st.integers(0, 1_000_000_000)
_NOW = datetime(2026, 11, 22, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def test_we_stay_below_what_providers_allow() -> None:
    assert timedelta(seconds=60) == REFUND_SPACING
    assert REFUNDS_PER_BATCH <= 100
    assert MAX_REFUNDS == 50


@pytest.mark.parametrize(
    ("amount_fen", "is_needed"), [(0, False), (19_999, False), (20_000, False), (20_001, True)]
)
def test_a_second_person_is_needed_from_the_first_fen_above_the_limit(
    *, amount_fen: int, is_needed: bool
) -> None:
    assert SECOND_PERSON_OVER_FEN == 20_000
    assert needs_second_person(amount_fen, limit_fen=20_000) is is_needed


def test_a_limit_of_nothing_asks_a_second_person_for_every_refund() -> None:
    assert needs_second_person(1, limit_fen=0)
    assert not needs_second_person(0, limit_fen=0)


# The state of an order.


@pytest.mark.parametrize(
    ("promised_fen", "arrived_fen", "state"),
    [
        (0, 0, OrderState.PAID),
        (1, 0, OrderState.REFUNDING),
        (1, 1, OrderState.PART_REFUNDED),
        (2, 1, OrderState.REFUNDING),
        (4999, 4998, OrderState.REFUNDING),
        (4999, 4999, OrderState.PART_REFUNDED),
        (5000, 0, OrderState.REFUNDING),
        (5000, 4999, OrderState.REFUNDING),
        (5000, 5000, OrderState.REFUNDED),
    ],
)
def test_state_after_refunds(promised_fen: int, arrived_fen: int, state: OrderState) -> None:
    found = state_after_refunds(captured_fen=5000, promised_fen=promised_fen, arrived_fen=arrived_fen)

    assert found is state


def test_an_order_that_cost_nothing_stays_paid() -> None:
    assert state_after_refunds(captured_fen=0, promised_fen=0, arrived_fen=0) is OrderState.PAID


@pytest.mark.parametrize(
    ("captured_fen", "promised_fen", "arrived_fen"),
    [
        (5000, 5001, 0),
        (5000, 5001, 5001),
        (5000, 1, 2),
        (5000, 0, 1),
        (5000, 0, -1),
        (5000, -1, -1),
        (-1, -1, -1),
    ],
)
def test_sums_that_cannot_be_are_refused_with_their_numbers(
    captured_fen: int, promised_fen: int, arrived_fen: int
) -> None:
    with pytest.raises(ValueError, match=r"^\(.*\)$") as refused:
        state_after_refunds(captured_fen=captured_fen, promised_fen=promised_fen, arrived_fen=arrived_fen)

    assert refused.value.args == (captured_fen, promised_fen, arrived_fen)


@given(captured_fen=st.integers(-2, 6), promised_fen=st.integers(-2, 6), arrived_fen=st.integers(-2, 6))
def test_every_possible_sum_has_one_state_and_every_other_none(
    captured_fen: int, promised_fen: int, arrived_fen: int
) -> None:
    sums = {"captured_fen": captured_fen, "promised_fen": promised_fen, "arrived_fen": arrived_fen}
    if sorted([0, arrived_fen, promised_fen, captured_fen]) != [0, arrived_fen, promised_fen, captured_fen]:
        with pytest.raises(ValueError, match=str(arrived_fen)):
            state_after_refunds(**sums)
        return

    state = state_after_refunds(**sums)

    assert (state is OrderState.PAID) is (promised_fen == 0)
    assert (state is OrderState.REFUNDING) is (arrived_fen < promised_fen)
    assert (state is OrderState.REFUNDED) is (0 < arrived_fen == captured_fen)
    assert (state is OrderState.PART_REFUNDED) is (0 < arrived_fen == promised_fen < captured_fen)


# Who bears it, and who holds it.


def test_the_payer_bears_what_nobody_else_does_and_parts_of_nothing_are_left_out() -> None:
    assert parts_of(amount_fen=5000, insurance_fen=0, other_fen=0) == {Part.CASH: 5000}
    assert parts_of(amount_fen=5000, insurance_fen=3000, other_fen=1500) == {
        Part.CASH: 500,
        Part.INSURANCE: 3000,
        Part.OTHER: 1500,
    }
    assert parts_of(amount_fen=5000, insurance_fen=3500, other_fen=1499) == {
        Part.CASH: 1,
        Part.INSURANCE: 3500,
        Part.OTHER: 1499,
    }
    assert parts_of(amount_fen=5000, insurance_fen=3500, other_fen=1500) == {
        Part.INSURANCE: 3500,
        Part.OTHER: 1500,
    }
    assert parts_of(amount_fen=0, insurance_fen=0, other_fen=0) == {}


@pytest.mark.parametrize(
    ("amount_fen", "insurance_fen", "other_fen"),
    [(5000, 3500, 1501), (5000, 5001, 0), (5000, 0, 5001), (5000, -1, 0), (5000, 0, -1), (-1, 0, 0)],
)
def test_parts_beyond_the_whole_are_refused_with_their_numbers(
    amount_fen: int, insurance_fen: int, other_fen: int
) -> None:
    with pytest.raises(ValueError, match=r"^\(.*\)$") as refused:
        parts_of(amount_fen=amount_fen, insurance_fen=insurance_fen, other_fen=other_fen)

    assert refused.value.args == (amount_fen, insurance_fen, other_fen)


@given(cash_fen=_FEN, insurance_fen=_FEN, other_fen=_FEN)
def test_parts_add_up_to_the_whole(cash_fen: int, insurance_fen: int, other_fen: int) -> None:
    amount_fen = cash_fen + insurance_fen + other_fen

    parts = parts_of(amount_fen=amount_fen, insurance_fen=insurance_fen, other_fen=other_fen)

    assert sum(parts.values()) == amount_fen
    assert all(fen > 0 for fen in parts.values())
    assert [parts.get(part, 0) for part in Part] == [cash_fen, insurance_fen, other_fen]


def test_each_provider_holds_an_account_of_its_own() -> None:
    assert {provider: account_of(provider) for provider in Provider} == {
        Provider.WECHAT: LedgerAccount.WECHAT,
        Provider.ALIPAY: LedgerAccount.ALIPAY,
        Provider.CASH: LedgerAccount.CASH,
    }


def test_a_provider_nobody_knows_has_no_account() -> None:
    with pytest.raises(AssertionError, match="unionpay"):
        account_of("unionpay")


def test_channels_are_those_of_the_providers() -> None:
    assert online_channels([]) == frozenset()
    assert online_channels({Provider.WECHAT}) == {Channel.WECHAT_JSAPI, Channel.WECHAT_NATIVE}
    assert online_channels({Provider.ALIPAY}) == {Channel.ALIPAY_WAP, Channel.ALIPAY_PAGE, Channel.ALIPAY_QR}
    assert online_channels(Provider) == frozenset(Channel)


# When.


@pytest.mark.parametrize(
    ("wait", "steps_s"),
    [
        (ask_after, (10, 30, 60, 300, 600, 1800)),
        (close_again_after, (5, 10, 30, 60)),
        (send_again_after, (60, 120, 300, 600, 1800, 3600)),
        (follow_after, (60, 300, 1800, 14_400, 86_400)),
    ],
)
def test_waits_grow_step_by_step_and_then_stay(
    wait: Callable[[int], timedelta], steps_s: tuple[int, ...]
) -> None:
    assert [wait(number) for number in range(len(steps_s))] == [timedelta(seconds=step) for step in steps_s]
    assert wait(len(steps_s)) == timedelta(seconds=steps_s[-1])
    assert wait(1_000_000) == timedelta(seconds=steps_s[-1])


@given(tries=st.integers(0, 100))
def test_the_same_payment_never_gets_two_refund_calls_within_its_spacing(tries: int) -> None:
    assert send_again_after(tries) >= REFUND_SPACING


@pytest.mark.parametrize(
    ("left", "ends"),
    [
        (timedelta(minutes=15), timedelta(minutes=15)),
        (SHORTEST_PREPAYMENT + _TICK, SHORTEST_PREPAYMENT + _TICK),
        (SHORTEST_PREPAYMENT, SHORTEST_PREPAYMENT),
        (SHORTEST_PREPAYMENT - _TICK, SHORTEST_PREPAYMENT),
        (timedelta(0), SHORTEST_PREPAYMENT),
        (timedelta(minutes=-5), SHORTEST_PREPAYMENT),
    ],
)
def test_a_prepayment_ends_with_its_order_but_never_within_a_minute(left: timedelta, ends: timedelta) -> None:
    assert timedelta(minutes=1) < SHORTEST_PREPAYMENT
    assert prepayment_ends(expires_at=_NOW + left, now=_NOW) == _NOW + ends


def test_every_kind_of_suspicion_has_a_rule_that_can_be_met() -> None:
    assert set(WATCHES) == set(WatchKind)
    assert all(watch.is_on and watch.threshold > 0 and watch.window_min > 0 for watch in WATCHES.values())
    assert WATCHES[WatchKind.LARGE_REFUND].threshold == SECOND_PERSON_OVER_FEN
