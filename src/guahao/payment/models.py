"""Tables of the payment domain."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, closed_set


class OrderState(StrEnum):
    """How far an order is: open, paid, closed unpaid, or on its way back to the payer."""

    CREATED = "created"
    PAID = "paid"
    CLOSED = "closed"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class Order(Base):
    """What somebody owes for one subject, in fen."""

    __tablename__ = "payment_order"
    __table_args__ = (
        UniqueConstraint("hospital_id", "subject", name="payment_order_one_per_subject"),
        CheckConstraint("amount_fen >= 0", name="payment_order_amount_not_negative"),
        CheckConstraint(
            "state IN ('created', 'paid', 'closed', 'refunding', 'refunded')",
            name="payment_order_state_known",
        ),
        CheckConstraint(
            "(paid_at IS NOT NULL) = (state IN ('paid', 'refunding', 'refunded'))",
            name="payment_order_paid_has_a_time",
        ),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[str]
    account_id: Mapped[UUID | None]
    amount_fen: Mapped[int]
    state: Mapped[OrderState] = mapped_column(closed_set(OrderState))
    expires_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
