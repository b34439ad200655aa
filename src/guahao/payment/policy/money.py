"""Pure rules of money: caps, states, spacing, limits. No clock, no database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from guahao.payment.models import Channel, LedgerAccount, OrderState, Part, Provider, WatchKind

MAX_REFUNDS = 50
"""Providers carry out no more partial refunds of one payment."""

MOST_FEN = 2_147_483_647
"""No single amount of the books is larger; one that a provider tells is a case."""

REFUND_SPACING = timedelta(seconds=60)
"""Between two refund calls for one payment (WeChat Pay: one a minute for each order)."""

REFUNDS_PER_BATCH = 100
"""At most so many refund calls a second (WeChat Pay allows 150)."""

REFUND_TAKES_DAYS = 3
"""Bank cards take one to three working days; what we tell the patient."""

REFUND_OVERDUE_AFTER = timedelta(days=7)
"""A refund that has not arrived by then is a case: a bank card takes three working days at most."""

PAYMENT_OVERDUE_AFTER = timedelta(days=1)
"""A payment whose time is over and whose end no provider has told by then is a case: a place waits for it."""

SECOND_PERSON_OVER_FEN = 20_000
"""Refunds by staff above this need a second person, unless the hospital says otherwise."""

SHORTEST_PREPAYMENT = timedelta(seconds=61)
"""Providers refuse prepayments that end within a minute; closing them in time is our business."""

MAX_TRIES = 10
"""So many payments may be opened for one order by one channel: a person needs one or two."""

_ASK_AFTER_S = (10, 30, 60, 300, 600, 1800)
_CLOSE_AGAIN_AFTER_S = (5, 10, 30, 60)
_SEND_AGAIN_AFTER_S = (60, 120, 300, 600, 1800, 3600)
_FOLLOW_AFTER_S = (60, 300, 1800, 14_400, 86_400)


def ask_after(queries: int) -> timedelta:
    """How long to wait with the next question about an open payment after so many."""
    return _step(_ASK_AFTER_S, queries)


def close_again_after(queries: int) -> timedelta:
    """How long to wait before asking a provider again to close a payment."""
    return _step(_CLOSE_AGAIN_AFTER_S, queries)


def send_again_after(tries: int) -> timedelta:
    """How long to wait before sending the same refund again after so many tries."""
    return _step(_SEND_AGAIN_AFTER_S, tries)


def follow_after(queries: int) -> timedelta:
    """How long to wait with the next question about a submitted refund after so many."""
    return _step(_FOLLOW_AFTER_S, queries)


def _step(steps_s: tuple[int, ...], number: int) -> timedelta:
    return timedelta(seconds=steps_s[min(number, len(steps_s) - 1)])


def needs_second_person(amount_fen: int, *, limit_fen: int) -> bool:
    """Whether a refund by staff is above what one person may decide."""
    return amount_fen > limit_fen


def state_after_refunds(*, captured_fen: int, promised_fen: int, arrived_fen: int) -> OrderState:
    """The state of a paid order by what of its kept payment is promised back and has arrived.

    Raises ValueError when more is promised than was captured or more arrived than was promised.
    """
    if not 0 <= arrived_fen <= promised_fen <= captured_fen:
        raise ValueError(captured_fen, promised_fen, arrived_fen)
    if promised_fen == 0:
        return OrderState.PAID
    if arrived_fen < promised_fen:
        return OrderState.REFUNDING
    return OrderState.REFUNDED if promised_fen == captured_fen else OrderState.PART_REFUNDED


def account_of(provider: Provider) -> LedgerAccount:
    """The account of the books that a provider holds."""
    match provider:
        case Provider.WECHAT:
            return LedgerAccount.WECHAT
        case Provider.ALIPAY:
            return LedgerAccount.ALIPAY
        case Provider.CASH:
            return LedgerAccount.CASH
        case _:
            assert_never(provider)


def online_channels(providers: Collection[Provider]) -> frozenset[Channel]:
    """The channels of these providers."""
    return frozenset(channel for channel in Channel if channel.provider in providers)


def parts_of(*, amount_fen: int, insurance_fen: int, other_fen: int) -> Mapping[Part, int]:
    """Who bears how much of an order; parts of nothing are left out.

    Raises ValueError when the parts exceed the whole.
    """
    cash_fen = amount_fen - insurance_fen - other_fen
    if min(cash_fen, insurance_fen, other_fen) < 0:
        raise ValueError(amount_fen, insurance_fen, other_fen)
    whole = {Part.CASH: cash_fen, Part.INSURANCE: insurance_fen, Part.OTHER: other_fen}
    return {part: fen for part, fen in whole.items() if fen}


def prepayment_ends(*, expires_at: datetime, now: datetime) -> datetime:
    """Until when the provider takes money: the order's time, but never too short for the provider."""
    return max(expires_at, now + SHORTEST_PREPAYMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """From `threshold` on (a count; fen for refunds) within `window_min` minutes a case is raised."""

    threshold: int
    window_min: int
    is_on: bool = True


WATCHES: Mapping[WatchKind, Watch] = {
    WatchKind.MANY_ORDERS: Watch(threshold=10, window_min=60),
    WatchKind.MANY_ORDERS_DEVICE: Watch(threshold=20, window_min=60),
    WatchKind.PAY_REFUND_CYCLES: Watch(threshold=5, window_min=7 * 24 * 60),
    WatchKind.LARGE_REFUND: Watch(threshold=SECOND_PERSON_OVER_FEN, window_min=24 * 60),
    WatchKind.REFUND_WITHOUT_CANCELLATION: Watch(threshold=1, window_min=24 * 60),
    WatchKind.CHANGE_BY_ONE_PERSON: Watch(threshold=1, window_min=24 * 60),
    WatchKind.NOTIFICATION_ANOMALY: Watch(threshold=5, window_min=60),
    WatchKind.SIGNATURE_FAILURES: Watch(threshold=20, window_min=5),
}
"""What is watched for where a hospital has no rule of its own."""
