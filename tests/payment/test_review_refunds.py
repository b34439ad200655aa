from __future__ import annotations

from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.policy.permission import Role
from guahao.kernel.db import Sessions, transaction
from guahao.payment.models import FinanceCase, Order, OrderState, Payment, Refund, RefundState
from guahao.payment.ports import Channel, RefundOutcome
from guahao.payment.service import desk, refund
from guahao.payment.service.facts import Applied, apply_paid, apply_refunded
from guahao.payment.service.refund import request
from guahao.payment.service.watch import watch
from tests.factories.office import Member, hire
from tests.factories.payment import make_order, open_payment, paid, pay, refunded, refunds_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def finance(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.FINANCE)


@pytest.fixture
async def second(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.FINANCE)


async def on_its_way(db: AsyncSession, order_id: UUID) -> list[int]:
    """The amounts that will reach the payer without anybody's further doing."""
    rows = await refunds_of(db, order_id)
    return sorted(row.amount_fen for row in rows if row.state is RefundState.REQUESTED)


async def cancelled(sessions: Sessions, order_id: UUID) -> None:
    async with transaction(sessions) as db:
        await refund(db, order_id=order_id)


@pytest.mark.parametrize("asked_fen", [50_000, 30_000])
async def test_what_waits_for_a_second_person_is_owed_whole_once_the_appointment_is_cancelled(
    finance: Member, second: Member, sessions: Sessions, db: AsyncSession, asked_fen: int
) -> None:
    async with transaction(sessions) as writing:
        row = await make_order(writing, amount_fen=50_000)
        await pay(writing, row.id)
    made = await finance.post(f"/orders/{row.id}/refunds", amount_fen=asked_fen, note="全额退款")
    assert made.json()["state"] == "awaiting_approval"

    await cancelled(sessions, row.id)
    await second.post(f"/refunds/{made.json()['id']}/reject", note="不同意退款")

    assert sum(await on_its_way(db, row.id)) == 50_000


async def test_a_rejected_refund_of_a_wrong_amount_stays_rejected_when_the_order_is_owed_whole(
    finance: Member, second: Member, sessions: Sessions, db: AsyncSession
) -> None:
    async with transaction(sessions) as writing:
        row = await make_order(writing, amount_fen=50_000)
        wrong = await open_payment(writing, row.id)
        assert await apply_paid(writing, paid(wrong, amount_fen=40_000)) is Applied.MISMATCH
        await pay(writing, row.id, channel=Channel.WECHAT_NATIVE)
    kept = await finance.post(f"/orders/{row.id}/refunds", amount_fen=30_000, note="部分退款")
    other = await finance.post(
        f"/orders/{row.id}/refunds", amount_fen=40_000, note="金额不符", payment_id=str(wrong.id)
    )
    await cancelled(sessions, row.id)

    await second.post(f"/refunds/{other.json()['id']}/reject", note="查清再退")
    await second.post(f"/refunds/{kept.json()['id']}/reject", note="不同意退款")

    rows = await refunds_of(db, row.id)
    assert [one.state for one in rows if one.payment_id == wrong.id] == [RefundState.REJECTED]
    assert sum(await on_its_way(db, row.id)) == 50_000


async def test_a_refund_that_the_provider_closed_keeps_its_second_person_when_it_is_renewed(
    finance: Member, second: Member, sessions: Sessions, db: AsyncSession
) -> None:
    async with transaction(sessions) as writing:
        row = await make_order(writing, amount_fen=50_000)
        await pay(writing, row.id)
    made = await finance.post(f"/orders/{row.id}/refunds", amount_fen=30_000, note="重复检查")
    await second.post(f"/refunds/{made.json()['id']}/approve")
    async with transaction(sessions) as writing:
        first = await writing.get_one(Refund, (1, UUID(made.json()["id"])))
        await apply_refunded(writing, refunded(first, outcome=RefundOutcome.CLOSED))

    renewed = (await refunds_of(db, row.id))[-1]
    assert (renewed.state, renewed.approved_by, renewed.note) == (
        RefundState.REQUESTED,
        second.actor,
        "重复检查",
    )
    async with transaction(sessions) as writing:
        await watch(writing)
        kinds = set(await writing.scalars(select(FinanceCase.kind)))
    assert "change_by_one_person" not in kinds


