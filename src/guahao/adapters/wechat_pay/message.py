"""What WeChat Pay writes in answers and notifications, and the facts it means."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec

from guahao.payment.ports import Paid, Provider, Refunded, RefundOutcome, Source

T = TypeVar("T")

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Fen = Annotated[int, msgspec.Meta(gt=0)]
Name = Annotated[str, msgspec.Meta(min_length=1)]
CURRENCY = "CNY"


class PaidState(StrEnum):
    """Trade states that mean money was captured: a refund later does not undo that."""

    SUCCESS = "SUCCESS"
    REFUND = "REFUND"


class RefundStatus(StrEnum):
    """How far a refund is, in the provider's words."""

    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    ABNORMAL = "ABNORMAL"
    CLOSED = "CLOSED"


class _Total(msgspec.Struct):
    total: Fen
    """The order's total; what the payer gave may be less by the provider's coupons."""
    currency: str = CURRENCY


class _Refund(msgspec.Struct):
    refund: Fen
    currency: str = CURRENCY


class Order(msgspec.Struct):
    """The part that every order has, paid or not."""

    mchid: str
    appid: str
    out_trade_no: str
    trade_state: str


class PaidOrder(msgspec.Struct):
    """An order that was paid."""

    mchid: str
    appid: str
    out_trade_no: Name
    transaction_id: Name
    trade_state: PaidState
    success_time: Moment
    amount: _Total


class RefundNotice(msgspec.Struct):
    """A refund in a notification."""

    mchid: str
    out_trade_no: Name
    out_refund_no: Name
    refund_id: Name
    refund_status: RefundStatus
    amount: _Refund
    success_time: Moment | None = None
    user_received_account: str = ""


class RefundAnswer(msgspec.Struct):
    """A refund in an answer, which names neither merchant nor app: it is to our signed request."""

    out_trade_no: Name
    out_refund_no: Name
    refund_id: Name
    status: RefundStatus
    create_time: Moment
    amount: _Refund
    success_time: Moment | None = None
    user_received_account: str = ""


def decoded(content: bytes, kind: type[T]) -> T | None:
    """Read JSON of a known shape; None for anything else. It may hold an openid, so no error quotes it."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def paid(order: PaidOrder, *, source: Source, message_id: str) -> Paid:
    """The fact that an order was paid."""
    return Paid(
        provider=Provider.WECHAT,
        source=source,
        message_id=message_id,
        out_trade_no=order.out_trade_no,
        transaction_id=order.transaction_id,
        amount_fen=order.amount.total,
        paid_at=order.success_time.astimezone(UTC),
    )


def refunded_by_notice(notice: RefundNotice, *, message_id: str, told_at: datetime) -> Refunded:
    """The fact that a notification tells; only a success has a time of its own."""
    return Refunded(
        provider=Provider.WECHAT,
        source=Source.NOTIFICATION,
        message_id=message_id,
        out_trade_no=notice.out_trade_no,
        out_refund_no=notice.out_refund_no,
        channel_refund_id=notice.refund_id,
        amount_fen=notice.amount.refund,
        outcome=RefundOutcome(notice.refund_status.lower()),
        at=(notice.success_time or told_at).astimezone(UTC),
        went_to_hospital=_is_own(notice.user_received_account),
    )


def refunded_by_answer(answer: RefundAnswer) -> Refunded:
    """The fact that an answer tells; each status is a message of its own."""
    return Refunded(
        provider=Provider.WECHAT,
        source=Source.QUERY,
        message_id=f"query:{answer.refund_id}:{answer.status}",
        out_trade_no=answer.out_trade_no,
        out_refund_no=answer.out_refund_no,
        channel_refund_id=answer.refund_id,
        amount_fen=answer.amount.refund,
        outcome=RefundOutcome(answer.status.lower()),
        at=(answer.success_time or answer.create_time).astimezone(UTC),
        went_to_hospital=_is_own(answer.user_received_account),
    )


def _is_own(account: str) -> bool | None:
    """Whether the account of a refund (API v3, `user_received_account`) is one of the merchant's."""
    return account.startswith("商户") if account else None
