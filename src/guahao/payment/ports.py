"""What payment needs of WeChat Pay and Alipay, and the facts they tell; clients are in adapters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from guahao.payment.models.channel import BillKind, Channel, Provider, Source

__all__ = [
    "Bill",
    "BillDamaged",
    "BillKind",
    "BillNotReady",
    "BillRow",
    "Channel",
    "ChannelBusy",
    "ChannelDown",
    "ChannelRefused",
    "ChannelUncertain",
    "ChannelUnreadable",
    "ClockWrong",
    "Closing",
    "FundsSummary",
    "Gateway",
    "Gateways",
    "NotificationRefused",
    "NotificationUnreadable",
    "OddRow",
    "OrderNumberUsed",
    "Paid",
    "Prepared",
    "Prepayment",
    "Provider",
    "RefundOrder",
    "RefundOutcome",
    "Refunded",
    "RefusalKind",
    "Source",
    "TradeState",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A provider captured money for one of our order numbers; signature and merchant are verified.

    `message_id` is unique for the provider: a repeated notification keeps it, a query or bill makes
    one of the transaction. `paid_at` is the provider's time.
    """

    provider: Provider
    source: Source
    message_id: str
    out_trade_no: str
    transaction_id: str
    amount_fen: int
    paid_at: datetime
    given_back_fen: int = 0
    """At least so much of it went back to the payer, as far as a query of the order tells."""


class RefundOutcome(StrEnum):
    """What a provider says about a refund."""

    PROCESSING = "processing"
    SUCCESS = "success"
    ABNORMAL = "abnormal"
    """The payer's card cannot take it; somebody must act."""
    CLOSED = "closed"
    """Will never be carried out; only a new number can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """A provider told how far a refund of ours is; signature and merchant are verified."""

    provider: Provider
    source: Source
    message_id: str
    out_trade_no: str
    out_refund_no: str
    """Empty where a notification of the trade does not say."""
    channel_refund_id: str
    """The provider's own number; empty where the source does not say."""
    amount_fen: int | None
    """None where the source does not say: the number names it."""
    outcome: RefundOutcome
    at: datetime
    went_to_hospital: bool | None = None
    """Whether a success ended in the hospital's own account; None where the source does not say."""


class TradeState(StrEnum):
    """What a provider says about an order number that is not paid."""

    UNPAID = "unpaid"
    UNKNOWN = "unknown"
    """The provider has never heard of it: normal at Alipay until the payer opens the page."""
    CLOSED = "closed"


class Closing(StrEnum):
    """The answer to a wish to close an order number."""

    CLOSED = "closed"
    ALREADY_PAID = "already_paid"


class ChannelUncertain(Exception):
    """No trustworthy answer: it may have happened or not. Ask again with the same number, or query."""


class ChannelDown(ChannelUncertain):
    """The provider has failed so often that we do not even ask for a while: nothing was sent."""


class ChannelBusy(ChannelUncertain):
    """The provider asks us to slow down: it is up, and will answer when asked again later."""


class ChannelUnreadable(ChannelUncertain):
    """A genuine answer that says nothing we understand: the provider is up, and may go on saying so."""


class ChannelRefused(Exception):
    """A definite, signed no of the provider; `code` is its own word, `is_retryable` if time may heal it."""

    def __init__(self, code: str, *, is_retryable: bool = False) -> None:
        """Carry the provider's code, never its free text."""
        super().__init__(code)
        self.code = code
        self.is_retryable = is_retryable


class OrderNumberUsed(ChannelRefused):
    """The order number exists there with other parameters: close it and use a new one.

    `is_sure` is False where the provider has the same word for other refusals too.
    """

    def __init__(self, code: str, *, is_sure: bool = True) -> None:
        """Carry the provider's code."""
        super().__init__(code)
        self.is_sure = is_sure


class ClockWrong(ChannelRefused):
    """The provider refuses our signature for its time: our clock is off by more than five minutes."""


class RefusalKind(StrEnum):
    """Why a notification was not believed."""

    SIGNATURE = "signature"
    STALE = "stale"
    PROBE = "probe"
    """The provider tests whether we check signatures: no alarm."""
    MERCHANT = "merchant"
    CONTENT = "content"
    """Signed, but cannot be decrypted."""


class NotificationUnreadable(Exception):
    """A genuine notification that says nothing we understand; `reference` is the best name it gives itself.

    It is acknowledged and becomes a case: the same words would come again.
    """

    def __init__(self, reference: str) -> None:
        """Carry what tells it from others."""
        super().__init__(reference)
        self.reference = reference


