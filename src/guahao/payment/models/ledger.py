"""The books: every entry moves an amount from one account to another, so they always balance."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, closed_set


class LedgerAccount(StrEnum):
    """Where money stands."""

    WECHAT = "wechat"
    ALIPAY = "alipay"
    CASH = "cash"
    """These three: what providers and the desk's drawers hold for the hospital."""
    INSURANCE = "insurance"
    """What the insurance owes."""
    PATIENT_MONEY = "patient_money"
    """Captured for orders that stand."""
    REFUNDS_PAYABLE = "refunds_payable"
    """Promised back, not yet arrived."""
    UNCLEAR = "unclear"
    """Came in and belongs to no order, or with a wrong amount, until finance decides."""
    DIFFERENCE = "difference"
    """Accepted losses and gains, by two people."""


class Part(StrEnum):
    """Who bears an amount."""

    CASH = "cash"
    """The payer's own money, by whatever channel."""
    INSURANCE = "insurance"
    OTHER = "other"


class Posting(StrEnum):
    """What an entry is about."""

    CAPTURE = "capture"
    REFUND_PROMISED = "refund_promised"
    REFUND_ARRIVED = "refund_arrived"
    REFUND_VOID = "refund_void"
    REFUND_RECALLED = "refund_recalled"
    """The provider gave a refund that cannot reach its payer back to the hospital, which hands it over."""
    ADJUSTMENT = "adjustment"


class LedgerEntry(Base):
    """One movement: `debit` receives, `credit` gives. Never changed, never deleted (a trigger refuses)."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        UniqueConstraint("hospital_id", "cause", "part", name="ledger_entry_once_per_cause"),
        CheckConstraint("amount_fen > 0", name="ledger_entry_amount_positive"),
        CheckConstraint("debit <> credit", name="ledger_entry_moves_something"),
        Index("ledger_entry_list_idx", "hospital_id", "occurred_at", "id"),
        Index("ledger_entry_debit_idx", "hospital_id", "debit", "occurred_at", "id"),
        Index("ledger_entry_credit_idx", "hospital_id", "credit", "occurred_at", "id"),
        Index("ledger_entry_order_idx", "hospital_id", "order_id"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[Posting] = mapped_column(closed_set(Posting))
    cause: Mapped[str]
    """What made it, `<posting>:<id>`: the same deed is booked once."""
    debit: Mapped[LedgerAccount] = mapped_column(closed_set(LedgerAccount))
    credit: Mapped[LedgerAccount] = mapped_column(closed_set(LedgerAccount))
    part: Mapped[Part] = mapped_column(closed_set(Part))
    amount_fen: Mapped[int]
    order_id: Mapped[UUID | None]
    occurred_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class AdjustmentState(StrEnum):
    """How far a manual entry is."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class Adjustment(Base):
    """A manual entry: proposed by one person of finance, booked when another approves."""

    __tablename__ = "ledger_adjustment"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="ledger_adjustment_amount_positive"),
        CheckConstraint("debit <> credit", name="ledger_adjustment_moves_something"),
        CheckConstraint(
            "decided_by IS NULL OR decided_by <> proposed_by", name="ledger_adjustment_decided_by_another"
        ),
        CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL)", name="ledger_adjustment_decision_has_a_name"
        ),
        Index("ledger_adjustment_list_idx", "hospital_id", "proposed_at", "id"),
        Index("ledger_adjustment_state_idx", "hospital_id", "state", "proposed_at", "id"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    debit: Mapped[LedgerAccount] = mapped_column(closed_set(LedgerAccount))
    credit: Mapped[LedgerAccount] = mapped_column(closed_set(LedgerAccount))
    part: Mapped[Part] = mapped_column(closed_set(Part))
    amount_fen: Mapped[int]
    order_id: Mapped[UUID | None]
    note: Mapped[str]
    state: Mapped[AdjustmentState] = mapped_column(closed_set(AdjustmentState))
    proposed_by: Mapped[str]
    proposed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
