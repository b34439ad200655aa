"""What reconciliation found: its runs, the lines of a day, and the day as tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import read_in_parts
from guahao.kernel.errors import NotFound
from guahao.kernel.export import Sheet, Shown
from guahao.kernel.i18n import text
from guahao.payment.models import BillEntry, BillKind, BillRun, Provider, Verdict

_COLUMNS = (
    "day",
    "provider",
    "kind",
    "hospital",
    "reference",
    "transaction",
    "bill",
    "ours",
    "difference",
    "verdict",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """One provider's day; `hospital_id` None sees all hospitals and what belongs to none."""

    provider: Provider
    day: date
    hospital_id: int | None = None

    @property
    def entries(self) -> Sequence[ColumnElement[bool]]:
        """Which lines it has."""
        its_day = [BillEntry.provider == self.provider, BillEntry.day == self.day]
        return its_day if self.hospital_id is None else [*its_day, BillEntry.hospital_id == self.hospital_id]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictSum:
    """How many lines of one kind have one verdict, and what both sides of them add up to."""

    kind: BillKind
    verdict: Verdict
    number: int
    bill_fen: int
    our_fen: int


_FITS: list[ColumnElement[Any]] = [
    literal_column(f"'{verdict.value}'") for verdict in (Verdict.MATCHED, Verdict.APPLIED)
]
"""In the statement's text, as the partial index of what does not fit needs it."""


async def differences_of(
    db: AsyncSession, *, runs: Sequence[BillRun], hospital_id: int
) -> dict[tuple[Provider, date], int]:
    """How many lines of a hospital do not fit, for those of these days that have any."""
    found = await db.execute(
        select(BillEntry.provider, BillEntry.day, func.count().label("number"))
        .where(
            BillEntry.hospital_id == hospital_id,
            BillEntry.day.in_({run.day for run in runs}),
            BillEntry.verdict.not_in(_FITS),
        )
        .group_by(BillEntry.provider, BillEntry.day)
    )
    return {(row.provider, row.day): row.number for row in found}


async def bill_run(db: AsyncSession, *, provider: Provider, day: date) -> BillRun:
    """How far the bill of a day is. Raises `NotFound`."""
    run = await db.get(BillRun, (provider, day))
    if run is None:
        raise NotFound
    return run


async def bill_entries(
    db: AsyncSession,
    *,
    of: Reconciled,
    verdict: Verdict | None,
    after: tuple[int, BillKind, str] | None,
    limit: int,
) -> Sequence[BillEntry]:
    """Lines of a day by hospital, kind and number, after the one whose three these are."""
    place = tuple_(BillEntry.hospital_id, BillEntry.kind, BillEntry.reference)
    entries = select(BillEntry).where(*of.entries).order_by(*place.clauses).limit(limit)
    if verdict is not None:
        entries = entries.where(BillEntry.verdict == verdict)
    if after is not None:
        entries = entries.where(place > after)
    return (await db.scalars(entries)).all()


async def verdict_sums(db: AsyncSession, *, of: Reconciled) -> Sequence[VerdictSum]:
    """What the lines of a day add up to; a side that lacks a line counts as 0."""
    found = await db.execute(
        select(
            BillEntry.kind,
            BillEntry.verdict,
            func.count().label("number"),
            func.coalesce(func.sum(BillEntry.bill_fen), 0).label("bill_fen"),
            func.coalesce(func.sum(BillEntry.our_fen), 0).label("our_fen"),
        )
        .where(*of.entries)
        .group_by(BillEntry.kind, BillEntry.verdict)
        .order_by(BillEntry.kind, BillEntry.verdict)
    )
    return [
        VerdictSum(
            kind=row.kind,
            verdict=row.verdict,
            number=row.number,
            bill_fen=row.bill_fen,
            our_fen=row.our_fen,
        )
        for row in found
    ]


async def bill_lines(db: AsyncSession, *, of: Reconciled) -> AsyncIterator[Sequence[BillEntry]]:
    """Every line of a day for a file, in parts; there is always one."""
    entries = select(BillEntry).where(*of.entries)
    every = entries.order_by(BillEntry.hospital_id, BillEntry.kind, BillEntry.reference)
    is_empty = True
    async for part in read_in_parts(db, every):
        is_empty = False
        yield [row[0] for row in part]
    if is_empty:
        yield ()


def summary_sheet(run: BillRun, sums: Sequence[VerdictSum], *, of: Reconciled) -> Sheet:
    """What a day adds up to, in yuan."""
    rows = [_sum_row(one) for one in sums]
    if of.hospital_id is None:
        rows += _rows_of_run(run)
    return Sheet(
        title=text("bill.summary"),
        headings=[text(f"bill.{name}") for name in ("kind", "verdict", "number", "bill", "ours")],
        rows=rows,
    )


def lines_sheet(entries: Sequence[BillEntry]) -> Sheet:
    """The lines of a day, in yuan."""
    return Sheet(
        title=text("bill.lines"),
        headings=[text(f"bill.{name}") for name in _COLUMNS],
        rows=[_entry_row(entry) for entry in entries],
    )


def _sum_row(one: VerdictSum) -> list[Shown]:
    return [
        text(f"bill.{one.kind.value}"),
        text(f"bill-verdict.{one.verdict.value}"),
        one.number,
        _yuan(one.bill_fen),
        _yuan(one.our_fen),
    ]


def _rows_of_run(run: BillRun) -> list[list[Shown]]:
    """What the provider itself says of the day, and what moved in its account."""
    state = text(f"bill-state.{run.state.value}")
    return [
        [text("bill.provider-says"), state, run.row_count, None, None],
        [text("bill.payment"), None, None, _yuan(run.paid_fen), None],
        [text("bill.refund"), None, None, _yuan(run.refunded_fen), None],
        [text("bill.income"), None, None, _yuan(run.fund_income_fen), None],
        [text("bill.outgo"), None, None, _yuan(run.fund_outgo_fen), None],
    ]


def _entry_row(entry: BillEntry) -> list[Shown]:
    return [
        entry.day,
        text(f"provider.{entry.provider.value}"),
        text(f"bill.{entry.kind.value}"),
        entry.hospital_id or text("bill.nobody"),
        entry.reference,
        entry.transaction_id,
        _yuan(entry.bill_fen),
        _yuan(entry.our_fen),
        _yuan((entry.bill_fen or 0) - (entry.our_fen or 0)),
        text(f"bill-verdict.{entry.verdict.value}"),
    ]


def _yuan(amount_fen: int | None) -> Decimal | None:
    return None if amount_fen is None else Decimal(amount_fen).scaleb(-2)
