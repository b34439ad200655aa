"""What staff list of a hospital's money: which rows, and how they can be sorted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute, aliased

from guahao.kernel.paging import Listing
from guahao.payment.models import (
    Adjustment,
    AdjustmentState,
    BillRun,
    BillState,
    CaseKind,
    CaseState,
    Channel,
    FinanceCase,
    LedgerAccount,
    LedgerEntry,
    Order,
    OrderState,
    Payment,
    PaymentState,
    Provider,
    Refund,
    RefundReason,
    RefundState,
)

ORDERS = Listing(by={"created_at": Order.created_at}, id=Order.id, default="-created_at")
PAYMENTS = Listing(by={"created_at": Payment.created_at}, id=Payment.id, default="-created_at")
REFUNDS = Listing(
    by={"requested_at": Refund.requested_at, "amount_fen": Refund.amount_fen},
    id=Refund.id,
    default="-requested_at",
)
CASES = Listing(by={"opened_at": FinanceCase.opened_at}, id=FinanceCase.id, default="-opened_at")
ADJUSTMENTS = Listing(by={"proposed_at": Adjustment.proposed_at}, id=Adjustment.id, default="-proposed_at")
RUNS = Listing(by={"day": BillRun.day}, id=BillRun.provider, default="-day")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From a moment to before another; what is None is open."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def of(self, moment: InstrumentedAttribute[datetime]) -> list[ColumnElement[bool]]:
        """The conditions on a column."""
        from_, to = self.starts_at, self.ends_at
        return [*([moment >= from_] if from_ else []), *([moment < to] if to else [])]


ALWAYS = Span()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders; `span` is when they were made, `ids` what a search found (None: no search)."""

    hospital_id: int
    state: OrderState | None = None
    account_id: UUID | None = None
    subject: str | None = None
    span: Span = ALWAYS
    ids: Collection[UUID] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """Which payments; `span` is when they were opened, `order_ids` the orders that a search found."""

    hospital_id: int
    state: PaymentState | None = None
    channel: Channel | None = None
    span: Span = ALWAYS
    order_ids: Collection[UUID] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundFilter:
    """Which refunds; `span` is when they were asked for, `order_ids` the orders that a search found."""

    hospital_id: int
    state: RefundState | None = None
    reason: RefundReason | None = None
    span: Span = ALWAYS
    order_ids: Collection[UUID] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """Which cases; hospital 0 has those of nobody; `subjects` is what a search found."""

    hospital_id: int
    state: CaseState | None = None
    kind: CaseKind | None = None
    span: Span = ALWAYS
    subjects: Collection[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Which entries of the books; `account` on either side."""

    hospital_id: int
    account: LedgerAccount | None = None
    span: Span = ALWAYS
    order_ids: Collection[UUID] | None = None


def orders(wanted: OrderFilter) -> Select[Order]:
    """A hospital's orders."""
    return select(Order).where(
        Order.hospital_id == wanted.hospital_id,
        *_is(Order.state, wanted.state),
        *_is(Order.account_id, wanted.account_id),
        *_is(Order.subject, wanted.subject),
        *wanted.span.of(Order.created_at),
        *_among(Order.id, wanted.ids),
    )


def payments(wanted: PaymentFilter) -> Select[Payment]:
    """A hospital's payments, tries that came to nothing too."""
    return select(Payment).where(
        Payment.hospital_id == wanted.hospital_id,
        *_is(Payment.state, wanted.state),
        *_is(Payment.channel, wanted.channel),
        *wanted.span.of(Payment.created_at),
        *_among(Payment.order_id, wanted.order_ids),
    )


def refunds(wanted: RefundFilter) -> Select[Refund]:
    """A hospital's refunds."""
    return select(Refund).where(
        Refund.hospital_id == wanted.hospital_id,
        *_is(Refund.state, wanted.state),
        *_is(Refund.reason, wanted.reason),
        *wanted.span.of(Refund.requested_at),
        *_among(Refund.order_id, wanted.order_ids),
    )


def cases(wanted: CaseFilter) -> Select[FinanceCase]:
    """A hospital's cases."""
    return select(FinanceCase).where(
        FinanceCase.hospital_id == wanted.hospital_id,
        *_is(FinanceCase.state, wanted.state),
        *_is(FinanceCase.kind, wanted.kind),
        *wanted.span.of(FinanceCase.opened_at),
        *_among(func.split_part(FinanceCase.subject, "@", 1), wanted.subjects),
    )


def adjustments(*, hospital_id: int, state: AdjustmentState | None) -> Select[Adjustment]:
    """A hospital's manual entries."""
    return select(Adjustment).where(Adjustment.hospital_id == hospital_id, *_is(Adjustment.state, state))


def runs(
    *, provider: Provider | None, state: BillState | None, from_: date | None, to: date | None
) -> Select[BillRun]:
    """Days of providers, `to` excluded; totals are of the merchant, all hospitals together."""
    return select(BillRun).where(
        *_is(BillRun.provider, provider),
        *_is(BillRun.state, state),
        *([BillRun.day >= from_] if from_ else []),
        *([BillRun.day < to] if to else []),
    )


def entries(wanted: EntryFilter) -> tuple[Select[LedgerEntry], Listing]:
    """Entries of a hospital's books; those of one account are two ordered lists, which merge."""
    found = select(LedgerEntry).where(
        LedgerEntry.hospital_id == wanted.hospital_id,
        *wanted.span.of(LedgerEntry.occurred_at),
        *_among(LedgerEntry.order_id, wanted.order_ids),
    )
    if wanted.account is None:
        return found, _listing(LedgerEntry)
    received = found.where(LedgerEntry.debit == wanted.account)
    given = found.where(LedgerEntry.credit == wanted.account)
    either = aliased(LedgerEntry, union_all(received, given).subquery("either"))
    return select(either), _listing(either)


def _listing(entry: type[LedgerEntry]) -> Listing:
    return Listing(by={"occurred_at": entry.occurred_at}, id=entry.id, default="-occurred_at")


def channels_of(payments: Collection[tuple[int, UUID]]) -> Select[UUID, Channel]:
    """By which channels these payments came, each named by its hospital and id."""
    return select(Payment.id, Payment.channel).where(tuple_(Payment.hospital_id, Payment.id).in_(payments))


def _is(column: InstrumentedAttribute[Any], value: object) -> list[ColumnElement[bool]]:
    return [] if value is None else [column == value]


def _among(
    column: ColumnElement[Any] | InstrumentedAttribute[Any], values: Collection[Any] | None
) -> list[ColumnElement[bool]]:
    return [] if values is None else [column.in_(values)]
