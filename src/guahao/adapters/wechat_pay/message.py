"""What WeChat Pay says in answers and notifications, and the facts it makes.

Every member has been seen absent somewhere, so what can be known otherwise is: the merchant and the number
from what was asked, the time from the envelope or our clock. A member that is there must fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from guahao.adapters.lenient import Node, moment, node_of, part, text, whole
from guahao.payment.ports import ChannelUnreadable, Paid, Provider, Refunded, RefundOutcome, Source

CURRENCY: Final = "CNY"
_GIVEN_BACK: Final = "REFUND"
_LEAST_FEN: Final = 1
"""The state says that something went back, not how much."""
_PAID_STATES: Final = frozenset(("SUCCESS", _GIVEN_BACK))
"""Trade states that mean money was captured: a refund later does not undo that."""


class Part(StrEnum):
    """What cannot be done without; the name is the word for the log and the case."""

    JSON = "json"
    MERCHANT = "merchant"
    NUMBER = "number"
    TRANSACTION = "transaction_id"
    STATE = "state"
    AMOUNT = "amount"
    CURRENCY = "currency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an answer must be about; an empty number is one that the question did not name."""

    out_trade_no: str = ""
    out_refund_no: str = ""


class Unreadable(ValueError):
    """A genuine message that lacks, or contradicts, what cannot be done without."""

    def __init__(self, part_: Part) -> None:
        """Name the part, never what stands there."""
        super().__init__(part_.value)


def answer_of(content: bytes) -> Node:
    """The object that a signed answer is. Raises `ChannelUnreadable`."""
    node = node_of(content)
    if node is None:
        raise ChannelUnreadable(Part.JSON.value)
    return node


def required(node: Node, name: str) -> str:
    """A member that is the whole point of an answer. Raises `ChannelUnreadable`."""
    value = text(node, name)
    if not value:
        raise ChannelUnreadable(name)
    return value


def is_of_merchant(node: Node, *, mchid: str, app_id: str) -> bool:
    """Whether a message names nobody else: refunds name no app, and an answer is to our signed request."""
    return text(node, "mchid") in {"", mchid} and text(node, "appid") in {"", app_id}


def is_paid(state: str) -> bool:
    """Whether a trade state means that money was captured."""
    return state in _PAID_STATES


def paid(
    node: Node, *, source: Source, message_id: Callable[[str], str], asked: Asked, told_at: datetime
) -> Paid:
    """The fact that an order was paid; `message_id` makes one of the transaction. Raises `Unreadable`."""
    out_trade_no = _number(node, "out_trade_no", asked.out_trade_no)
    transaction_id = text(node, "transaction_id")
    if not out_trade_no:
        raise Unreadable(Part.NUMBER)
    if not transaction_id:
        raise Unreadable(Part.TRANSACTION)
    amount = part(node, "amount")
    fen = whole(amount, "total")
    if fen is None:
        raise Unreadable(Part.AMOUNT)
    _require_currency(amount)
    return Paid(
        provider=Provider.WECHAT,
        source=source,
        message_id=message_id(transaction_id),
        out_trade_no=out_trade_no,
        transaction_id=transaction_id,
        amount_fen=fen,
        paid_at=moment(node, "success_time") or told_at,
        given_back_fen=_LEAST_FEN if text(node, "trade_state") == _GIVEN_BACK else 0,
    )


def refunded(
    node: Node,
    *,
    status: str,
    source: Source,
    message_id: Callable[[str], str],
    asked: Asked,
    told_at: datetime,
) -> Refunded:
    """The fact of how far a refund is; only a success has a time of its own. Raises `Unreadable`."""
    out_refund_no = _number(node, "out_refund_no", asked.out_refund_no)
    if not out_refund_no:
        raise Unreadable(Part.NUMBER)
    outcome = _OUTCOMES.get(status)
    if outcome is None:
        raise Unreadable(Part.STATE)
    amount = part(node, "amount")
    _require_currency(amount)
    refund_id = text(node, "refund_id")
    return Refunded(
        provider=Provider.WECHAT,
        source=source,
        message_id=message_id(refund_id or out_refund_no),
        out_trade_no=_number(node, "out_trade_no", asked.out_trade_no),
        out_refund_no=out_refund_no,
        channel_refund_id=refund_id,
        amount_fen=whole(amount, "refund"),
        outcome=outcome,
        at=moment(node, "success_time") or moment(node, "create_time") or told_at,
        went_to_hospital=_is_own(text(node, "user_received_account")),
    )


_OUTCOMES = {outcome.value.upper(): outcome for outcome in RefundOutcome}


def _number(node: Node, name: str, asked: str) -> str:
    """A number of ours as the message says it, or as it was asked for. Raises `Unreadable` for another."""
    said = text(node, name)
    if asked and said not in {"", asked}:
        raise Unreadable(Part.NUMBER)
    return said or asked


def _require_currency(amount: Node) -> None:
    if text(amount, "currency") not in {"", CURRENCY}:
        raise Unreadable(Part.CURRENCY)


def _is_own(account: str) -> bool | None:
    """Whether the account of a refund (API v3, `user_received_account`) is one of the merchant's."""
    return account.startswith("商户") if account else None
