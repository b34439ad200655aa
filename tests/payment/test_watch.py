from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.ids import new_id
from guahao.payment.models import (
    CaseKind,
    Channel,
    ChannelMessage,
    FinanceCase,
    Payment,
    PaymentSetting,
    PaymentState,
    Provider,
    Refund,
    RefundReason,
    RefundState,
    Source,
    WatchKind,
    WatchRule,
)
from guahao.payment.policy import SECOND_PERSON_OVER_FEN, WATCHES
from guahao.payment.service.watch import note_signature_failures, watch
from tests.factories.payment import make_order

pytestmark = pytest.mark.anyio

ACCOUNT = new_id()
DEVICE = bytes(range(16))
_HOUR = timedelta(hours=1)


async def make_payment(db: AsyncSession, *, age: timedelta = timedelta(), **overrides: Any) -> Payment:
    """A payment of an order of its own, `age` old by the database's clock."""
    order = await make_order(db, hospital_id=overrides.get("hospital_id", 1))
    now = await db.scalar(select(func.now()))
    values: dict[str, Any] = {
        "hospital_id": order.hospital_id,
        "id": new_id(order.hospital_id),
        "order_id": order.id,
        "channel": Channel.WECHAT_JSAPI,
        "state": PaymentState.OPEN,
        "amount_fen": 5000,
        "payer_account_id": ACCOUNT,
        "device_index": DEVICE,
        "expires_at": now,
        "due_at": now,
        "created_at": now - age,
    }
    payment = Payment(**values | overrides)
    db.add(payment)
    await db.flush()
    return payment


async def make_captured(db: AsyncSession, *, age: timedelta = timedelta(), **overrides: Any) -> Payment:
    now = await db.scalar(select(func.now()))
    captured = {"state": PaymentState.CAPTURED, "captured_fen": 5000, "captured_at": now - age}
    return await make_payment(db, age=age, **captured | {"transaction_id": secrets.token_hex(8)} | overrides)


async def make_refund(
    db: AsyncSession, *, age: timedelta = timedelta(), captured_fen: int = 5000, **overrides: Any
) -> Refund:
    """A refund of the whole of a payment of its own, asked for by one of the staff."""
    payment = await make_captured(db, captured_fen=captured_fen, amount_fen=captured_fen)
    now = await db.scalar(select(func.now()))
    values: dict[str, Any] = {
        "hospital_id": payment.hospital_id,
        "id": new_id(payment.hospital_id),
        "order_id": payment.order_id,
        "payment_id": payment.id,
        "number": 1,
        "amount_fen": captured_fen,
        "reason": RefundReason.STAFF,
        "cause": secrets.token_hex(8),
        "state": RefundState.SUBMITTED,
        "requested_by": "staff:1",
        "requested_at": now - age,
    }
    refund = Refund(**values | overrides)
    payment.refunded_fen = refund.amount_fen
    db.add(refund)
    await db.flush()
    return refund


async def found(db: AsyncSession, kind: CaseKind) -> list[FinanceCase]:
    return list(
        await db.scalars(select(FinanceCase).where(FinanceCase.kind == kind).order_by(FinanceCase.id))
    )


async def rule(db: AsyncSession, kind: WatchKind, **values: Any) -> None:
    default = WATCHES[kind]
    row = {"threshold": default.threshold, "window_min": default.window_min, "is_on": True}
    await db.execute(insert(WatchRule).values(hospital_id=1, kind=kind, **row | values))


async def test_many_orders_of_one_account_are_one_case_with_their_numbers(db: AsyncSession) -> None:
    payments = [await make_payment(db) for _ in range(10)]

    assert await watch(db) == 1

    (case,) = await found(db, CaseKind.MANY_ORDERS)
    assert case.subject.startswith(f"account:{ACCOUNT}@")
    assert case.evidence["number"] == 10
    assert case.evidence["fen"] == 50_000
    assert set(case.evidence["items"]) == {f"payment:{payment.id}" for payment in payments}


