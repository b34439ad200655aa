from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guahao.kernel.ids import new_id
from guahao.payment.models import BillKind, Verdict
from guahao.payment.policy import (
    Ours,
    bill_is_due,
    bill_is_overdue,
    compare,
    days_wanted,
    is_sound,
    reference_of,
)
from guahao.payment.ports import BillRow, OddRow
from tests.factories.bill import bill_of

_IDS = [new_id(1 + number % 3) for number in range(8)]
_AT = datetime(2026, 11, 21, 4, tzinfo=UTC)
_DAY = date(2026, 11, 21)


def reference(kind: BillKind, id_: UUID) -> str:
    return id_.hex if kind is BillKind.PAYMENT else f"{id_.hex}R1"


@st.composite
def bill_rows(draw: st.DrawFn) -> BillRow:
    kind = draw(st.sampled_from(BillKind))
    id_ = draw(st.sampled_from(_IDS))
    return BillRow(
        kind=kind,
        out_trade_no=id_.hex,
        transaction_id=f"T{id_.hex}",
        out_refund_no="" if kind is BillKind.PAYMENT else reference(kind, id_),
        amount_fen=draw(st.integers(1, 3)),
        at=_AT,
        is_final=kind is BillKind.PAYMENT or draw(st.booleans()),
    )


@st.composite
def our_rows(draw: st.DrawFn) -> Ours:
    kind = draw(st.sampled_from(BillKind))
    id_ = draw(st.sampled_from(_IDS))
    return Ours(
        hospital_id=1,
        id=id_,
        kind=kind,
        reference=reference(kind, id_),
        transaction_id=f"T{id_.hex}",
        fen=draw(st.integers(1, 3)),
        is_moved=draw(st.booleans()),
        is_from_bill=draw(st.booleans()),
    )


_BILLS = st.lists(bill_rows(), max_size=12)
_BOOKS = st.lists(our_rows(), max_size=12, unique_by=lambda one: (one.kind, one.reference))


@given(_BILLS, _BOOKS)
def test_verdicts_partition_both_sides_and_their_totals_add_up(rows: list[BillRow], ours: list[Ours]) -> None:
    lines = compare(rows, ours)

    keys = Counter((line.kind, line.reference) for line in lines)
    billed = {(row.kind, reference_of(row)) for row in rows}
    moved = {(one.kind, one.reference) for one in ours if one.is_moved}
    assert set(keys.values()) <= {1}
    assert set(keys) == billed | moved
    assert sum(line.bill_fen or 0 for line in lines) == sum(row.amount_fen for row in rows)
    assert sum(line.our_fen or 0 for line in lines) == sum(one.fen for one in ours if one.is_moved)


@given(_BILLS, _BOOKS)
def test_lines_without_a_difference_are_equal_on_both_sides(rows: list[BillRow], ours: list[Ours]) -> None:
    for line in compare(rows, ours):
        if line.verdict in {Verdict.MATCHED, Verdict.APPLIED}:
            assert line.bill is not None
            assert line.ours is not None
            assert line.bill_fen == line.ours.fen
            assert line.our_fen in {line.bill_fen, None if not line.bill.is_final else line.bill_fen}


@given(_BILLS, _BOOKS)
def test_every_verdict_means_what_it_says(rows: list[BillRow], ours: list[Ours]) -> None:
    for line in compare(rows, ours):
        match line.verdict:
            case Verdict.LONG:
                assert (line.kind, line.our_fen) == (BillKind.PAYMENT, None)
                assert line.bill_fen is not None
            case Verdict.SHORT:
                assert (line.kind, line.bill_fen) == (BillKind.PAYMENT, None)
                assert line.our_fen is not None
            case Verdict.AMOUNT:
                assert line.kind is BillKind.PAYMENT
                assert line.bill_fen != line.our_fen
            case Verdict.REFUND:
                assert line.kind is BillKind.REFUND
                assert line.bill_fen != line.our_fen
            case Verdict.MATCHED | Verdict.APPLIED:
                assert line.bill_fen is not None


@given(_BOOKS)
def test_a_bill_of_exactly_our_books_has_no_difference(ours: list[Ours]) -> None:
    rows = [
        BillRow(
            kind=one.kind,
            out_trade_no=one.id.hex,
            transaction_id=f"T{one.id.hex}",
            out_refund_no="" if one.kind is BillKind.PAYMENT else one.reference,
            amount_fen=one.fen,
            at=_AT,
            is_final=True,
        )
        for one in ours
        if one.is_moved
    ]

    assert {line.verdict for line in compare(rows, ours)} <= {Verdict.MATCHED, Verdict.APPLIED}


@given(_BILLS)
def test_a_bill_is_sound_only_with_its_own_count_and_sums(rows: list[BillRow]) -> None:
    paid = sum(row.amount_fen for row in rows if row.kind is BillKind.PAYMENT)
    refunded = sum(row.amount_fen for row in rows if row.kind is BillKind.REFUND)

    bill = bill_of(*rows)

    assert (bill.row_count, bill.paid_fen, bill.refunded_fen) == (len(rows), paid, refunded)
    assert is_sound(bill)
    assert not is_sound(replace(bill, row_count=len(rows) + 1))
    assert not is_sound(replace(bill, paid_fen=paid + 1))
    assert not is_sound(replace(bill, refunded_fen=refunded - 1))


