from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions
from guahao.payment.models import CaseKind, ChannelMessage, Refund, RefundState
from guahao.payment.ports import BillDamaged
from guahao.payment.queries import NUMBERS
from guahao.payment.service.case import open_case
from guahao.payment.service.refund import refund
from tests.factories.bill import fetch, paid_one

pytestmark = pytest.mark.anyio
_ALL = {
    "guahao_refunds_payable_fen",
    "guahao_refund_age_seconds",
    "guahao_finance_cases_open",
    "guahao_payment_notification_age_seconds",
    "guahao_bills_failed",
}


async def told(db: AsyncSession) -> dict[str, float]:
    return {number.name: float(await db.scalar(number.select) or 0) for number in NUMBERS}


async def test_without_money_there_is_nothing_to_tell(db: AsyncSession) -> None:
    assert await told(db) == dict.fromkeys(_ALL, 0)


async def test_what_is_owed_open_old_and_failed_is_told(sessions: Sessions, db: AsyncSession) -> None:
    payments = [await paid_one(db, amount_fen=fen) for fen in (5000, 700)]
    for payment in payments:
        await refund(db, order_id=payment.order_id)
    hour_ago = func.now() - timedelta(hours=1)
    await db.execute(update(Refund).values(requested_at=hour_ago))
    arrived = Refund.amount_fen == 700
    await db.execute(update(Refund).where(arrived).values(state=RefundState.SUCCESS, settled_at=utc_now()))
    await db.execute(update(ChannelMessage).values(received_at=hour_ago))
    await open_case(db, hospital_id=1, kind=CaseKind.BILL_LONG, subject="payment:1", evidence={})
    await db.commit()
    await fetch(sessions, BillDamaged("hash"))

    numbers = await told(db)

    assert numbers["guahao_refunds_payable_fen"] == 5000
    assert numbers["guahao_finance_cases_open"] == 1
    assert numbers["guahao_bills_failed"] == 1
    assert 3600 <= numbers["guahao_refund_age_seconds"] < 3700
    assert 3600 <= numbers["guahao_payment_notification_age_seconds"] < 3700


async def test_what_is_owed_is_found_by_its_index(db: AsyncSession) -> None:
    await db.execute(select(func.set_config("enable_seqscan", "off", True)))
    for name in ("state", "state_amount"):  # beside so few rows any of them would do
        await db.execute(text(f"DROP INDEX refund_{name}_idx"))
    payable = next(number.select for number in NUMBERS if number.name == "guahao_refunds_payable_fen")
    connection = await db.connection()
    sql = str(payable.compile(dialect=connection.dialect))

    plan = (await connection.exec_driver_sql(f"EXPLAIN {sql}")).scalars().all()

    assert any("refund_unsettled_idx" in line for line in plan)
