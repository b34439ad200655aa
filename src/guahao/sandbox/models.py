"""What WeChat Pay and Alipay would remember, in tables that server and worker share."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Identity, Index, false, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, Json, closed_set


class SandboxProvider(StrEnum):
    """Whose side a row is on."""

    WECHAT = "wechat"
    ALIPAY = "alipay"


class TradeState(StrEnum):
    """How far a trade is; that something was given back shows in `refunded_fen`."""

    OPEN = "open"
    PAID = "paid"
    CLOSED = "closed"


class RefundState(StrEnum):
    """How far a refund is."""

    PROCESSING = "processing"
    SUCCESS = "success"
    ABNORMAL = "abnormal"
    CLOSED = "closed"


class DeliveryState(StrEnum):
    """How far a notification is."""

    DUE = "due"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    WITHHELD = "withheld"
    """The fault "never": kept to be seen, not sent."""


class Disorder(StrEnum):
    """What is wrong with the first attempt of a notification; later attempts are genuine."""

    NONE = "none"
    TAMPERED = "tampered"
    """One byte of the body differs from what was signed."""
    PROBE = "probe"
    """WeChat Pay tests whether signatures are checked."""


class FaultKind(StrEnum):
    """What can be made to go wrong."""

    NOTIFY_TWICE = "notify_twice"
    NOTIFY_LATE = "notify_late"
    NOTIFY_NEVER = "notify_never"
    NOTIFY_TAMPERED = "notify_tampered"
    NOTIFY_PROBE = "notify_probe"
    SLOW_ANSWER = "slow_answer"
    """An API answer takes six seconds."""
    ERROR_AFTER_COMMIT = "error_after_commit"
    """A call that changes something does it, then answers 500 SYSTEM_ERROR."""
    CUT_AFTER_COMMIT = "cut_after_commit"
    """A call that changes something does it, then the connection is cut."""
    CLOSE_RACE = "close_race"
    """The payer pays while the trade is being closed."""
    REFUND_ABNORMAL = "refund_abnormal"
    REFUND_CLOSED = "refund_closed"
    """A refund is not carried out; only one with a new number can be."""
    REFUND_ONCE_A_MINUTE = "refund_once_a_minute"
    """A second refund of a trade within a minute is refused."""
    BILL_NOT_READY = "bill_not_ready"
    BILL_HASH_WRONG = "bill_hash_wrong"
    BILL_EXTRA_ROW = "bill_extra_row"
    """A bill has a payment that nobody made with us."""
    BILL_MISSING_ROW = "bill_missing_row"
    BILL_AMOUNT_DIFFERS = "bill_amount_differs"
    BILL_REFUND_DIFFERS = "bill_refund_differs"
    CERTIFICATE = "certificate"
    """WeChat Pay signs with the key of its platform certificate, as before public-key mode."""
    MIGRATION = "migration"
    """WeChat Pay signs with the public-key id and with the certificate in turn."""


class SandboxTrade(Base):
    """One order number at one provider."""

    __tablename__ = "sandbox_trade"
    __table_args__ = (
        CheckConstraint("provider IN ('wechat', 'alipay')", name="sandbox_trade_provider_known"),
        CheckConstraint("state IN ('open', 'paid', 'closed')", name="sandbox_trade_state_known"),
        CheckConstraint("amount_fen > 0", name="sandbox_trade_amount_positive"),
        CheckConstraint("refunded_fen BETWEEN 0 AND amount_fen", name="sandbox_trade_refunds_covered"),
        CheckConstraint(
            "(state = 'paid') = (transaction_id IS NOT NULL) AND (state = 'paid') = (paid_at IS NOT NULL)",
            name="sandbox_trade_paid_complete",
        ),
        Index("sandbox_trade_reference_key", "provider", "reference", unique=True),
        Index("sandbox_trade_transaction_key", "provider", "transaction_id", unique=True),
        Index("sandbox_trade_paid_idx", "provider", "paid_at"),
        Index("sandbox_trade_created_idx", "created_at"),
    )

    provider: Mapped[SandboxProvider] = mapped_column(closed_set(SandboxProvider), primary_key=True)
    out_trade_no: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str]
    """WeChat's prepay_id; Alipay gives none before the payment, so the order number stands here."""
    kind: Mapped[str]
    """jsapi, native, wap, page or qr."""
    app_id: Mapped[str]
    title: Mapped[str]
    amount_fen: Mapped[int]
    payer: Mapped[str | None]
    """The openid, or Alipay's buyer id once somebody has paid."""
    notify_url: Mapped[str]
    return_url: Mapped[str | None]
    asked: Mapped[Json]
    """The parameters as first asked for: the same number with others is refused."""
    state: Mapped[TradeState] = mapped_column(closed_set(TradeState), server_default="open")
    transaction_id: Mapped[str | None]
    refunded_fen: Mapped[int] = mapped_column(server_default="0")
    """Asked back so far and not closed, also what is still being processed."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class SandboxRefund(Base):
    """One refund number of a trade."""

    __tablename__ = "sandbox_refund"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider", "out_trade_no"],
            ["sandbox_trade.provider", "sandbox_trade.out_trade_no"],
            name="sandbox_refund_trade_fkey",
        ),
        CheckConstraint("amount_fen > 0", name="sandbox_refund_amount_positive"),
        CheckConstraint(
            "state IN ('processing', 'success', 'abnormal', 'closed')", name="sandbox_refund_state_known"
        ),
        Index("sandbox_refund_refund_id_key", "provider", "refund_id", unique=True),
        Index(
            "sandbox_refund_number_once_at_wechat",
            "out_refund_no",
            unique=True,
            postgresql_where=text("provider = 'wechat'"),
        ),
        Index("sandbox_refund_due_idx", "settles_at", postgresql_where=text("state = 'processing'")),
        Index("sandbox_refund_created_idx", "provider", "created_at"),
    )

    provider: Mapped[SandboxProvider] = mapped_column(closed_set(SandboxProvider), primary_key=True)
    out_trade_no: Mapped[str] = mapped_column(primary_key=True)
    out_refund_no: Mapped[str] = mapped_column(primary_key=True)
    refund_id: Mapped[str]
    amount_fen: Mapped[int]
    reason: Mapped[str]
    notify_url: Mapped[str | None]
    state: Mapped[RefundState] = mapped_column(closed_set(RefundState))
    created_at: Mapped[datetime]
    settles_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    goes_to_merchant: Mapped[bool] = mapped_column(server_default=false())
    """Whether the merchant asked for it back instead of its payer."""


class SandboxDelivery(Base):
    """One notification and how its delivery goes; duplicates are rows of their own with the same event id."""

    __tablename__ = "sandbox_delivery"
    __table_args__ = (
        CheckConstraint(
            "state IN ('due', 'delivered', 'given_up', 'withheld')", name="sandbox_delivery_state_known"
        ),
        CheckConstraint("disorder IN ('none', 'tampered', 'probe')", name="sandbox_delivery_disorder_known"),
        Index("sandbox_delivery_due_idx", "due_at", postgresql_where=text("state = 'due'")),
        Index("sandbox_delivery_trade_idx", "provider", "out_trade_no"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    provider: Mapped[SandboxProvider] = mapped_column(closed_set(SandboxProvider))
    out_trade_no: Mapped[str]
    event_id: Mapped[str]
    event: Mapped[str]
    """The provider's name of what happened, such as TRANSACTION.SUCCESS or TRADE_SUCCESS."""
    notify_url: Mapped[str]
    content: Mapped[Json]
    """What is told; sealed and signed anew at each attempt."""
    disorder: Mapped[Disorder] = mapped_column(closed_set(Disorder), server_default="none")
    state: Mapped[DeliveryState] = mapped_column(closed_set(DeliveryState), server_default="due")
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default="0")
    last_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    """HTTP status of the last answer; 0 when there was none."""


class SandboxFault(Base):
    """A switch that is on."""

    __tablename__ = "sandbox_fault"
    __table_args__ = (CheckConstraint("times_left > 0", name="sandbox_fault_times_positive"),)

    provider: Mapped[SandboxProvider] = mapped_column(closed_set(SandboxProvider), primary_key=True)
    kind: Mapped[FaultKind] = mapped_column(closed_set(FaultKind), primary_key=True)
    out_trade_no: Mapped[str] = mapped_column(primary_key=True, server_default="")
    """The only trade it hits; empty: any."""
    times_left: Mapped[int | None]
    """How often it happens; null: until it is switched off."""


class SandboxBill(Base):
    """The file behind a download address of a bill, as it was when it was asked for."""

    __tablename__ = "sandbox_bill"

    token: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[SandboxProvider] = mapped_column(closed_set(SandboxProvider))
    content: Mapped[bytes]
    expires_at: Mapped[datetime]