async def test_fewer_or_older_orders_than_the_rule_says_are_no_case(db: AsyncSession) -> None:
    for _ in range(9):
        await make_payment(db, device_index=None)
    await make_payment(db, age=_HOUR, device_index=None)
    await make_payment(db, payer_account_id=new_id())
    await make_payment(db, payer_account_id=None)

    assert await watch(db) == 0


async def test_accounts_are_counted_in_each_hospital_apart(db: AsyncSession) -> None:
    for number in range(10):
        await make_payment(db, hospital_id=1 + number % 2)

    assert await watch(db) == 0


async def test_the_same_burst_is_a_case_once_however_often_it_is_looked_at(db: AsyncSession) -> None:
    for _ in range(10):
        await make_payment(db)
    assert await watch(db) == 1
    await make_payment(db, age=timedelta(seconds=1))

    assert await watch(db) == 0
    assert len(await found(db, CaseKind.MANY_ORDERS)) == 1


async def test_many_orders_of_one_device_are_a_case_of_the_device(db: AsyncSession) -> None:
    for _ in range(20):
        await make_payment(db, payer_account_id=new_id())

    assert await watch(db) == 1

    (case,) = await found(db, CaseKind.MANY_ORDERS_DEVICE)
    assert case.subject.startswith(f"device:{DEVICE.hex()}@")
    assert len(case.evidence["items"]) == 20


async def test_paying_and_taking_back_again_and_again_is_a_case(db: AsyncSession) -> None:
    for _ in range(5):
        await make_refund(db, reason=RefundReason.CANCELLED, requested_by=f"account:{ACCOUNT}")

    await watch(db)

    (case,) = await found(db, CaseKind.PAY_REFUND_CYCLES)
    assert (case.subject.partition("@")[0], case.evidence["number"]) == (f"account:{ACCOUNT}", 5)


@pytest.mark.parametrize(
    "overrides",
    [{"reason": RefundReason.HOSPITAL}, {"reason": RefundReason.LATE}, {"state": RefundState.REJECTED}],
)
async def test_what_the_hospital_sends_back_is_no_cycle(db: AsyncSession, overrides: Any) -> None:
    for _ in range(5):
        await make_refund(db, **overrides)

    await watch(db)

    assert await found(db, CaseKind.PAY_REFUND_CYCLES) == []


async def test_a_large_refund_is_a_case_of_its_own(db: AsyncSession) -> None:
    large = await make_refund(db, captured_fen=SECOND_PERSON_OVER_FEN, reason=RefundReason.CANCELLED)
    await make_refund(db, captured_fen=SECOND_PERSON_OVER_FEN - 1, reason=RefundReason.CANCELLED)
    await make_refund(db, captured_fen=SECOND_PERSON_OVER_FEN, state=RefundState.REJECTED)

    assert await watch(db) == 1

    (case,) = await found(db, CaseKind.LARGE_REFUND)
    assert case.subject.startswith(f"refund:{large.id}@")
    assert case.evidence["fen"] == SECOND_PERSON_OVER_FEN


async def test_each_whole_amount_that_staff_send_back_is_a_case(db: AsyncSession) -> None:
    first = await make_refund(db)
    await make_refund(db, reason=RefundReason.CANCELLED)
    await make_refund(db, amount_fen=4999)
    assert await watch(db) == 1
    second = await make_refund(db, age=timedelta(seconds=-1))

    assert await watch(db) == 1

    cases = await found(db, CaseKind.REFUND_WITHOUT_CANCELLATION)
    assert [case.subject for case in cases] == [
        f"staff:1@refund:{first.id}",
        f"staff:1@refund:{second.id}",
    ]
    assert cases[1].evidence["number"] == 2


async def test_row_55_a_refund_above_the_limit_without_a_second_person_is_a_case(db: AsyncSession) -> None:
    db.add(PaymentSetting(hospital_id=1, is_alipay_offered=False, second_person_over_fen=4000))
    alone = await make_refund(db, amount_fen=4001)
    await make_refund(db, amount_fen=4000)
    await make_refund(db, amount_fen=4001, approved_by="staff:2")
    await make_refund(db, amount_fen=4001, state=RefundState.AWAITING_APPROVAL)
    await make_refund(db, amount_fen=4001, reason=RefundReason.CANCELLED)

    await watch(db)

    (case,) = await found(db, CaseKind.CHANGE_BY_ONE_PERSON)
    assert case.subject == f"staff:1@refund:{alone.id}"


