from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Sessions
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import new_id
from guahao.payment.models import (
    BillKind,
    BillRun,
    BillState,
    CaseKind,
    LedgerEntry,
    Order,
    OrderState,
    Payment,
    PaymentState,
    Refund,
    RefundReason,
    RefundState,
    Verdict,
)
from guahao.payment.ports import (
    BillDamaged,
    BillNotReady,
    Channel,
    ChannelRefused,
    ChannelUncertain,
    Provider,
    RefundOutcome,
)
from guahao.payment.service.facts import apply_paid, apply_refunded
from guahao.payment.service.reconcile import fetch_bills, want_again
from guahao.payment.service.refund import refund as give_back
from tests.factories.bill import (
    DAY,
    MORNING,
    NOON,
    TODAY,
    BillGateway,
    bill_of,
    cases,
    entries,
    fetch,
    open_one,
    paid_one,
    row_of,
    row_of_refund,
    stranger,
)
from tests.factories.payment import paid, refunded

pytestmark = pytest.mark.anyio
_TEN_MIN = timedelta(minutes=10)


async def run_of(db: AsyncSession) -> BillRun:
    return await db.get_one(BillRun, (Provider.WECHAT, DAY), populate_existing=True)


async def refund_one(db: AsyncSession, payment: Payment, *, state: RefundOutcome | None = None) -> Refund:
    await give_back(db, order_id=payment.order_id, reason=RefundReason.CANCELLED, by="system")
    row = (await db.scalars(select(Refund).where(Refund.payment_id == payment.id))).one()
    if state is not None:
        await apply_refunded(db, refunded(row, outcome=state, at=NOON))
    return row


async def test_what_both_sides_have_matches(sessions: Sessions, db: AsyncSession) -> None:
    payment = await paid_one(db)
    refund = await refund_one(db, payment, state=RefundOutcome.SUCCESS)
    await db.commit()

    await fetch(sessions, bill_of(row_of(payment), row_of_refund(refund)))

    run = await run_of(db)
    assert (run.state, run.matched, run.differences) == (BillState.DONE, 2, 0)
    assert (run.row_count, run.paid_fen, run.refunded_fen) == (2, 5000, 5000)
    assert await entries(db) == [
        (1, payment.out_trade_no, 5000, 5000, Verdict.MATCHED),
        (1, refund.out_refund_no, 5000, 5000, Verdict.MATCHED),
    ]
    assert await cases(db) == []


async def test_row_28_a_payment_that_we_missed_is_applied_and_becomes_a_case(
    sessions: Sessions, db: AsyncSession
) -> None:
    payment = await open_one(db)
    await db.commit()

    await fetch(sessions, bill_of(row_of(payment)))

    await db.refresh(payment)
    order = await db.get_one(Order, (1, payment.order_id), populate_existing=True)
    assert (payment.state, payment.captured_fen, payment.captured_at) == (PaymentState.CAPTURED, 5000, NOON)
    assert (order.state, order.paid_payment_id) == (OrderState.PAID, payment.id)
    assert await entries(db) == [(1, payment.out_trade_no, 5000, 5000, Verdict.APPLIED)]
    assert await cases(db) == [(1, CaseKind.BILL_LONG, f"payment:{payment.id}")]


async def test_row_28_money_for_an_order_closed_meanwhile_is_applied_as_late(
    sessions: Sessions, db: AsyncSession
) -> None:
    payment = await open_one(db)
    payment.state = PaymentState.CLOSED
    order = await db.get_one(Order, (1, payment.order_id))
    order.state = OrderState.CLOSED
    await db.commit()

    await fetch(sessions, bill_of(row_of(payment)))

    await db.refresh(order)
    assert order.state is OrderState.PAID_LATE
    assert [verdict for *_, verdict in await entries(db)] == [Verdict.APPLIED]


