"""What the nodes of verified answers mean; a node that does not fit the question is `Unreadable`."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from guahao.adapters.alipay.protocol import Unreadable, fen, moment_or, refusal_word
from guahao.adapters.lenient import Node, text
from guahao.payment.ports import (
    ChannelRefused,
    ChannelUncertain,
    ClockWrong,
    OrderNumberUsed,
    Paid,
    Provider,
    Refunded,
    RefundOrder,
    RefundOutcome,
    Source,
    TradeState,
)

TRADE_UNKNOWN: Final = frozenset(("ACQ.TRADE_NOT_EXIST", "TRADE_NOT_EXIST"))
NOT_CLOSABLE: Final = frozenset(
    (
        "ACQ.TRADE_STATUS_ERROR",
        "ACQ.REASON_TRADE_STATUS_INVALID",
        "ACQ.REASON_ILLEGAL_STATUS",
        "ACQ.TRADE_HAS_SUCCESS",
        "ACQ.TRADE_HAS_FINISHED",
        "ACQ.TRADE_HAS_CLOSE",
    )
)
"""Whether it was paid or closed is for a query to say."""
NO_BILL: Final = frozenset(("BILL_NOT_EXIST", "NO_BILL_DATA"))

_SUCCESS, _THEIR_FAULT = "10000", "20000"
_DEFINITE = frozenset(("20001", "40001", "40002", "40003", "40004", "40005", "40006"))
_TOO_OFTEN = "40005"
_USED = frozenset(("ACQ.CONTEXT_INCONSISTENT", "ACQ.TRADE_HAS_SUCCESS", "ACQ.TRADE_HAS_CLOSE"))
_HEALED_BY_TIME = frozenset(
    (
        "ACQ.SELLER_BALANCE_NOT_ENOUGH",
        "ACQ.REASON_TRADE_BEEN_FREEZEN",
        "SYSTEM_RATE_LIMIT",
        "USER_RATE_LIMIT",
    )
)


def require_up(node: Node) -> None:
    """Raise `ChannelUncertain` for an error of theirs: it may have come after the money moved."""
    code, word = text(node, "code"), refusal_word(node)
    if code == _THEIR_FAULT or (code != _SUCCESS and _is_their_fault(word)):
        raise ChannelUncertain(word)


def require_success(node: Node) -> None:
    """Return if it is a yes.

    Raises `ChannelRefused` or one of its kinds for a definite no, `Unreadable` for a code that is neither.
    """
    code, word = text(node, "code"), refusal_word(node)
    if code == _SUCCESS:
        return
    if code not in _DEFINITE:
        raise Unreadable(word or "code")
    if word.endswith("-timestamp"):
        raise ClockWrong(word)
    if word in _USED:
        raise OrderNumberUsed(word)
    raise ChannelRefused(word, is_retryable=code == _TOO_OFTEN or word in _HEALED_BY_TIME)


def _is_their_fault(word: str) -> bool:
    last = word.rpartition(".")[2].upper()
    return last not in NO_BILL and (word.startswith("isp.") or last in ("SYSTEM_ERROR", "UNKNOW-ERROR"))


def bill_reason(code: str) -> str:
    """The bare reason in a bill's refusal code, which comes with and without a prefix, in either case."""
    return code.rpartition(".")[2].upper()


def require_merchant(node: Node, **ours: str) -> None:
    """Refuse an answer that names another app or seller; most name none. Raises `Unreadable`."""
    require_same(node, **ours)


def require_same(node: Node, **expected: str) -> None:
    """Refuse an answer about something else than was asked; it need not say what. Raises `Unreadable`."""
    for name, value in expected.items():
        if text(node, name) not in {"", value}:
            raise Unreadable(name)


def text_of(node: Node, name: str) -> str:
    """A filled text of the node. Raises `Unreadable`."""
    value = node.get(name)
    if not isinstance(value, str) or not value:
        raise Unreadable(name)
    return value


