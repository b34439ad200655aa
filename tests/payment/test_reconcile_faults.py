from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Sessions
from guahao.kernel.ids import new_id
from guahao.payment.models import (
    BillEntry,
    BillKind,
    BillRun,
    BillState,
    CaseKind,
    FinanceCase,
    LedgerEntry,
    PaymentState,
    Provider,
    Verdict,
)
from guahao.payment.ports import BillRow, FundsSummary
from guahao.payment.service.reconcile import fetch_bills, reconcile
from tests.factories.bill import (
    DAY,
    MORNING,
    NOON,
    BillGateway,
    bill_of,
    cases,
    entries,
    fetch,
    open_one,
    paid_one,
    row_of,
)

pytestmark = pytest.mark.anyio


def stranger(amount_fen: int = 100) -> BillRow:
    return BillRow(
        kind=BillKind.PAYMENT,
        out_trade_no=new_id(9).hex,
        transaction_id="T9",
        out_refund_no="",
        amount_fen=amount_fen,
        at=NOON,
        is_final=True,
    )


async def run_of(db: AsyncSession) -> BillRun:
    return await db.get_one(BillRun, (Provider.WECHAT, DAY), populate_existing=True)


async def test_a_crash_between_applying_and_storing_is_made_good_by_the_next_run(
    sessions: Sessions, db: AsyncSession
) -> None:
    missed = await open_one(db)
    await db.commit()
    unstorable = FundsSummary(income_fen=1 << 63, outgo_fen=0, row_count=1)
    breaks = BillGateway(answers=[bill_of(row_of(missed), funds=unstorable)])
    with pytest.raises(DBAPIError):
        await fetch_bills(sessions, gateways=breaks.gateways, clock=lambda: MORNING)
    await db.refresh(missed)
    run = await run_of(db)
    assert missed.state is PaymentState.CAPTURED
    assert (run.state, run.due_at) == (BillState.WANTED, MORNING + timedelta(minutes=10))
    assert await db.scalar(select(func.count()).select_from(BillEntry)) == 0

    await fetch(sessions, bill_of(row_of(missed)), now=MORNING + timedelta(minutes=10))

    assert list(await db.scalars(select(BillEntry.verdict))) == [Verdict.APPLIED]
    assert list(await db.scalars(select(FinanceCase.kind))) == [CaseKind.BILL_LONG]
    assert await db.scalar(select(func.count()).select_from(LedgerEntry)) == 1


async def test_a_day_reconciled_twice_at_once_is_reconciled_once(
    sessions: Sessions, db: AsyncSession
) -> None:
    missed, kept, lost = await open_one(db), await paid_one(db), await paid_one(db)
    await db.commit()
    before = await db.scalar(select(func.count()).select_from(LedgerEntry))
    bill = bill_of(row_of(missed), row_of(kept), stranger())

    await asyncio.gather(*(reconcile(sessions, bill=bill, now=MORNING) for _ in range(4)))

    entries = {row.reference: row.verdict for row in await db.scalars(select(BillEntry))}
    assert entries == {
        missed.out_trade_no: Verdict.APPLIED,
        kept.out_trade_no: Verdict.MATCHED,
        lost.out_trade_no: Verdict.SHORT,
        bill.rows[2].out_trade_no: Verdict.LONG,
    }
    assert await db.scalar(select(func.count()).select_from(FinanceCase)) == 3
    assert await db.scalar(select(func.count()).select_from(LedgerEntry)) == before + 2


async def test_two_workers_do_not_fetch_the_same_bill(sessions: Sessions, db: AsyncSession) -> None:
    gateway = BillGateway(answers=[bill_of()])

    done = await asyncio.gather(
        *(fetch_bills(sessions, gateways=gateway.gateways, clock=lambda: MORNING) for _ in range(4))
    )

    assert (sum(done), gateway.asked) == (1, [DAY])


async def test_the_merchants_sums_may_exceed_what_one_payment_can(
    sessions: Sessions, db: AsyncSession
) -> None:
    rows = [stranger(amount_fen=1_000_000_000) for _ in range(5)]
    funds = FundsSummary(income_fen=5_000_000_000, outgo_fen=4_000_000_000, row_count=6)

    await fetch(sessions, bill_of(*rows, funds=funds))

    run = await run_of(db)
    assert (run.paid_fen, run.fund_income_fen, run.fund_outgo_fen) == (
        5_000_000_000,
        5_000_000_000,
        4_000_000_000,
    )


async def test_a_payment_that_stands_twice_in_the_bill_is_a_case_and_books_nothing(
    sessions: Sessions, db: AsyncSession
) -> None:
    missed = await open_one(db)
    await db.commit()

    await fetch(sessions, bill_of(row_of(missed), row_of(missed)))

    await db.refresh(missed)
    assert (missed.state, missed.captured_fen) == (PaymentState.OPEN, 0)
    assert await entries(db) == [(1, missed.out_trade_no, 10_000, None, Verdict.LONG)]
    assert await cases(db) == [(1, CaseKind.BILL_LONG, f"payment:{missed.id}")]
    assert await db.scalar(select(func.count()).select_from(LedgerEntry)) == 0


async def test_pieces_that_a_console_gave_back_without_a_number_are_a_case_each_day(
    sessions: Sessions, db: AsyncSession
) -> None:
    payment = await paid_one(db)
    await db.commit()
    piece = replace(row_of(payment), kind=BillKind.REFUND, amount_fen=1000)
    days = (DAY - timedelta(days=1), DAY)

    for day in (*days, *days):
        await reconcile(sessions, bill=bill_of(piece, day=day), now=MORNING)

    kind = select(FinanceCase.subject).where(FinanceCase.kind == CaseKind.BILL_REFUND)
    number = f"refund-number:{piece.transaction_id}"
    assert set(await db.scalars(kind)) == {f"{number}@{day.isoformat()}" for day in days}


@pytest.mark.parametrize("days", [-7, -1, 1])
async def test_row_27_the_bill_of_another_day_is_refused(
    sessions: Sessions, db: AsyncSession, days: int
) -> None:
    kept, other = await paid_one(db), await paid_one(db, at=NOON + timedelta(days=days))
    await db.commit()

    await fetch(sessions, bill_of(row_of(other, at=NOON + timedelta(days=days))))

    run = await run_of(db)
    assert (run.state, run.last_error) == (BillState.FAILED, "damaged: another day")
    assert (await entries(db), await cases(db)) == ([], [])

    await fetch(sessions, bill_of(row_of(kept)), now=MORNING + timedelta(minutes=10))

    assert await entries(db) == [(1, kept.out_trade_no, 5000, 5000, Verdict.MATCHED)]


async def test_a_bill_may_list_a_payment_beside_midnight(sessions: Sessions, db: AsyncSession) -> None:
    midnight = NOON - timedelta(hours=12)
    late, early = (replace(stranger(), at=midnight - timedelta(seconds=1)) for _ in range(2))
    rows = [late, replace(early, transaction_id="T8")]

    await fetch(sessions, bill_of(*rows))

    assert (await run_of(db)).state is BillState.DONE
