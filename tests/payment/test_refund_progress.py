from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.payment.models import OrderState
from guahao.payment.ports import RefundOutcome
from guahao.payment.queries.progress import Stage, progress_of
from guahao.payment.service import refund
from guahao.payment.service.facts import apply_refunded
from guahao.payment.service.facts.refunded import RENEWALS
from tests.factories.booking import order as order_of
from tests.factories.payment import ALL, make_order, pay, refunded, refunds_of

pytestmark = pytest.mark.anyio


async def shown(db: AsyncSession, order_id: object) -> list[tuple[int, Stage]]:
    order = await order_of(db, order_id)
    return [(one.amount_fen, one.stage) for one in (await progress_of(db, order, gateways=ALL)).refunds]


async def test_a_closed_refund_gives_way_to_the_one_that_took_its_place(db: AsyncSession) -> None:
    order = await make_order(db)
    await pay(db, order.id)
    await refund(db, order_id=order.id)

    await apply_refunded(db, refunded((await refunds_of(db, order.id))[-1], outcome=RefundOutcome.CLOSED))

    assert await shown(db, order.id) == [(5000, Stage.REQUESTED)]


async def test_a_refund_the_provider_keeps_closing_is_shown_as_needing_attention(db: AsyncSession) -> None:
    order = await make_order(db)
    await pay(db, order.id)
    await refund(db, order_id=order.id)

    for _ in range(RENEWALS + 1):
        newest = (await refunds_of(db, order.id))[-1]
        await apply_refunded(db, refunded(newest, outcome=RefundOutcome.CLOSED))

    assert await shown(db, order.id) == [(5000, Stage.ATTENTION)]
    assert (await order_of(db, order.id)).state is OrderState.PAID