class NotificationRefused(Exception):
    """A notification is not believed: answered 401, nothing is written."""

    def __init__(self, kind: RefusalKind) -> None:
        """Say why, for counting."""
        super().__init__(kind.value)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepayment:
    """A payment to be prepared at a provider. Times are UTC; the amount is always from our database."""

    channel: Channel
    out_trade_no: str
    amount_fen: int
    title: str
    """Chinese, shown by the provider, cut to what it takes (127 bytes): no personal data."""
    expires_at: datetime
    payer: str | None
    """The openid for WECHAT_JSAPI, else None."""
    return_url: str | None
    """Where the payer's browser comes back to for the ALIPAY page channels; its parameters mean nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What the client passes on, unchanged, to the provider.

    `reference` is the provider's name of the prepayment, such as a prepay_id; empty if it gives none.
    `params`: WECHAT_JSAPI timeStamp, nonceStr, package, signType, paySign (and appId) for
    wx.requestPayment; WECHAT_NATIVE and ALIPAY_QR qr_code; ALIPAY_WAP and ALIPAY_PAGE gateway_url with
    the signed fields, to be sent as a form or opened as one address in `url`.
    """

    reference: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    """A refund to be asked for; the same `out_refund_no` never refunds twice."""

    out_trade_no: str
    out_refund_no: str
    amount_fen: int
    total_fen: int
    """What was captured for the order number, all in all."""
    reason: str
    """Chinese, shown to the payer, cut to what the provider takes (80 bytes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRow:
    """One row of a day's trade bill, in fen."""

    kind: BillKind
    out_trade_no: str
    transaction_id: str
    out_refund_no: str
    """Empty for payments."""
    amount_fen: int
    """Captured or refunded, positive."""
    at: datetime
    is_final: bool
    """False for a refund that is still being processed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddRow:
    """A row of a bill that cannot be read as one of ours, such as another system's in another currency.

    `reference` is the best name it has: an order number, else its place in the file. `kind` and
    `amount_fen` are None where they cannot be read; else they count in the bill's totals.
    """

    reference: str
    reason: str
    kind: BillKind | None = None
    amount_fen: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundsSummary:
    """What the fund-flow bill of a day adds up to, in fen, both positive."""

    income_fen: int
    outgo_fen: int
    row_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A day's bill of a provider, hash checked; counts and sums are its own totals."""

    provider: Provider
    day: date
    digest: str
    rows: Sequence[BillRow]
    row_count: int
    paid_fen: int
    refunded_fen: int
    funds: FundsSummary | None
    """None where the provider has no fund-flow bill for the day, or none that can be read."""
    odd: Sequence[OddRow] = ()
    """Rows that cannot be read; `row_count` and the sums count them as far as they can be."""
    note: str = ""
    """Why something of lesser weight is missing."""


class BillNotReady(Exception):
    """The provider has no bill for the day yet (or none at all); ask later."""


class BillDamaged(Exception):
    """The bill's hash or totals do not fit its content: nothing of it is used."""


class Gateway(Protocol):
    """One provider. Never called inside a database transaction; every call ends within ten seconds.

    Every method raises `ChannelUncertain` when there is no trustworthy answer (time-out, cut
    connection, an error of theirs, an answer without a valid signature), `ChannelDown` when the circuit is
    open, `ChannelUnreadable` for a genuine answer that lacks what cannot be done without, and
    `ChannelRefused` for a definite no, whatever its HTTP status.
    """

    provider: Provider

    async def prepay(self, prepayment: Prepayment) -> Prepared:
        """Prepare a payment; repeating with the same parameters is harmless. Raises `OrderNumberUsed`."""
        ...

    async def query(self, out_trade_no: str) -> Paid | TradeState:
        """Ask how an order number stands; money that was captured and refunded later still answers `Paid`."""
        ...

    async def close(self, out_trade_no: str) -> Closing:
        """Make sure that no money can come for an order number; unknown and closed numbers are closed."""
        ...

    async def refund(self, order: RefundOrder) -> Refunded:
        """Ask for money back to the payer; repeating the same order answers the same refund."""
        ...

    async def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> Refunded | None:
        """Ask how far a refund is; None if the provider has never heard of it."""
        ...

    async def resolve_abnormal_refund(self, *, out_refund_no: str, channel_refund_id: str) -> Refunded:
        """Send an ABNORMAL refund to the merchant's own account, to be handed over by other means.

        Raises `ChannelRefused("NOT_SUPPORTED")` where the provider knows no such thing.
        """
        ...

    async def bill(self, day: date) -> Bill:
        """Fetch and check the bills of a local day. Raises `BillNotReady`, `BillDamaged`."""
        ...

    def read_notification(
        self, headers: Mapping[str, str], body: bytes, *, now: datetime
    ) -> Paid | Refunded | None:
        """Verify and decrypt an incoming notification, without any call.

        Raises `NotificationRefused` for what is not believed, `NotificationUnreadable` for what is genuine
        and says nothing we understand. None is a genuine message that tells nothing we use: acknowledge it
        and do nothing.
        """
        ...


Gateways = Mapping[Provider, Gateway]
"""The providers in use; CASH has none."""