def trade(node: Node, out_trade_no: str, now: datetime) -> Paid | TradeState:
    """How an order number stands; `now` stands for a time of payment that is not told.

    TRADE_CLOSED is both a trade that nobody paid and one whose money went back whole. They differ by
    `send_pay_date`, the moment of payment, which an unpaid trade does not have; the amounts beside it
    are 0.00 in either case.
    """
    require_same(node, out_trade_no=out_trade_no)
    status = text(node, "trade_status")
    if status == "WAIT_BUYER_PAY":
        return TradeState.UNPAID
    if status == "TRADE_CLOSED" and not node.get("send_pay_date"):
        return TradeState.CLOSED
    if status not in ("TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED"):
        raise Unreadable("trade_status")
    trade_no = text(node, "trade_no")
    if not trade_no:
        raise Unreadable("trade_no")
    amount_fen = fen(node.get("total_amount"))
    return Paid(
        provider=Provider.ALIPAY,
        source=Source.QUERY,
        message_id=f"query:{trade_no}",
        out_trade_no=out_trade_no,
        transaction_id=trade_no,
        amount_fen=amount_fen,
        paid_at=moment_or(node.get("send_pay_date"), now),
        given_back_fen=amount_fen if status == "TRADE_CLOSED" else 0,
    )


def refund_made(node: Node, order: RefundOrder, now: datetime) -> Refunded | None:
    """The answer to a refund; None if only a query can say whether it was carried out.

    `refund_fee` adds up all refunds of the trade, so the amount is the one we asked for: the gateway
    refuses the same refund number with another amount.
    """
    require_same(node, out_trade_no=order.out_trade_no)
    if node.get("fund_change") != "Y":
        return None
    told = _amount_or_none(node, "refund_fee")
    if told is not None and told < order.amount_fen:
        raise Unreadable("refund_fee")
    return refunded(
        order.out_trade_no,
        order.out_refund_no,
        amount_fen=order.amount_fen,
        outcome=RefundOutcome.SUCCESS,
        at=_refund_time(node, now),
    )


def refund_found(node: Node, out_trade_no: str, out_refund_no: str, now: datetime) -> Refunded | None:
    """The answer to a refund query; None if Alipay knows no such refund.

    Older accounts get no `refund_status`: for them the refund's own data mean that it was carried out.
    """
    require_same(node, out_trade_no=out_trade_no, out_request_no=out_refund_no)
    status = text(node, "refund_status")
    amount_fen = _amount_or_none(node, "refund_amount")
    if not status and amount_fen is None:
        return None
    outcome = _OUTCOMES.get(status)
    if outcome is None:
        raise Unreadable("refund_status")
    return refunded(
        out_trade_no,
        out_refund_no,
        amount_fen=amount_fen,
        outcome=outcome,
        at=_refund_time(node, now),
    )


_OUTCOMES = {
    "": RefundOutcome.SUCCESS,
    "REFUND_SUCCESS": RefundOutcome.SUCCESS,
    "REFUND_PROCESSING": RefundOutcome.PROCESSING,
    "REFUND_FAIL": RefundOutcome.ABNORMAL,
}


def refunded(
    out_trade_no: str, out_refund_no: str, *, amount_fen: int | None, outcome: RefundOutcome, at: datetime
) -> Refunded:
    """A refund as a query tells it. Alipay has no refund number of its own: ours stands in its place."""
    return Refunded(
        provider=Provider.ALIPAY,
        source=Source.QUERY,
        message_id=f"query:{out_refund_no}:{outcome}",
        out_trade_no=out_trade_no,
        out_refund_no=out_refund_no,
        channel_refund_id=out_refund_no,
        amount_fen=amount_fen,
        outcome=outcome,
        at=at,
    )


def _amount_or_none(node: Node, name: str) -> int | None:
    """An amount that need not be there. Raises `Unreadable` for one that is none."""
    value = node.get(name)
    return None if value is None or value == "" else fen(value)


def _refund_time(node: Node, now: datetime) -> datetime:
    return moment_or(node.get("gmt_refund_pay"), now)
