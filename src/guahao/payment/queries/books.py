"""What our books hold against a provider's bill, read set-based however long the bill is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Integer,
    Row,
    Select,
    String,
    Uuid,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from guahao.kernel.clock import at_local
from guahao.kernel.ids import hospital_of
from guahao.payment import policy
from guahao.payment.models import (
    BillEntry,
    BillKind,
    CaseKind,
    FinanceCase,
    Payment,
    PaymentState,
    Provider,
    Refund,
    RefundState,
)
from guahao.payment.policy import Ours
from guahao.payment.ports import BillRow

_ORDER_NUMBER = re.compile(r"[0-9a-f]{32}")
_REFUND_NUMBER = re.compile(r"([0-9a-f]{32})R([1-9][0-9]{0,8})")

_NEIGHBOURS = (timedelta(days=31), timedelta(days=1))
"""A refund may be in the bill of the day it was asked for, long before it arrives; clocks differ a little."""

_ON_ITS_WAY = (RefundState.REQUESTED, RefundState.SUBMITTED, RefundState.ABNORMAL)
"""Refunds that the provider may have carried out without our knowing; MANUAL ones would be paid twice."""


async def ours_of_day(
    db: AsyncSession, *, provider: Provider, day: date, rows: Sequence[BillRow]
) -> list[Ours]:
    """Everything of ours that the bill of `day` lists, and everything that it should list."""
    return [
        *await ours_named(db, provider=provider, rows=rows),
        *await ours_expected(db, provider=provider, day=day),
    ]


async def ours_named(db: AsyncSession, *, provider: Provider, rows: Sequence[BillRow]) -> list[Ours]:
    """Our payments and refunds whose numbers stand in `rows`, in whatever state they are."""
    payments = _of_payments(provider).join(
        _named(payment_ids(rows)),
        (Payment.hospital_id == column("named_hospital")) & (Payment.id == column("named_id")),
    )
    numbers = list(_refund_numbers(rows))
    refunds = _of_refunds(provider).join(
        _named([payment_id for payment_id, _ in numbers], [number for _, number in numbers]),
        (Refund.hospital_id == column("named_hospital"))
        & (Refund.payment_id == column("named_id"))
        & (Refund.number == column("named_number")),
    )
    return [_payment(row) for row in await db.execute(payments)] + [
        _refund(row) for row in await db.execute(refunds)
    ]


async def ours_expected(db: AsyncSession, *, provider: Provider, day: date) -> list[Ours]:
    """What moved on the local `day` by the provider's time and stands in no bill of another day."""
    begins, ends = at_local(day, time()), at_local(day + timedelta(days=1), time())
    of_payment = _billed_elsewhere(provider, BillKind.PAYMENT, day).where(
        BillEntry.hospital_id == Payment.hospital_id, BillEntry.reference == _order_number(Payment.id)
    )
    of_refund = _billed_elsewhere(provider, BillKind.REFUND, day).where(
        BillEntry.hospital_id == Refund.hospital_id, BillEntry.reference == _refund_number()
    )
    payments = _of_payments(provider).where(
        Payment.captured_at >= begins, Payment.captured_at < ends, ~of_payment.exists()
    )
    refunds = _of_refunds(provider).where(
        Refund.settled_at >= begins,
        Refund.settled_at < ends,
        Refund.settled_by.is_(None),
        ~of_refund.exists(),
    )
    return [_payment(row) for row in await db.execute(payments)] + [
        _refund(row) for row in await db.execute(refunds)
    ]


async def payments_given_back(
    db: AsyncSession, *, provider: Provider, rows: Sequence[BillRow]
) -> dict[str, Payment]:
    """Our payments, by order number, of which a bill lists a refund, whoever asked for it."""
    numbers = {row.out_trade_no for row in rows if row.kind is BillKind.REFUND}
    ids = [UUID(hex=number) for number in numbers if _ORDER_NUMBER.fullmatch(number)]
    found = await db.scalars(
        select(Payment)
        .join(
            _named(ids),
            (Payment.hospital_id == column("named_hospital")) & (Payment.id == column("named_id")),
        )
        .where(Payment.channel.in_(policy.online_channels({provider})))
    )
    return {payment.out_trade_no: payment for payment in found}


