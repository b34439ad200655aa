from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import AppointmentState
from guahao.booking.reactions import REACTIONS
from guahao.booking.service.expire import expire_holds
from guahao.kernel.db import Sessions
from guahao.kernel.events import EventRow, EventState
from guahao.kernel.relay import Relay
from guahao.payment.models import OrderState, Refund, RefundReason
from guahao.payment.ports import Channel
from guahao.payment.service.facts import Applied, apply_paid
from guahao.payment.service.order import payment_closed
from guahao.scheduling.models import ClinicSession, Slot
from tests.factories.booking import appointment, hold, make_booker, order, overdue
from tests.factories.payment import open_payment, paid
from tests.factories.scheduling import counters, make_slot

pytestmark = pytest.mark.anyio


async def told(sessions: Sessions) -> None:
    relay = Relay(sessions, REACTIONS)
    while await relay.tell_batch():
        pass


async def test_a_wrong_amount_for_a_hold_whose_time_is_over_frees_its_place(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=1)
    plan = await hold(db, await make_booker(db), slot.id)
    payment = await open_payment(db, plan.order_id)
    await overdue(db, plan.appointment_id)
    await expire_holds(db)

    assert await apply_paid(db, paid(payment, amount_fen=payment.amount_fen + 1)) is Applied.MISMATCH
    await db.commit()
    await told(sessions)

    assert (await order(db, plan.order_id)).state is OrderState.CLOSED
    assert (await appointment(db, plan.appointment_id)).state is AppointmentState.EXPIRED
    assert await counters(db, slot.id) == {"free": 1}


async def test_money_that_a_silent_provider_tells_of_after_the_session_goes_back(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=1)
    plan = await hold(db, await make_booker(db), slot.id)
    payment = await open_payment(db, plan.order_id)
    await overdue(db, plan.appointment_id)
    await expire_holds(db)
    past = func.now() - timedelta(hours=2)
    await db.execute(update(Slot).values(starts_at=past, ends_at=past + timedelta(minutes=30)))
    await db.execute(update(ClinicSession).values(starts_at=past, ends_at=past + timedelta(hours=1)))

    await apply_paid(db, paid(payment))
    await db.commit()
    await told(sessions)

    assert (await appointment(db, plan.appointment_id)).state is AppointmentState.EXPIRED
    refunds = [(row.reason, row.amount_fen) for row in await db.scalars(select(Refund))]
    assert refunds == [(RefundReason.LATE, payment.amount_fen)]
    assert await counters(db, slot.id) == {"free": 1}
    assert set(await db.scalars(select(EventRow.state))) <= {EventState.DONE, EventState.UNHEARD}


async def test_a_wrong_amount_does_not_free_a_place_for_which_money_may_still_come(
    sessions: Sessions, db: AsyncSession
) -> None:
    slot = await make_slot(db, capacity=1)
    plan = await hold(db, await make_booker(db), slot.id)
    first = await open_payment(db, plan.order_id)
    second = await open_payment(db, plan.order_id, channel=Channel.WECHAT_NATIVE)
    await overdue(db, plan.appointment_id)
    await expire_holds(db)

    await apply_paid(db, paid(first, amount_fen=1))
    assert (await order(db, plan.order_id)).state is OrderState.CLOSING
    await payment_closed(db, payment_id=second.id)
    await db.commit()
    await told(sessions)

    assert (await appointment(db, plan.appointment_id)).state is AppointmentState.EXPIRED
    assert await counters(db, slot.id) == {"free": 1}