async def test_row_28_money_for_a_number_that_is_not_ours_is_booked_as_unclear(
    sessions: Sessions, db: AsyncSession
) -> None:
    row = stranger()

    await fetch(sessions, bill_of(row))

    assert await entries(db) == [(0, row.out_trade_no, 100, None, Verdict.LONG)]
    assert await cases(db) == [(0, CaseKind.BILL_LONG, f"transaction:{row.transaction_id}")]
    (entry,) = await db.scalars(select(LedgerEntry))
    assert (entry.hospital_id, entry.debit, entry.credit, entry.amount_fen) == (0, "wechat", "unclear", 100)


async def test_row_11_money_that_a_notification_told_of_in_vain_is_found_again_by_the_bill(
    sessions: Sessions, db: AsyncSession
) -> None:
    row = stranger(out_trade_no=new_id(7).hex)
    payment = await open_one(db)
    await apply_paid(
        db,
        paid(payment, out_trade_no=row.out_trade_no, transaction_id=row.transaction_id, amount_fen=100),
    )
    payment.state = PaymentState.CLOSED
    await db.commit()

    await fetch(sessions, bill_of(row))

    found = await cases(db)
    assert [kind for _, kind, _ in found] == [CaseKind.UNKNOWN_ORDER, CaseKind.BILL_LONG]
    assert {subject for *_, subject in found} == {f"transaction:{row.transaction_id}"}


async def test_row_28_a_payment_that_the_bill_lacks_is_short(sessions: Sessions, db: AsyncSession) -> None:
    payment = await paid_one(db)
    await db.commit()

    await fetch(sessions, bill_of())

    assert await entries(db) == [(1, payment.out_trade_no, None, 5000, Verdict.SHORT)]
    assert await cases(db) == [(1, CaseKind.BILL_SHORT, f"payment:{payment.id}")]


@pytest.mark.parametrize("overrides", [{"amount_fen": 4999}, {"transaction_id": "another"}])
async def test_row_28_another_amount_or_transaction_is_a_case(
    sessions: Sessions, db: AsyncSession, overrides: dict[str, Any]
) -> None:
    payment = await paid_one(db)
    await db.commit()

    await fetch(sessions, bill_of(row_of(payment, **overrides)))

    assert [verdict for *_, verdict in await entries(db)] == [Verdict.AMOUNT]
    assert await cases(db) == [(1, CaseKind.BILL_AMOUNT, f"payment:{payment.id}")]


async def test_row_28_a_refund_of_another_amount_is_a_case_and_is_not_applied(
    sessions: Sessions, db: AsyncSession
) -> None:
    payment = await paid_one(db)
    refund = await refund_one(db, payment, state=RefundOutcome.PROCESSING)
    await db.commit()

    await fetch(sessions, bill_of(row_of(payment), row_of_refund(refund, amount_fen=4999)))

    await db.refresh(refund)
    assert refund.state is RefundState.SUBMITTED
    assert (await entries(db))[1] == (1, refund.out_refund_no, 4999, 5000, Verdict.REFUND)
    assert await cases(db) == [(1, CaseKind.BILL_REFUND, f"refund:{refund.id}")]


async def test_row_28_a_refund_that_the_bill_lacks_is_a_case(sessions: Sessions, db: AsyncSession) -> None:
    payment = await paid_one(db)
    refund = await refund_one(db, payment, state=RefundOutcome.SUCCESS)
    await db.commit()

    await fetch(sessions, bill_of(row_of(payment)))

    assert (await entries(db))[1] == (1, refund.out_refund_no, None, 5000, Verdict.REFUND)
    assert await cases(db) == [(1, CaseKind.BILL_REFUND, f"refund:{refund.id}")]


async def test_row_28_a_refund_that_we_never_asked_for_is_a_case(
    sessions: Sessions, db: AsyncSession
) -> None:
    payment = await paid_one(db)
    foreign = stranger(kind=BillKind.REFUND, out_trade_no=payment.out_trade_no, out_refund_no="console-1")
    await db.commit()

    await fetch(sessions, bill_of(row_of(payment), foreign))

    assert (await entries(db))[1] == (1, "console-1", 100, None, Verdict.REFUND)
    assert await cases(db) == [(1, CaseKind.BILL_REFUND, "refund-number:console-1")]