@given(_BILLS)
def test_rows_that_cannot_be_read_count_in_a_bill_as_far_as_they_can(rows: list[BillRow]) -> None:
    odd = [
        OddRow(reference="1", reason="currency", kind=BillKind.PAYMENT, amount_fen=100),
        OddRow(reference="2", reason="cells"),
    ]
    whole = bill_of(*rows)
    bill = replace(whole, odd=odd, row_count=len(rows) + 2, paid_fen=whole.paid_fen + 100)

    assert is_sound(bill)
    assert not is_sound(replace(bill, odd=odd[:1]))
    assert not is_sound(replace(bill, odd=[odd[0], odd[0]]))


@pytest.mark.parametrize(
    ("transaction_id", "fen", "is_moved", "is_from_bill", "verdict"),
    [
        ("T1", 5000, True, False, Verdict.MATCHED),
        ("T1", 5000, True, True, Verdict.APPLIED),
        ("T2", 5000, True, False, Verdict.AMOUNT),
        ("T1", 4999, True, True, Verdict.AMOUNT),
        ("T1", 5001, True, False, Verdict.AMOUNT),
        ("T1", 5000, False, False, Verdict.LONG),
        ("T1", 5000, False, True, Verdict.LONG),
    ],
)
def test_a_payment_fits_when_transaction_and_amount_do(
    *, transaction_id: str, fen: int, is_moved: bool, is_from_bill: bool, verdict: Verdict
) -> None:
    id_ = _IDS[0]
    row = BillRow(
        kind=BillKind.PAYMENT,
        out_trade_no=id_.hex,
        transaction_id="T1",
        out_refund_no="",
        amount_fen=5000,
        at=_AT,
        is_final=True,
    )
    ours = Ours(
        hospital_id=1,
        id=id_,
        kind=BillKind.PAYMENT,
        reference=id_.hex,
        transaction_id=transaction_id,
        fen=fen,
        is_moved=is_moved,
        is_from_bill=is_from_bill,
    )

    (line,) = compare([row], [ours])

    assert line.verdict is verdict


@pytest.mark.parametrize(
    ("is_final", "is_moved", "amount_fen", "verdict"),
    [
        (True, True, 5000, Verdict.MATCHED),
        (False, True, 5000, Verdict.MATCHED),
        (False, False, 5000, Verdict.MATCHED),
        (True, False, 5000, Verdict.REFUND),
        (True, True, 4999, Verdict.REFUND),
        (False, False, 5001, Verdict.REFUND),
    ],
)
def test_a_refund_fits_when_its_amount_does_and_nobody_thinks_it_ended_otherwise(
    is_final: bool, is_moved: bool, amount_fen: int, verdict: Verdict
) -> None:
    number = reference(BillKind.REFUND, _IDS[0])
    row = BillRow(
        kind=BillKind.REFUND,
        out_trade_no=_IDS[0].hex,
        transaction_id="T1",
        out_refund_no=number,
        amount_fen=amount_fen,
        at=_AT,
        is_final=is_final,
    )
    ours = Ours(
        hospital_id=1,
        id=_IDS[1],
        kind=BillKind.REFUND,
        reference=number,
        transaction_id=None,
        fen=5000,
        is_moved=is_moved,
    )

    (line,) = compare([row], [ours])

    assert (line.verdict, line.hospital_id, line.transaction_id) == (verdict, 1, "T1")


def test_a_refund_without_a_number_is_known_by_the_providers_own() -> None:
    row = BillRow(
        kind=BillKind.REFUND,
        out_trade_no=_IDS[0].hex,
        transaction_id="T1",
        out_refund_no="",
        amount_fen=1,
        at=_AT,
        is_final=True,
    )

    (line,) = compare([row], [])

    assert (line.reference, line.hospital_id, line.verdict) == ("T1", 0, Verdict.REFUND)


def test_two_transactions_of_one_order_number_count_together() -> None:
    id_ = _IDS[0]
    row = BillRow(
        kind=BillKind.PAYMENT,
        out_trade_no=id_.hex,
        transaction_id="T1",
        out_refund_no="",
        amount_fen=5000,
        at=_AT,
        is_final=True,
    )
    ours = Ours(
        hospital_id=1,
        id=id_,
        kind=BillKind.PAYMENT,
        reference=id_.hex,
        transaction_id="T1",
        fen=5000,
        is_moved=True,
    )

    (line,) = compare([row, row], [ours])

    assert (line.verdict, line.bill_fen, line.our_fen) == (Verdict.AMOUNT, 10_000, 5000)


_TEN = datetime(2026, 11, 22, 2, tzinfo=UTC)
"""Ten o'clock in China on the day after."""
_TICK = timedelta(microseconds=1)


def test_a_bill_is_wanted_from_ten_o_clock_on_the_day_after() -> None:
    assert days_wanted(latest=None, now=_TEN) == [_DAY]
    assert days_wanted(latest=None, now=_TEN - _TICK) == [_DAY - timedelta(days=1)]
    assert days_wanted(latest=_DAY, now=_TEN) == []
    assert days_wanted(latest=_DAY + timedelta(days=1), now=_TEN) == []


def test_days_nobody_asked_for_are_wanted_later_but_not_longer_than_bills_are_kept() -> None:
    assert days_wanted(latest=_DAY - timedelta(days=2), now=_TEN) == [_DAY - timedelta(days=1), _DAY]
    assert days_wanted(latest=date(2020, 1, 1), now=_TEN)[0] == _DAY - timedelta(days=89)
    assert len(days_wanted(latest=date(2020, 1, 1), now=_TEN)) == 90


def test_a_bill_is_overdue_a_day_after_it_should_be_there() -> None:
    assert bill_is_due(_DAY, now=_TEN)
    assert not bill_is_due(_DAY, now=_TEN - _TICK)
    assert bill_is_overdue(_DAY, now=_TEN + timedelta(days=1))
    assert not bill_is_overdue(_DAY, now=_TEN + timedelta(days=1) - _TICK)
