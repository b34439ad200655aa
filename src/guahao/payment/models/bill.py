"""Daily bills of the providers and how they fit our books."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, closed_set
from guahao.payment.models.channel import BillKind, Provider


class BillState(StrEnum):
    """How far the bill of a day is."""

    WANTED = "wanted"
    DONE = "done"
    FAILED = "failed"
    """Its hash or totals do not fit: nothing of it was used; it is fetched again."""


class BillRun(Base):
    """The bill of one provider and local day: one merchant serves all hospitals, so it belongs to none."""

    __tablename__ = "bill_run"

    provider: Mapped[Provider] = mapped_column(closed_set(Provider), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    state: Mapped[BillState] = mapped_column(closed_set(BillState))
    due_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(server_default="0")
    last_error: Mapped[str | None]
    digest: Mapped[str | None]
    row_count: Mapped[int] = mapped_column(server_default="0")
    paid_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """The sums are of a merchant that other systems may use too: more than fits into 32 bits."""
    refunded_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    fund_income_fen: Mapped[int | None] = mapped_column(BigInteger)
    fund_outgo_fen: Mapped[int | None] = mapped_column(BigInteger)
    matched: Mapped[int] = mapped_column(server_default="0")
    differences: Mapped[int] = mapped_column(server_default="0")
    checked_at: Mapped[datetime | None]


class Verdict(StrEnum):
    """How one payment or refund of a day fits on both sides."""

    MATCHED = "matched"
    APPLIED = "applied"
    """The bill told us of a payment we had missed; it was applied."""
    LONG = "long"
    SHORT = "short"
    AMOUNT = "amount"
    REFUND = "refund"


class BillEntry(Base):
    """One line of a reconciliation: what the bill says, what we say, and the verdict.

    `hospital_id` is 0 for numbers that are not ours; `bill_fen` is None for what the bill lacks,
    `our_fen` for what we lack.
    """

    __tablename__ = "bill_entry"
    __table_args__ = (
        CheckConstraint("num_nonnulls(bill_fen, our_fen) > 0", name="bill_entry_has_a_side"),
        Index("bill_entry_day_idx", "provider", "day"),
        Index(
            "bill_entry_odd_idx",
            "hospital_id",
            "day",
            "provider",
            postgresql_where=text("verdict NOT IN ('matched', 'applied')"),
        ),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[Provider] = mapped_column(closed_set(Provider), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[BillKind] = mapped_column(closed_set(BillKind), primary_key=True)
    reference: Mapped[str] = mapped_column(primary_key=True)
    """The order number of a payment, the refund number of a refund."""
    transaction_id: Mapped[str | None]
    bill_fen: Mapped[int | None]
    our_fen: Mapped[int | None]
    verdict: Mapped[Verdict] = mapped_column(closed_set(Verdict))
