"""Money on its way back."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, closed_set


class RefundState(StrEnum):
    """How far a refund is. Accepted by the provider is not arrived."""

    AWAITING_APPROVAL = "awaiting_approval"
    """Above the limit of one person: a second one decides."""
    REQUESTED = "requested"
    SUBMITTED = "submitted"
    SUCCESS = "success"
    ABNORMAL = "abnormal"
    """The payer's card does not take it: finance must act."""
    MANUAL = "manual"
    """Finance handed it over by other means and says so; a second person confirms."""
    CLOSED = "closed"
    """The provider will never carry it out; a new one takes its place."""
    REJECTED = "rejected"
    """The second person said no, or all of the payment goes back instead."""


class RefundReason(StrEnum):
    """Why money goes back."""

    CANCELLED = "cancelled"
    HOSPITAL = "hospital"
    """The hospital cannot keep what was paid for."""
    LATE = "late"
    """The money came after the place was gone."""
    DUPLICATE = "duplicate"
    """The order was paid already."""
    DIFFERENCE = "difference"
    """What is given now costs less."""
    STAFF = "staff"


UNSETTLED = (
    RefundState.AWAITING_APPROVAL,
    RefundState.REQUESTED,
    RefundState.SUBMITTED,
    RefundState.ABNORMAL,
    RefundState.MANUAL,
)
"""States in which money is promised back and has not arrived."""

_UNSETTLED = ", ".join(f"'{state}'" for state in UNSETTLED)
_STATES = ", ".join(f"'{state}'" for state in RefundState)
_REASONS = ", ".join(f"'{reason}'" for reason in RefundReason)


class Refund(Base):
    """One refund of one payment; `cause` says why in a way that makes the same wish the same refund."""

    __tablename__ = "refund"
    __table_args__ = (
        ForeignKeyConstraint(["hospital_id", "payment_id"], ["payment.hospital_id", "payment.id"]),
        ForeignKeyConstraint(["hospital_id", "order_id"], ["payment_order.hospital_id", "payment_order.id"]),
        UniqueConstraint("hospital_id", "cause", name="refund_once_per_cause"),
        UniqueConstraint("hospital_id", "payment_id", "number", name="refund_number_once"),
        CheckConstraint(f"state IN ({_STATES})", name="refund_state_known"),
        CheckConstraint(f"reason IN ({_REASONS})", name="refund_reason_known"),
        CheckConstraint("amount_fen > 0", name="refund_amount_positive"),
        CheckConstraint("number >= 1", name="refund_number_in_range"),
        CheckConstraint("(settled_at IS NOT NULL) = (state = 'success')", name="refund_success_has_a_time"),
        CheckConstraint(
            "approved_by IS NULL OR approved_by <> requested_by", name="refund_approved_by_another"
        ),
        CheckConstraint("recalled_by IS NOT NULL OR recalled_at IS NULL", name="refund_recall_has_a_name"),
        Index("refund_list_idx", "hospital_id", "requested_at", "id"),
        Index("refund_state_idx", "hospital_id", "state", "requested_at", "id"),
        Index("refund_amount_idx", "hospital_id", "amount_fen", "id"),
        Index("refund_state_amount_idx", "hospital_id", "state", "amount_fen", "id"),
        Index("refund_order_idx", "hospital_id", "order_id"),
        Index("refund_due_idx", "due_at", postgresql_where=text("state = 'requested'")),
        Index(
            "refund_followed_idx",
            "due_at",
            postgresql_where=text("channel_refund_id IS NOT NULL AND final_at IS NULL"),
        ),
        Index("refund_settled_idx", "settled_at", postgresql_where=text("settled_at IS NOT NULL")),
        Index("refund_requested_idx", "requested_at"),
        Index(
            "refund_unsettled_idx",
            "hospital_id",
            "requested_at",
            postgresql_where=text(f"state IN ({_UNSETTLED})"),
        ),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    payment_id: Mapped[UUID]
    number: Mapped[int]
    amount_fen: Mapped[int]
    reason: Mapped[RefundReason] = mapped_column(closed_set(RefundReason))
    cause: Mapped[str]
    state: Mapped[RefundState] = mapped_column(closed_set(RefundState))
    requested_by: Mapped[str]
    """An audit actor: `account:<id>`, `staff:<id>` or `system`."""
    approved_by: Mapped[str | None]
    settled_by: Mapped[str | None]
    """Who says it was handed over by other means."""
    recall_asked_by: Mapped[str | None]
    """Who wants the amount back from the provider into the hospital's own account."""
    recalled_by: Mapped[str | None]
    """Who let that happen; from then on the provider's success means the hospital, not the payer."""
    recalled_at: Mapped[datetime | None]
    note: Mapped[str | None]
    channel_refund_id: Mapped[str | None]
    tries: Mapped[int] = mapped_column(server_default="0")
    last_error: Mapped[str | None]
    due_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    requested_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    submitted_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    final_at: Mapped[datetime | None]
    """When the provider said its last word of it; until then it is asked, whatever we did meanwhile."""

    @property
    def out_refund_no(self) -> str:
        """The refund number at the provider: the same wish always has the same number."""
        return f"{self.payment_id.hex}R{self.number}"
