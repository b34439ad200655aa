"""What staff see of money; amounts are fen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from guahao.kernel.clock import at_local
from guahao.kernel.http import Page
from guahao.kernel.ids import parse_id
from guahao.payment.models import (
    AdjustmentState,
    CaseKind,
    CaseState,
    Channel,
    LedgerAccount,
    OrderState,
    Part,
    PaymentState,
    Posting,
    RefundReason,
    RefundState,
)
from guahao.payment.queries.staff import OrderFile

Id = Annotated[str, Field(max_length=64)]
HospitalId = Annotated[int, Query(ge=1, le=16_777_215)]
AnyHospitalId = Annotated[
    int,
    Query(ge=0, le=16_777_215, description="0 has what belongs to no hospital, for the platform's people"),
]
Cursor = Annotated[str | None, Query(max_length=64)]
Limit = Annotated[int, Query(ge=1, le=100)]
Day = Annotated[dt.date, Field(ge=dt.date(2000, 1, 1), le=dt.date(2100, 1, 1))]
AmountFen = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]
Note = Annotated[
    str, Field(min_length=2, max_length=200, description="Why, without names or numbers of persons")
]


class _Shown(BaseModel):
    """Shows a row by its attributes."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, row: object) -> Self:
        """Show a row."""
        return cls.model_validate(row)


class OrderSeen(_Shown):
    """What is owed for a subject; `payable_fen` is what the payer bears of the whole."""

    id: UUID
    subject: str
    account_id: UUID | None
    amount_fen: int
    insurance_fen: int
    other_fen: int
    payable_fen: int
    state: OrderState
    created_at: datetime
    expires_at: datetime | None
    paid_at: datetime | None
    paid_payment_id: UUID | None


class PaymentSeen(_Shown):
    """One try to pay an order; `refunded_fen` is promised back, arrived or not."""

    id: UUID
    order_id: UUID
    channel: Channel
    state: PaymentState
    amount_fen: int
    captured_fen: int
    captured_at: datetime | None
    refunded_fen: int
    transaction_id: str | None
    created_at: datetime
    expires_at: datetime


class RefundSeen(_Shown):
    """Money on its way back; `requested_by`, `approved_by` and `settled_by` are audit actors."""

    id: UUID
    order_id: UUID
    payment_id: UUID
    out_refund_no: str
    amount_fen: int
    reason: RefundReason
    state: RefundState
    requested_by: str
    approved_by: str | None
    settled_by: str | None
    note: str | None
    channel_refund_id: str | None
    last_error: str | None
    requested_at: datetime
    submitted_at: datetime | None
    settled_at: datetime | None


class EntrySeen(_Shown):
    """One movement in the books: `debit` receives, `credit` gives."""

    id: UUID
    kind: Posting
    debit: LedgerAccount
    credit: LedgerAccount
    part: Part
    amount_fen: int
    order_id: UUID | None
    cause: str
    occurred_at: datetime


class CaseSeen(_Shown):
    """What finance must look at, with its evidence."""

    id: UUID
    kind: CaseKind
    subject: str
    evidence: dict[str, Any]
    state: CaseState
    opened_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None


class AdjustmentSeen(_Shown):
    """A manual entry; it stands in the books once it is approved."""

    id: UUID
    debit: LedgerAccount
    credit: LedgerAccount
    part: Part
    amount_fen: int
    order_id: UUID | None
    note: str
    state: AdjustmentState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class OrderFileSeen(BaseModel):
    """Everything about the money of one order."""

    order: OrderSeen
    payments: list[PaymentSeen]
    refunds: list[RefundSeen]
    entries: list[EntrySeen]
    cases: list[CaseSeen]

    @classmethod
    def of(cls, file: OrderFile) -> OrderFileSeen:
        """Show what was read."""
        return cls(
            order=OrderSeen.of(file.order),
            payments=[PaymentSeen.of(row) for row in file.payments],
            refunds=[RefundSeen.of(row) for row in file.refunds],
            entries=[EntrySeen.of(row) for row in file.entries],
            cases=[CaseSeen.of(row) for row in file.cases],
        )


Item = TypeVar("Item", OrderSeen, RefundSeen, EntrySeen, CaseSeen, AdjustmentSeen)


def page(kind: type[Item], rows: Sequence[object], *, limit: int) -> Page[Item]:
    """Show up to `limit` of the rows, of which one more was read to know whether there are others."""
    items = [kind.of(row) for row in rows[:limit]]
    return Page(items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)


def before(cursor: str | None) -> UUID | None:
    """The row a page begins before."""
    return None if cursor is None else parse_id(cursor)


def midnight(day: dt.date | None) -> datetime | None:
    """The moment a local day begins."""
    return None if day is None else at_local(day, dt.time())