async def test_a_whole_amount_that_staff_sends_back_in_parts_is_seen_like_one(
    finance: Member, second: Member, sessions: Sessions, db: AsyncSession
) -> None:
    for parts in ([2500, 2500], [2500]):
        async with transaction(sessions) as writing:
            row = await make_order(writing)
            await pay(writing, row.id)
        for amount_fen in parts:
            await second.post(f"/orders/{row.id}/refunds", amount_fen=amount_fen, note="分次退款")
    async with transaction(sessions) as writing:
        await watch(writing)

    about = select(FinanceCase.evidence["number"].as_integer(), FinanceCase.evidence["about"].as_string())
    (found,) = await db.execute(about.where(FinanceCase.kind == "refund_without_cancellation"))
    assert tuple(found) == (2, second.actor)


async def test_a_refund_handed_over_is_not_sent_again_when_the_provider_closes_it(
    finance: Member, second: Member, sessions: Sessions, db: AsyncSession
) -> None:
    async with transaction(sessions) as writing:
        row = await make_order(writing)
        await pay(writing, row.id)
    await cancelled(sessions, row.id)
    (due,) = await refunds_of(db, row.id)
    async with transaction(sessions) as writing:
        await apply_refunded(writing, refunded(due, outcome=RefundOutcome.ABNORMAL))
    await finance.post(f"/refunds/{due.id}/hand-over", note="现金退款")

    async with transaction(sessions) as writing:
        await apply_refunded(writing, refunded(due, outcome=RefundOutcome.CLOSED))
    confirmed = await second.post(f"/refunds/{due.id}/approve")

    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "success")
    assert [one.state for one in await refunds_of(db, row.id)] == [RefundState.SUCCESS]


async def test_a_fiftieth_refund_that_the_provider_closes_waits_to_be_handed_over_and_is_a_case(
    sessions: Sessions, db: AsyncSession
) -> None:
    async with transaction(sessions) as writing:
        row = await make_order(writing, amount_fen=50_000)
        payment = await pay(writing, row.id)
        await writing.execute(update(Payment).where(Payment.id == payment.id).values(refund_count=49))
    await cancelled(sessions, row.id)

    async with transaction(sessions) as writing:
        (last,) = await refunds_of(writing, row.id)
        told = refunded(last, outcome=RefundOutcome.CLOSED)
        assert await apply_refunded(writing, told) is Applied.APPLIED

    kinds = list(await db.scalars(select(FinanceCase.kind)))
    assert kinds == ["refund_refused"]
    assert [one.state for one in await refunds_of(db, row.id)] == [RefundState.CLOSED, RefundState.ABNORMAL]
    assert (await db.get_one(Order, (1, row.id))).state is OrderState.REFUNDING


async def spend_fifty(sessions: Sessions, order_id: UUID) -> None:
    for number in range(50):
        async with transaction(sessions) as writing:
            row = await request(
                writing, order_id=order_id, amount_fen=10, note="差错", by="staff:one", limit_fen=10
            )
            assert row.number == number + 1
            told = refunded(row, provider=(await writing.get_one(Payment, (1, row.payment_id))).provider)
            assert await apply_refunded(writing, told) is Applied.APPLIED


async def test_after_fifty_refunds_that_arrived_a_cancellation_gives_back_what_is_left_at_the_desk(
    finance: Member, second: Member, sessions: Sessions, db: AsyncSession
) -> None:
    async with transaction(sessions) as writing:
        row = await make_order(writing)
        await pay(writing, row.id)
    await spend_fifty(sessions, row.id)

    async with transaction(sessions) as writing:
        assert await refund(writing, order_id=row.id) is True

    last = (await refunds_of(db, row.id))[-1]
    assert (last.number, last.amount_fen, last.state) == (51, 4500, RefundState.ABNORMAL)
    assert list(await db.scalars(select(FinanceCase.kind))) == ["refund_refused"]
    given = await finance.post(f"/refunds/{last.id}/hand-over", note="现金退款")
    confirmed = await second.post(f"/refunds/{last.id}/approve")
    assert (given.status_code, confirmed.json()["state"]) == (200, "success")
    assert (await db.get_one(Order, (1, row.id), populate_existing=True)).state is OrderState.REFUNDED


async def test_cash_goes_back_over_the_counter_however_often(sessions: Sessions, db: AsyncSession) -> None:
    async with transaction(sessions) as writing:
        row = await make_order(writing)
        await desk.take_cash(writing, order_id=row.id, by="staff:one")
    async with transaction(sessions) as writing:
        await writing.execute(update(Payment).values(refund_count=50))

    async with transaction(sessions) as writing:
        assert await refund(writing, order_id=row.id) is True

    (last,) = await refunds_of(db, row.id)
    assert (last.amount_fen, last.state) == (5000, RefundState.REQUESTED)
    assert list(await db.scalars(select(FinanceCase.kind))) == []
