"""A day reconciled with the providers' own bills: real clients, the sandbox's files, signed and hashed."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from guahao.kernel.clock import at_local, local_date, utc_now
from guahao.payment.models import (
    BillEntry,
    BillKind,
    BillRun,
    BillState,
    CaseKind,
    FinanceCase,
    LedgerAccount,
    LedgerEntry,
    Payment,
    Provider,
    Verdict,
)
from guahao.payment.service.reconcile import fetch_bills
from tests.factories.till import Held, Till

pytestmark = pytest.mark.anyio
_CHANNELS = [(Provider.WECHAT, "wechat_jsapi"), (Provider.ALIPAY, "alipay_qr")]


def morning_after() -> datetime:
    return at_local(local_date(utc_now()), time(10, 30)) + timedelta(days=1)


async def fetch(till: Till, *, now: datetime | None = None) -> None:
    clock = now or morning_after()
    while await fetch_bills(till.sessions, gateways=till.app.state.gateways, clock=lambda: clock):
        pass


async def book(till: Till, channel: str, *, fee_fen: int) -> Held:
    held = await till.hold(fee_fen=fee_fen)
    assert (await till.at_cashier(await till.open(held, channel))).status_code == 200
    await till.settle()
    assert await till.appointment(held) == "booked"
    return held


async def verdicts(till: Till, provider: Provider) -> dict[tuple[BillKind, int | None, int | None], Verdict]:
    async with till.sessions() as db:
        rows = await db.scalars(select(BillEntry).where(BillEntry.provider == provider))
        return {(row.kind, row.bill_fen, row.our_fen): row.verdict for row in rows}


async def run_of(till: Till, provider: Provider) -> BillRun:
    async with till.sessions() as db:
        return (await db.scalars(select(BillRun).where(BillRun.provider == provider))).one()


@pytest.mark.parametrize(("provider", "channel"), _CHANNELS)
async def test_row_28_each_planted_difference_is_found_and_the_missing_payment_is_applied(
    till: Till, provider: Provider, channel: str
) -> None:
    await book(till, channel, fee_fen=1000)
    cancelled = await book(till, channel, fee_fen=2000)
    await till.cancel(cancelled)
    await till.hurried()
    missed = await till.hold(fee_fen=3000)
    await till.fault("notify_never", provider=provider.value)
    await till.at_cashier(await till.open(missed, channel))
    await book(till, channel, fee_fen=4000)
    for kind in ("extra_row", "missing_row", "amount_differs", "refund_differs"):
        await till.fault(f"bill_{kind}", provider=provider.value)

    await fetch(till)

    found = await verdicts(till, provider)
    (strange_fen,) = [bill for _, bill, ours in found if ours is None]
    assert found == {
        (BillKind.PAYMENT, 1000, 1000): Verdict.MATCHED,
        (BillKind.PAYMENT, None, 2000): Verdict.SHORT,
        (BillKind.REFUND, 2001, 2000): Verdict.REFUND,
        (BillKind.PAYMENT, 3000, 3000): Verdict.APPLIED,
        (BillKind.PAYMENT, 4001, 4000): Verdict.AMOUNT,
        (BillKind.PAYMENT, strange_fen, None): Verdict.LONG,
    }
    await till.settle()
    assert await till.appointment(missed) == "booked"
    async with till.sessions() as db:
        kinds = set(await db.scalars(select(FinanceCase.kind)))
        unclear = await db.scalars(
            select(LedgerEntry.amount_fen).where(LedgerEntry.credit == LedgerAccount.UNCLEAR)
        )
        assert list(unclear) == [strange_fen]
    assert kinds == {
        CaseKind.BILL_LONG,
        CaseKind.BILL_SHORT,
        CaseKind.BILL_AMOUNT,
        CaseKind.BILL_REFUND,
    }


@pytest.mark.parametrize(("provider", "channel"), _CHANNELS)
async def test_a_day_without_faults_fits_to_the_fen(till: Till, provider: Provider, channel: str) -> None:
    await book(till, channel, fee_fen=1000)
    cancelled = await book(till, channel, fee_fen=2000)
    await till.cancel(cancelled)
    await till.hurried()

    await fetch(till)

    run = await run_of(till, provider)
    assert (run.state, run.matched, run.differences) == (BillState.DONE, 3, 0)
    assert (run.paid_fen, run.refunded_fen) == (3000, 2000)
    async with till.sessions() as db:
        assert list(await db.scalars(select(FinanceCase))) == []


@pytest.mark.parametrize(("provider", "channel"), _CHANNELS)
async def test_row_27_a_bill_whose_file_is_damaged_changes_nothing_until_a_good_one_comes(
    till: Till, provider: Provider, channel: str
) -> None:
    missed = await till.hold(fee_fen=3000)
    await till.fault("notify_never", provider=provider.value)
    opened = await till.open(missed, channel)
    await till.at_cashier(opened)
    await till.fault("bill_hash_wrong", provider=provider.value)

    await fetch(till)

    assert (await run_of(till, provider)).state is BillState.FAILED
    assert await verdicts(till, provider) == {}
    async with till.sessions() as db:
        payment = await db.get_one(Payment, (1, UUID(opened.json()["id"])))
        assert payment.captured_fen == 0

    await fetch(till, now=morning_after() + timedelta(minutes=10))

    assert (await run_of(till, provider)).state is BillState.DONE
    assert list((await verdicts(till, provider)).values()) == [Verdict.APPLIED]