async def test_a_refund_that_the_bill_has_and_we_wait_for_arrives(
    sessions: Sessions, db: AsyncSession
) -> None:
    payment = await paid_one(db)
    refund = await refund_one(db, payment, state=RefundOutcome.PROCESSING)
    await db.commit()

    await fetch(sessions, bill_of(row_of(payment), row_of_refund(refund)))

    await db.refresh(refund)
    assert (refund.state, refund.settled_at) == (RefundState.SUCCESS, NOON)
    assert {verdict for *_, verdict in await entries(db)} == {Verdict.MATCHED}
    assert await cases(db) == []


async def test_a_refund_still_processed_in_the_bill_of_its_day_is_not_missed_on_the_day_it_arrives(
    sessions: Sessions, db: AsyncSession
) -> None:
    before = NOON - timedelta(days=1)
    payment = await paid_one(db, at=before)
    refund = await refund_one(db, payment, state=RefundOutcome.PROCESSING)
    await db.commit()
    earlier = bill_of(
        row_of(payment, at=before),
        row_of_refund(refund, at=before, is_final=False),
        day=DAY - timedelta(days=1),
    )
    await fetch(sessions, earlier, now=MORNING - timedelta(days=1))
    await apply_refunded(db, refunded(refund, at=NOON))
    await db.commit()

    await fetch(sessions, bill_of())

    assert (await run_of(db)).differences == 0
    assert await cases(db) == []


async def test_a_refund_handed_over_in_cash_is_in_no_bill(sessions: Sessions, db: AsyncSession) -> None:
    payment = await paid_one(db)
    refund = await refund_one(db, payment)
    refund.state, refund.settled_at, refund.settled_by = RefundState.SUCCESS, NOON, "staff:1"
    await db.commit()

    await fetch(sessions, bill_of(row_of(payment)))

    assert (await run_of(db)).differences == 0


@pytest.mark.parametrize(
    ("at", "is_of_the_day"),
    [
        (NOON + timedelta(hours=12, microseconds=-100_000), True),
        (NOON + timedelta(hours=12), False),
        (NOON - timedelta(hours=12), True),
        (NOON - timedelta(hours=12, microseconds=1), False),
    ],
)
async def test_a_payment_belongs_to_the_day_of_the_providers_clock(
    sessions: Sessions, db: AsyncSession, at: Any, is_of_the_day: bool
) -> None:
    await paid_one(db, at=at)
    await db.commit()

    await fetch(sessions, bill_of())

    assert (await run_of(db)).differences == int(is_of_the_day)


async def test_a_payment_that_the_bill_lists_on_the_day_after_is_not_short_when_run_again(
    sessions: Sessions, db: AsyncSession
) -> None:
    midnight = NOON + timedelta(hours=11, minutes=59, seconds=59)
    payment = await paid_one(db, at=midnight)
    await db.commit()
    await fetch(sessions, bill_of())
    assert [verdict for *_, verdict in await entries(db)] == [Verdict.SHORT]

    await fetch(sessions, bill_of(row_of(payment, at=midnight), day=TODAY), now=MORNING + timedelta(days=1))
    await again(db)
    await fetch(sessions, bill_of(), now=MORNING + timedelta(days=1))

    assert [verdict for *_, verdict in await entries(db)] == [Verdict.MATCHED]


async def again(db: AsyncSession) -> None:
    run = await run_of(db)
    run.state, run.due_at = BillState.WANTED, MORNING
    await db.commit()


async def test_running_a_day_again_changes_nothing(sessions: Sessions, db: AsyncSession) -> None:
    missed, kept, lost = await open_one(db), await paid_one(db), await paid_one(db)
    await db.commit()
    bill = bill_of(row_of(missed), row_of(kept), stranger())
    await fetch(sessions, bill)
    first = (await entries(db), await cases(db), list(await db.scalars(select(LedgerEntry.id))))
    assert len(first[0]) == 4
    assert (1, lost.out_trade_no, None, 5000, Verdict.SHORT) in first[0]

    await again(db)
    await fetch(sessions, bill)

    assert (await entries(db), await cases(db), list(await db.scalars(select(LedgerEntry.id)))) == first
    assert (await run_of(db)).differences == 3