def payment_ids(rows: Iterable[BillRow]) -> list[UUID]:
    """The order numbers among the payments of a bill that may be ours."""
    return [
        UUID(hex=row.out_trade_no)
        for row in rows
        if row.kind is BillKind.PAYMENT and _ORDER_NUMBER.fullmatch(row.out_trade_no)
    ]


def _refund_numbers(rows: Iterable[BillRow]) -> Iterator[tuple[UUID, int]]:
    for row in rows:
        found = _REFUND_NUMBER.fullmatch(row.out_refund_no) if row.kind is BillKind.REFUND else None
        if found is not None:
            yield UUID(hex=found[1]), int(found[2])


def _named(ids: Sequence[UUID], numbers: Sequence[int] | None = None) -> FromClause:
    arrays: list[ColumnElement[Any]] = [
        bindparam("named_hospitals", [hospital_of(id_) for id_ in ids], ARRAY(Integer)),
        bindparam("named_ids", list(ids), ARRAY(Uuid)),
    ]
    columns: list[ColumnElement[Any]] = [column("named_hospital", Integer), column("named_id", Uuid)]
    if numbers is not None:
        arrays.append(bindparam("named_numbers", list(numbers), ARRAY(Integer)))
        columns.append(column("named_number", Integer))
    return func.unnest(*arrays).table_valued(*columns).render_derived(name="named")


def _of_payments(provider: Provider) -> Select[*tuple[Any, ...]]:
    was_found = (
        select(FinanceCase.id)
        .where(
            FinanceCase.hospital_id == Payment.hospital_id,
            FinanceCase.kind == CaseKind.BILL_LONG,
            FinanceCase.subject == func.concat("payment:", cast(Payment.id, String)),
        )
        .exists()
    )
    return select(
        Payment.hospital_id,
        Payment.id,
        Payment.state,
        Payment.captured_fen,
        Payment.amount_fen,
        Payment.transaction_id,
        was_found.label("is_from_bill"),
    ).where(Payment.channel.in_(policy.online_channels({provider})))


def _of_refunds(provider: Provider) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Refund.hospital_id,
            Refund.id,
            Refund.payment_id,
            Refund.number,
            Refund.amount_fen,
            Refund.state,
            Refund.settled_by,
            Refund.recalled_by,
            Refund.channel_refund_id,
        )
        .join(Payment, (Payment.hospital_id == Refund.hospital_id) & (Payment.id == Refund.payment_id))
        .where(Payment.channel.in_(policy.online_channels({provider})))
    )


def _billed_elsewhere(provider: Provider, kind: BillKind, day: date) -> Select[str]:
    before, after = _NEIGHBOURS
    return select(BillEntry.reference).where(
        BillEntry.provider == provider,
        BillEntry.kind == kind,
        BillEntry.day.between(day - before, day + after),
        BillEntry.day != day,
        BillEntry.bill_fen.is_not(None),
    )


def _order_number(id_: InstrumentedAttribute[UUID]) -> ColumnElement[str]:
    return func.replace(cast(id_, String), "-", "")


def _refund_number() -> ColumnElement[str]:
    return func.concat(_order_number(Refund.payment_id), "R", cast(Refund.number, String))


def _payment(row: Row[Any]) -> Ours:
    is_moved = row.state in {PaymentState.CAPTURED, PaymentState.DISPUTED}
    return Ours(
        hospital_id=row.hospital_id,
        id=row.id,
        kind=BillKind.PAYMENT,
        reference=row.id.hex,
        transaction_id=row.transaction_id,
        fen=row.captured_fen if is_moved else row.amount_fen,
        is_moved=is_moved,
        is_from_bill=row.is_from_bill,
    )


def _refund(row: Row[Any]) -> Ours:
    is_on_its_way = row.state in _ON_ITS_WAY
    has_arrived = row.state is RefundState.SUCCESS and row.settled_by is None
    return Ours(
        hospital_id=row.hospital_id,
        id=row.id,
        kind=BillKind.REFUND,
        reference=f"{row.payment_id.hex}R{row.number}",
        transaction_id=row.channel_refund_id,
        fen=row.amount_fen,
        is_moved=has_arrived or is_on_its_way or row.recalled_by is not None,
        is_on_its_way=is_on_its_way,
    )
