"""Tries to pay an order, and what providers told about them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, closed_set
from guahao.payment.models.channel import Channel, Provider, Source


class PaymentState(StrEnum):
    """How far one try to pay is."""

    PREPARING = "preparing"
    """Written down; the provider may or may not know of it yet."""
    OPEN = "open"
    CLOSING = "closing"
    """No longer wanted; the provider is being asked to take no money for it."""
    CLOSED = "closed"
    CAPTURED = "captured"
    DISPUTED = "disputed"
    """Another amount than asked for came in: somebody of finance decides."""


LIVE = (PaymentState.PREPARING, PaymentState.OPEN, PaymentState.CLOSING)
"""States in which money may still come in and the provider is asked from time to time."""

_STATES = ", ".join(f"'{state}'" for state in PaymentState)
_CHANNELS = ", ".join(f"'{channel}'" for channel in Channel)
_IS_LIVE = text("state IN ('preparing', 'open', 'closing')")


class Payment(Base):
    """One try to pay an order by one channel; its id in hexadecimal is the order number at the provider.

    `refunded_fen` counts what is promised back, arrived or not. The CHECKs are the last word on refunds.
    """

    __tablename__ = "payment"
    __table_args__ = (
        ForeignKeyConstraint(["hospital_id", "order_id"], ["payment_order.hospital_id", "payment_order.id"]),
        CheckConstraint(f"state IN ({_STATES})", name="payment_state_known"),
        CheckConstraint(f"channel IN ({_CHANNELS})", name="payment_channel_known"),
        CheckConstraint("amount_fen > 0", name="payment_amount_positive"),
        CheckConstraint(
            "(captured_fen > 0) = (state IN ('captured', 'disputed')) AND captured_fen >= 0",
            name="payment_captured_has_an_amount",
        ),
        CheckConstraint(
            "(captured_fen > 0) = (captured_at IS NOT NULL AND transaction_id IS NOT NULL)",
            name="payment_captured_has_a_proof",
        ),
        CheckConstraint(
            "refunded_fen >= 0 AND refunded_fen <= captured_fen", name="payment_refunds_within_captured"
        ),
        CheckConstraint("refund_count >= 0 AND refund_count <= 50", name="payment_refunds_at_most_50"),
        Index(
            "payment_one_open_per_order",
            "hospital_id",
            "order_id",
            unique=True,
            postgresql_where=text("state IN ('preparing', 'open')"),
        ),
        Index("payment_order_idx", "hospital_id", "order_id"),
        Index(
            "payment_transaction_once",
            "hospital_id",
            "transaction_id",
            unique=True,
            postgresql_where=text("transaction_id IS NOT NULL"),
        ),
        Index(
            "payment_transaction_idx",
            "transaction_id",
            postgresql_where=text("transaction_id IS NOT NULL"),
        ),
        Index("payment_due_idx", "due_at", postgresql_where=_IS_LIVE),
        Index("payment_created_idx", "created_at"),
        Index("payment_captured_idx", "captured_at", postgresql_where=text("captured_at IS NOT NULL")),
        Index("payment_list_idx", "hospital_id", "created_at", "id"),
        Index("payment_state_idx", "hospital_id", "state", "created_at", "id"),
        Index("payment_channel_idx", "hospital_id", "channel", "created_at", "id"),
        Index("payment_page_idx", "page_token_hash", postgresql_where=text("page_token_hash IS NOT NULL")),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    channel: Mapped[Channel] = mapped_column(closed_set(Channel))
    state: Mapped[PaymentState] = mapped_column(closed_set(PaymentState))
    amount_fen: Mapped[int]
    payer_account_id: Mapped[UUID | None]
    device_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Keyed hash of the payer's address and browser: tells one device from another, names nobody."""
    taken_by: Mapped[str | None]
    """Who took cash at the desk, an audit actor."""
    reference: Mapped[str | None]
    expires_at: Mapped[datetime]
    due_at: Mapped[datetime]
    """When the provider is asked next, while the payment is live."""
    queries: Mapped[int] = mapped_column(server_default="0")
    page_token_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    page_expires_at: Mapped[datetime | None]
    transaction_id: Mapped[str | None]
    captured_fen: Mapped[int] = mapped_column(server_default="0")
    captured_at: Mapped[datetime | None]
    refunded_fen: Mapped[int] = mapped_column(server_default="0")
    refund_count: Mapped[int] = mapped_column(server_default="0")
    refund_sent_at: Mapped[datetime | None]
    """When the last refund was sent: providers want a minute between two of one payment."""
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    @property
    def out_trade_no(self) -> str:
        """The order number at the provider."""
        return self.id.hex

    @property
    def provider(self) -> Provider:
        """Who moves the money."""
        return self.channel.provider


class ChannelMessage(Base):
    """A fact a provider told, once: the same message again changes nothing."""

    __tablename__ = "channel_message"
    __table_args__ = (Index("channel_message_time_idx", "received_at"),)

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[Provider] = mapped_column(closed_set(Provider), primary_key=True)
    message_id: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[Source] = mapped_column(closed_set(Source))
    subject: Mapped[str]
    """The order or refund number it is about."""
    outcome: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