async def test_mending_a_day_and_running_it_again_replaces_its_entries(
    sessions: Sessions, db: AsyncSession
) -> None:
    payment = await paid_one(db)
    await db.commit()
    await fetch(sessions, bill_of(row_of(payment, amount_fen=4999)))
    await again(db)

    await fetch(sessions, bill_of(row_of(payment)))

    assert await entries(db) == [(1, payment.out_trade_no, 5000, 5000, Verdict.MATCHED)]
    assert [kind for _, kind, _ in await cases(db)] == [CaseKind.BILL_AMOUNT]


async def test_row_27_a_damaged_bill_changes_nothing_and_is_fetched_again(
    sessions: Sessions, db: AsyncSession
) -> None:
    payment, missed = await paid_one(db), await open_one(db)
    await db.commit()
    bill = bill_of(row_of(payment), row_of(missed))

    await fetch(sessions, BillDamaged("hash"))

    run = await run_of(db)
    assert (run.state, run.tries, run.last_error) == (BillState.FAILED, 1, "damaged: hash")
    assert run.due_at == MORNING + _TEN_MIN
    await db.refresh(missed)
    assert (await entries(db), await cases(db), missed.state) == ([], [], PaymentState.OPEN)
    assert await fetch_bills(sessions, gateways=BillGateway().gateways, clock=lambda: MORNING) == 0
    await fetch(sessions, bill, now=MORNING + _TEN_MIN)
    assert (await run_of(db)).state is BillState.DONE


async def test_row_27_a_bill_whose_rows_do_not_add_up_is_refused(
    sessions: Sessions, db: AsyncSession
) -> None:
    missed = await open_one(db)
    await db.commit()

    await fetch(sessions, bill_of(row_of(missed), paid_fen=5001))

    assert (await run_of(db)).last_error == "damaged: totals"
    await db.refresh(missed)
    assert missed.state is PaymentState.OPEN


@pytest.mark.parametrize(
    ("answer", "state", "error"),
    [
        (BillNotReady(), BillState.WANTED, "not ready"),
        (ChannelUncertain(), BillState.WANTED, "uncertain"),
        (ChannelRefused("NO_AUTH"), BillState.FAILED, "refused: NO_AUTH"),
    ],
)
async def test_a_bill_that_cannot_be_had_is_asked_for_again_and_is_a_case_after_a_day(
    sessions: Sessions, db: AsyncSession, answer: Exception, state: BillState, error: str
) -> None:
    await paid_one(db)
    await db.commit()
    await fetch(sessions, answer)
    run = await run_of(db)
    assert (run.state, run.last_error, run.due_at) == (state, error, MORNING + _TEN_MIN)
    assert await cases(db) == []

    await fetch(sessions, answer, BillNotReady(), now=MORNING + timedelta(days=1))

    assert await cases(db) == [(0, CaseKind.BILL_MISSING, f"bill:wechat:{DAY}")]


async def test_a_bill_of_today_is_reconciled_as_far_as_it_is_and_again_when_it_is_whole(
    sessions: Sessions, db: AsyncSession
) -> None:
    first, second = await paid_one(db), await open_one(db)
    evening = NOON + timedelta(hours=8)
    await want_again(db, provider=Provider.WECHAT, day=DAY, by="staff:1", now=evening)
    await db.commit()
    yesterday = bill_of(day=DAY - timedelta(days=1))
    await fetch(sessions, yesterday, bill_of(row_of(first)), now=evening)
    assert (await run_of(db)).state is BillState.DONE

    await fetch(sessions, bill_of(row_of(first), row_of(second)))

    run = await run_of(db)
    assert (run.state, run.row_count, run.checked_at) == (BillState.DONE, 2, MORNING)