async def tell(db: AsyncSession, payment: Payment, *, source: Source, after: timedelta) -> None:
    assert payment.captured_at is not None
    db.add(
        ChannelMessage(
            hospital_id=payment.hospital_id,
            provider=Provider.WECHAT,
            message_id=secrets.token_hex(8),
            source=source,
            subject=payment.out_trade_no,
            outcome="applied",
            received_at=payment.captured_at + after,
        )
    )
    await db.flush()


async def test_money_that_no_notification_told_of_in_time_is_a_case_when_it_happens_often(
    db: AsyncSession,
) -> None:
    age = timedelta(minutes=20)
    silent = [await make_captured(db, age=age, payer_account_id=None) for _ in range(5)]
    for payment in silent[:2]:
        await tell(db, payment, source=Source.QUERY, after=timedelta(seconds=30))
    await tell(db, silent[2], source=Source.NOTIFICATION, after=timedelta(minutes=11))

    assert await watch(db) == 1

    (case,) = await found(db, CaseKind.NOTIFICATION_ANOMALY)
    assert case.subject.startswith("provider:wechat@")
    assert set(case.evidence["items"]) == {f"payment:{payment.id}" for payment in silent}


async def test_notified_recent_and_cash_payments_are_no_anomaly(db: AsyncSession) -> None:
    age = timedelta(minutes=20)
    for _ in range(4):
        await make_captured(db, age=age, payer_account_id=None)
    told = await make_captured(db, age=age, payer_account_id=None)
    await tell(db, told, source=Source.NOTIFICATION, after=timedelta(minutes=9))
    await make_captured(db, age=timedelta(minutes=9), payer_account_id=None)
    await make_captured(db, age=age, channel=Channel.CASH, payer_account_id=None)
    await make_captured(db, age=2 * _HOUR, payer_account_id=None)

    assert await watch(db) == 0


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ({"threshold": 2}, 1),
        ({"threshold": 2, "is_on": False}, 0),
        ({"threshold": 3, "window_min": 600}, 1),
        ({"threshold": 3, "window_min": 61}, 0),
    ],
)
async def test_a_hospitals_own_rule_takes_the_place_of_the_default(
    db: AsyncSession, values: dict[str, Any], count: int
) -> None:
    await rule(db, WatchKind.MANY_ORDERS, **values)
    for age in (timedelta(), timedelta(minutes=30), timedelta(hours=5)):
        await make_payment(db, age=age)

    assert await watch(db) == count


async def test_a_hospitals_rule_does_not_bind_another(db: AsyncSession) -> None:
    await rule(db, WatchKind.MANY_ORDERS, threshold=1)
    await make_payment(db, hospital_id=2)

    assert await watch(db) == 0


async def test_a_burst_in_the_next_window_is_another_case(db: AsyncSession) -> None:
    for _ in range(10):
        await make_payment(db)
    await watch(db)
    await db.execute(update(Payment).values(created_at=Payment.created_at - _HOUR * 2))
    await db.execute(
        update(FinanceCase).values(subject=func.replace(FinanceCase.subject, "@", "@2 hours before "))
    )
    for _ in range(10):
        await make_payment(db)

    assert await watch(db) == 1


async def test_failing_signatures_are_one_case_in_five_minutes_for_all_processes(db: AsyncSession) -> None:
    at = datetime(2026, 11, 21, 10, 1, tzinfo=UTC)
    for seconds in (0, 200, 240):
        await note_signature_failures(
            db, provider=Provider.ALIPAY, count=20, since=at + timedelta(seconds=seconds)
        )

    cases = await found(db, CaseKind.SIGNATURE_FAILURES)
    assert [(case.hospital_id, case.subject) for case in cases] == [
        (0, "alipay@2026-11-21T10:00Z"),
        (0, "alipay@2026-11-21T10:05Z"),
    ]
    assert cases[0].evidence == {"provider": "alipay", "number": 20, "since": at.isoformat()}
