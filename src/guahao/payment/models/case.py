"""What finance must look at."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, Json, closed_set


class CaseKind(StrEnum):
    """What was found."""

    AMOUNT_MISMATCH = "amount_mismatch"
    """A provider captured another amount than asked for."""
    UNKNOWN_ORDER = "unknown_order"
    """Money for an order number that is not ours."""
    REFUND_ABNORMAL = "refund_abnormal"
    REFUND_REFUSED = "refund_refused"
    """The provider refuses a refund for a reason that time does not heal."""
    REFUND_UNKNOWN = "refund_unknown"
    """A provider refunded what we never asked for."""
    REFUND_CONTRADICTION = "refund_contradiction"
    """What a provider says of a refund cannot be true together with what is booked; no account moved."""
    REFUND_OVERDUE = "refund_overdue"
    """A refund has been on its way for a week, or the provider forgets it again and again."""
    PAYMENT_OVERDUE = "payment_overdue"
    """A provider has not said for a day how a payment stands whose time is over."""
    ANSWER_UNREADABLE = "answer_unreadable"
    """A provider's genuine answer or notification about a payment or refund says nothing we understand."""
    BILL_LONG = "bill_long"
    """The bill has a payment that we had not."""
    BILL_SHORT = "bill_short"
    """We have a payment that the bill has not."""
    BILL_AMOUNT = "bill_amount"
    BILL_REFUND = "bill_refund"
    """A refund is missing on one side, or its amount differs."""
    BILL_ROW = "bill_row"
    """A row of a bill cannot be read; the rest of the day is reconciled."""
    BILL_MISSING = "bill_missing"
    """A provider's bill is damaged or cannot be had, a day after it should be there."""
    MANY_ORDERS = "many_orders"
    MANY_ORDERS_DEVICE = "many_orders_device"
    PAY_REFUND_CYCLES = "pay_refund_cycles"
    LARGE_REFUND = "large_refund"
    REFUND_WITHOUT_CANCELLATION = "refund_without_cancellation"
    CHANGE_BY_ONE_PERSON = "change_by_one_person"
    """A manual change stands without a second person."""
    NOTIFICATION_ANOMALY = "notification_anomaly"
    """Money known by query or bill whose notification never came, more often than usual."""
    SIGNATURE_FAILURES = "signature_failures"
    """Many notifications with a bad signature in a short time."""


class CaseState(StrEnum):
    """Whether somebody has dealt with it."""

    OPEN = "open"
    RESOLVED = "resolved"


class FinanceCase(Base):
    """Something found in the money, with its evidence: identifiers and numbers, never personal data."""

    __tablename__ = "finance_case"
    __table_args__ = (
        UniqueConstraint("hospital_id", "kind", "subject", name="finance_case_once_per_subject"),
        CheckConstraint(
            "(state = 'resolved') = (resolved_by IS NOT NULL AND resolved_at IS NOT NULL)",
            name="finance_case_resolution_has_a_name",
        ),
        Index("finance_case_list_idx", "hospital_id", "opened_at", "id"),
        Index("finance_case_state_idx", "hospital_id", "state", "opened_at", "id"),
        Index("finance_case_kind_idx", "hospital_id", "kind", "opened_at", "id"),
        Index("finance_case_subject_idx", "hospital_id", "subject"),
        Index("finance_case_open_idx", "hospital_id", "opened_at", postgresql_where=text("state = 'open'")),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[CaseKind] = mapped_column(closed_set(CaseKind))
    subject: Mapped[str]
    evidence: Mapped[Json]
    state: Mapped[CaseState] = mapped_column(closed_set(CaseState), server_default="open")
    opened_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]
    resolution: Mapped[str | None]