async def test_a_provider_that_refuses_todays_bill_is_only_too_early(
    sessions: Sessions, db: AsyncSession
) -> None:
    evening = NOON + timedelta(hours=8)
    await want_again(db, provider=Provider.WECHAT, day=DAY, by="staff:1", now=evening)
    await db.commit()

    await fetch(sessions, bill_of(day=DAY - timedelta(days=1)), ChannelRefused("PARAM_ERROR"), now=evening)

    run = await run_of(db)
    assert (run.state, run.last_error) == (BillState.WANTED, "refused: PARAM_ERROR")


@pytest.mark.parametrize("age_days", [-1, 91])
async def test_a_day_to_come_and_a_day_long_gone_cannot_be_reconciled(
    db: AsyncSession, age_days: int
) -> None:
    day = TODAY - timedelta(days=age_days)
    with pytest.raises(NotFound):
        await want_again(db, provider=Provider.WECHAT, day=day, by="staff:1", now=MORNING)


async def test_a_day_on_which_nothing_moved_needs_no_bill(sessions: Sessions, db: AsyncSession) -> None:
    await fetch(sessions, BillNotReady())

    await fetch(sessions, BillNotReady(), BillNotReady(), now=MORNING + timedelta(days=1))

    run = await run_of(db)
    assert (run.state, run.row_count, run.differences) == (BillState.DONE, 0, 0)
    assert await cases(db) == []


async def test_bills_are_wanted_from_ten_o_clock(sessions: Sessions, db: AsyncSession) -> None:
    gateway = await fetch(sessions, BillNotReady(), now=MORNING - timedelta(minutes=31))
    assert gateway.asked == [DAY - timedelta(days=1)]

    gateway = await fetch(sessions, BillNotReady(), BillNotReady(), now=MORNING)
    assert gateway.asked == [DAY - timedelta(days=1), DAY]


async def test_bills_of_days_on_which_nobody_asked_are_fetched_later(
    sessions: Sessions, db: AsyncSession
) -> None:
    await fetch(sessions, bill_of(day=DAY - timedelta(days=3)), now=MORNING - timedelta(days=3))

    gateway = await fetch(sessions, *[bill_of(day=DAY - timedelta(days=age)) for age in (2, 1, 0)])

    assert gateway.asked == [DAY - timedelta(days=age) for age in (2, 1, 0)]


async def many_paid(db: AsyncSession, count: int) -> list[Payment]:
    """Payments captured at noon of the day, written as they would stand."""
    ids = [new_id(1) for _ in range(count)]
    orders = [
        {
            "hospital_id": 1,
            "id": id_,
            "subject": f"test:{id_}",
            "amount_fen": 5000,
            "state": OrderState.CREATED,
        }
        for id_ in ids
    ]
    await db.execute(insert(Order), orders)
    payments = [
        {
            "hospital_id": 1,
            "id": id_,
            "order_id": id_,
            "channel": Channel.WECHAT_JSAPI,
            "state": PaymentState.CAPTURED,
            "amount_fen": 5000,
            "expires_at": NOON,
            "due_at": NOON,
            "captured_fen": 5000,
            "captured_at": NOON,
            "transaction_id": f"T{id_.hex}",
        }
        for id_ in ids
    ]
    await db.execute(insert(Payment), payments)
    return [Payment(**payment) for payment in payments]


async def test_ten_thousand_rows_are_compared_in_one_run(sessions: Sessions, db: AsyncSession) -> None:
    payments = await many_paid(db, 10_000)
    await db.commit()
    bill = bill_of(*(row_of(payment) for payment in payments))

    await fetch(sessions, bill)

    run = await run_of(db)
    assert (run.matched, run.differences) == (10_000, 0)


async def test_ten_thousand_differences_are_as_many_cases(sessions: Sessions, db: AsyncSession) -> None:
    payments = await many_paid(db, 5_000)
    await db.commit()
    rows = [row_of(payment, amount_fen=5001) for payment in payments]
    strangers = [stranger(transaction_id=f"T{number}", amount_fen=0) for number in range(5_000)]

    await fetch(sessions, bill_of(*rows, *strangers))

    assert (await run_of(db)).differences == 10_000
    assert len(await cases(db)) == 10_000
