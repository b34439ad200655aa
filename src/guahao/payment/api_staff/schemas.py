"""What staff see of money; amounts are fen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from guahao.kernel.clock import at_local
from guahao.kernel.http import Listed
from guahao.kernel.value.fields import reason_text
from guahao.payment import policy
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
from guahao.payment.queries.lists import Span

HospitalId = Annotated[int, Query(ge=1, le=16_777_215)]
AnyHospitalId = Annotated[
    int,
    Query(ge=0, le=16_777_215, description="0 has what belongs to no hospital, for the platform's people"),
]
Day = Annotated[dt.date, Field(ge=dt.date(2000, 1, 1), le=dt.date(2100, 1, 1))]
AmountFen = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]
Note = Annotated[str, reason_text(least=2), Field(description="Why, without names or numbers of persons")]


Names = Mapping[str, str]
"""How the staff behind audit actors are called; who is no member of staff is missing."""


class Dated(Listed):
    """A list within days; days are local, `to` excluded."""

    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None

    @property
    def span(self) -> Span:
        """From when to when."""
        return Span(starts_at=_midnight(self.from_), ends_at=_midnight(self.to))


class Found(Dated):
    """A list that can be searched."""

    q: Annotated[
        str | None,
        Field(
            min_length=2,
            max_length=100,
            description="A number (order, appointment, payment, refund, transaction), or a payer's whole"
            " name, phone or document number",
        ),
    ] = None


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
    out_trade_no: str
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
    """Money on its way back; who did something are audit actors, `names` says how they are called.

    `deeds` is what the reader may do about it now; `expected_by` when it should have arrived.
    """

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
    recall_asked_by: str | None
    recalled_by: str | None
    recalled_at: datetime | None
    note: str | None
    channel_refund_id: str | None
    last_error: str | None
    requested_at: datetime
    submitted_at: datetime | None
    settled_at: datetime | None
    channel: Channel
    expected_by: datetime | None
    deeds: list[policy.RefundDeed]
    names: dict[str, str]


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
    names: dict[str, str] = {}


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
    may_decide: bool = False
    names: dict[str, str] = {}


class OrderFileSeen(BaseModel):
    """Everything about the money of one order."""

    order: OrderSeen
    payments: list[PaymentSeen]
    refunds: list[RefundSeen]
    entries: list[EntrySeen]
    cases: list[CaseSeen]


def _midnight(day: dt.date | None) -> datetime | None:
    """The moment a local day begins."""
    return None if day is None else at_local(day, dt.time())
