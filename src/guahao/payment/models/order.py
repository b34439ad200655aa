"""What is owed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, closed_set


class OrderState(StrEnum):
    """How far an order is."""

    CREATED = "created"
    PAYING = "paying"
    """A payment was opened at a provider."""
    CLOSING = "closing"
    """Its time is over; the providers are being asked to take no money for it any more."""
    CLOSED = "closed"
    PAID = "paid"
    PAID_LATE = "paid_late"
    """The money came after closing: what it was for is taken again if it is free, else it goes back."""
    REFUNDING = "refunding"
    PART_REFUNDED = "part_refunded"
    REFUNDED = "refunded"


PAYABLE = (OrderState.CREATED, OrderState.PAYING)
"""States in which a payment may be opened."""

UNPAID = (*PAYABLE, OrderState.CLOSING, OrderState.CLOSED)
"""States in which no money has been kept for the order."""

_STATES = ", ".join(f"'{state}'" for state in OrderState)
_UNPAID = ", ".join(f"'{state}'" for state in UNPAID)


class Order(Base):
    """What somebody owes for one subject, in fen.

    `amount_fen` is the whole; `insurance_fen` and `other_fen` are the parts of it that somebody else
    bears, the rest is asked from the payer. `paid_payment_id` names the one payment that is kept for it.
    """

    __tablename__ = "payment_order"
    __table_args__ = (
        UniqueConstraint("hospital_id", "subject", name="payment_order_one_per_subject"),
        CheckConstraint("amount_fen >= 0", name="payment_order_amount_not_negative"),
        CheckConstraint(
            "insurance_fen >= 0 AND other_fen >= 0 AND insurance_fen + other_fen <= amount_fen",
            name="payment_order_parts_fit",
        ),
        CheckConstraint(f"state IN ({_STATES})", name="payment_order_state_known"),
        CheckConstraint(f"(paid_at IS NULL) = (state IN ({_UNPAID}))", name="payment_order_paid_has_a_time"),
        Index("payment_order_created_idx", "hospital_id", "created_at", "id"),
        Index("payment_order_state_idx", "hospital_id", "state", "created_at", "id"),
        Index("payment_order_account_idx", "hospital_id", "account_id", "created_at", "id"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[str]
    account_id: Mapped[UUID | None]
    amount_fen: Mapped[int]
    insurance_fen: Mapped[int] = mapped_column(server_default="0")
    other_fen: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[OrderState] = mapped_column(closed_set(OrderState))
    expires_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    paid_payment_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    @property
    def payable_fen(self) -> int:
        """What the payer is asked for."""
        return self.amount_fen - self.insurance_fen - self.other_fen
