"""How a day's bill and our books fit: one verdict for every payment and refund of either side."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from uuid import UUID

from guahao.kernel.clock import at_local, local_date
from guahao.kernel.ids import DIRECTORY
from guahao.payment.models import BillKind, Verdict
from guahao.payment.policy.money import MOST_FEN
from guahao.payment.ports import Bill, BillRow, OddRow

READY_AFTER = timedelta(days=1, hours=10)
"""Providers have the bill of a day from ten o'clock of the next."""

BILLS_KEPT_DAYS = 90
"""Providers keep bills for three months."""

_STORABLE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{0,200}")

_CLOCKS_DIFFER = timedelta(hours=1)

TRY_BILL_AGAIN_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A payment or refund of our books; `transaction_id` is the provider's own number of it, once told.

    `is_moved`: its money was captured, or went back, or is on its way back. `is_from_bill`: neither
    notification nor query had told us of the payment, only a bill did.
    """

    hospital_id: int
    id: UUID
    kind: BillKind
    reference: str
    transaction_id: str | None
    fen: int
    is_moved: bool
    is_on_its_way: bool = False
    is_from_bill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What the bill says of one order or refund number, what we say, and the verdict."""

    kind: BillKind
    reference: str
    bill: BillRow | None
    ours: Ours | None
    verdict: Verdict

    @property
    def transaction_id(self) -> str | None:
        """The provider's own number of the payment, or of the refund if only we have it."""
        told_by = self.ours if self.bill is None else self.bill
        return None if told_by is None else told_by.transaction_id

    @property
    def hospital_id(self) -> int:
        """Whose it is; nobody's if the number is not ours."""
        return DIRECTORY if self.ours is None else self.ours.hospital_id

    @property
    def bill_fen(self) -> int | None:
        """What the provider moved."""
        return None if self.bill is None else self.bill.amount_fen

    @property
    def our_fen(self) -> int | None:
        """What we know to have been moved."""
        return self.ours.fen if self.ours is not None and self.ours.is_moved else None


def reference_of(row: BillRow) -> str:
    """The number both sides know: of the order or refund, else the provider's own of the payment."""
    return (row.out_trade_no if row.kind is BillKind.PAYMENT else row.out_refund_no) or row.transaction_id


def compare(rows: Iterable[BillRow], ours: Iterable[Ours]) -> list[Line]:
    """Judge every number that stands on either side, once.

    `ours` holds what the bill should list and whatever else of us has a number that it does list.
    """
    billed = _by_reference(rows)
    known = {(one.kind, one.reference): one for one in ours}
    return [
        _line(key, billed.get(key), known.get(key))
        for key in {**billed, **known}
        if key in billed or known[key].is_moved
    ]


def _by_reference(rows: Iterable[BillRow]) -> Mapping[tuple[BillKind, str], BillRow]:
    """Rows of one number count together: then their amount differs from ours."""
    billed: dict[tuple[BillKind, str], BillRow] = {}
    for row in rows:
        key = (row.kind, reference_of(row))
        other = billed.get(key)
        billed[key] = row if other is None else replace(row, amount_fen=row.amount_fen + other.amount_fen)
    return billed


def told_once(rows: Iterable[BillRow]) -> Collection[tuple[BillKind, str]]:
    """The numbers with one row: of several nobody knows which of them is true."""
    counts = Counter((row.kind, reference_of(row)) for row in rows)
    return {key for key, count in counts.items() if count == 1}


def _line(key: tuple[BillKind, str], row: BillRow | None, ours: Ours | None) -> Line:
    kind, reference = key
    judge = _of_payment if kind is BillKind.PAYMENT else _of_refund
    return Line(kind=kind, reference=reference, bill=row, ours=ours, verdict=judge(row, ours))


def _of_payment(row: BillRow | None, ours: Ours | None) -> Verdict:
    if row is None:
        return Verdict.SHORT
    if ours is None or not ours.is_moved:
        return Verdict.LONG
    if (row.amount_fen, row.transaction_id) != (ours.fen, ours.transaction_id):
        return Verdict.AMOUNT
    return Verdict.APPLIED if ours.is_from_bill else Verdict.MATCHED


def _of_refund(row: BillRow | None, ours: Ours | None) -> Verdict:
    """A refund that is not final in the bill may still fail, as ours may have."""
    if row is None or ours is None or row.amount_fen != ours.fen:
        return Verdict.REFUND
    return Verdict.MATCHED if ours.is_moved or not row.is_final else Verdict.REFUND


def with_unstorable_apart(bill: Bill) -> Bill:
    """Set rows apart that our books cannot hold: numbers with control signs, amounts beyond any order's.

    The bill is the merchant's, so such a row is another system's, and no reason to lose the day. What several
    rows of one number add up to counts like one amount.
    """
    sums = {key: row.amount_fen for key, row in _by_reference(bill.rows).items()}
    reasons = [(row, _unstorable(row, sums[row.kind, reference_of(row)])) for row in bill.rows]
    odd = [_set_apart(row, reason, number) for number, (row, reason) in enumerate(reasons, start=1) if reason]
    if not odd:
        return bill
    return replace(bill, rows=[row for row, reason in reasons if not reason], odd=(*bill.odd, *odd))


def _unstorable(row: BillRow, sum_fen: int) -> str:
    if sum_fen > MOST_FEN:
        return "amount"
    numbers = (row.out_trade_no, row.transaction_id, row.out_refund_no)
    return "" if all(_STORABLE.fullmatch(number) for number in numbers) else "number"


def _set_apart(row: BillRow, reason: str, number: int) -> OddRow:
    named = reference_of(row)
    return OddRow(
        reference=named if _STORABLE.fullmatch(named) else f"#{number}",
        reason=reason,
        kind=row.kind,
        amount_fen=row.amount_fen,
    )


def is_sound(bill: Bill) -> bool:
    """Whether the rows, with those that cannot be read as far as they can, add up to the bill's totals."""
    sums = dict.fromkeys(BillKind, 0)
    rows: Sequence[BillRow | OddRow] = (*bill.rows, *bill.odd)
    for row in rows:
        if row.kind is not None:
            sums[row.kind] += row.amount_fen or 0
    said = (bill.row_count, bill.paid_fen, bill.refunded_fen)
    return (len(rows), sums[BillKind.PAYMENT], sums[BillKind.REFUND]) == said


def is_of_its_day(bill: Bill) -> bool:
    """Whether any payment is of the bill's day, where there are some: not every bill says whose day it is."""
    begins, ends = (at_local(bill.day + timedelta(days=days), time()) for days in (0, 1))
    moments = [row.at for row in bill.rows if row.kind is BillKind.PAYMENT]
    return not moments or any(begins - _CLOCKS_DIFFER <= at < ends + _CLOCKS_DIFFER for at in moments)


def days_wanted(*, latest: date | None, now: datetime) -> Sequence[date]:
    """The days whose bill should be there by now, after the `latest` one that was ever wanted."""
    last = local_date(now - READY_AFTER)
    oldest = local_date(now) - timedelta(days=BILLS_KEPT_DAYS)
    first = last if latest is None else max(latest + timedelta(days=1), oldest)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def bill_is_due(day: date, *, now: datetime) -> bool:
    """Whether the bill of `day` should be there, and whole."""
    return now >= at_local(day, time()) + READY_AFTER


def bill_is_overdue(day: date, *, now: datetime) -> bool:
    """Whether the bill of `day` should have been there a day ago."""
    return bill_is_due(day + timedelta(days=1), now=now)
