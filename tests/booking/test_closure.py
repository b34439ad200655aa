"""An account with something that stands is not closed, whatever happens at the same time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import Appointment, AppointmentState
from guahao.booking.queries.hindrances import hindrances
from guahao.booking.service.cancel import Canceller, cancel
from guahao.booking.service.late import accept_late_money
from guahao.booking.service.suspension import suspend_appointments
from guahao.identity.models.account import Account
from guahao.identity.models.person import Patient
from guahao.identity.service.closure import ClosureHindered, close_account
from guahao.identity.service.holder import Proof
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import NotFound
from guahao.payment.models import CaseKind, PaymentState, Refund, RefundState
from guahao.payment.service.case import open_case
from guahao.payment.service.facts import apply_paid, apply_refunded
from guahao.scheduling.service.suspend import suspend
from tests.factories.booking import Booker, appointment, book, hold, hold_once, make_booker, order, overdue
from tests.factories.payment import open_payment, paid, refunded
from tests.factories.scheduling import make_slot
from tests.factories.waiting import until_somebody_waits

pytestmark = pytest.mark.anyio


async def close(sessions: Sessions, booker: Booker) -> None:
    async with transaction(sessions) as db:
        await close_in(db, booker)


async def close_in(db: AsyncSession, booker: Booker) -> None:
    openid = await db.scalar(select(Account.openid).where(Account.id == booker.account_id))
    await close_account(
        db,
        account_id=booker.account_id,
        proof=Proof(openid=openid),
        hindrances=hindrances,
        now=utc_now(),
    )


async def hindered(db: AsyncSession, booker: Booker) -> list[str]:
    return [one.kind for one in await hindrances(db, account_id=booker.account_id)]


async def is_closed(db: AsyncSession, booker: Booker) -> bool:
    return await db.scalar(select(Account.closed_at).where(Account.id == booker.account_id)) is not None


async def let_be_over(db: AsyncSession, appointment_id: UUID) -> None:
    over = {"starts_at": func.now() - timedelta(hours=1), "ends_at": func.now() - timedelta(seconds=1)}
    await db.execute(update(Appointment).where(Appointment.id == appointment_id).values(over))


async def test_a_hold_and_a_visit_to_come_stand_in_the_way_and_all_is_told_at_once(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    await book(db, booker, (await make_slot(db)).id)
    await hold(db, booker, (await make_slot(db, days=5)).id)
    await db.commit()

    with pytest.raises(ClosureHindered) as refusal:
        await close(sessions, booker)

    assert refusal.value.title == (
        "账号现在还不能注销：还有 2 个预约没有结束，请先在“我的预约”里取消，或就诊以后再注销。"
    )
    assert [one["kind"] for one in refusal.value.extra["hindrances"]] == ["appointments"]  # type: ignore[index, union-attr]  # a list of dicts
    assert not await is_closed(db, booker)
    patient = await db.get_one(Patient, booker.patient_id, populate_existing=True)
    assert patient.deleted_at is None


async def test_a_visit_that_is_over_stands_in_nobodys_way(sessions: Sessions, db: AsyncSession) -> None:
    booker = await make_booker(db)
    row = await book(db, booker, (await make_slot(db, days=1)).id)
    await let_be_over(db, row.id)
    await db.commit()

    await close(sessions, booker)

    assert await is_closed(db, booker)
    assert (await appointment(db, row.id)).state is AppointmentState.BOOKED


async def test_a_suspended_visit_stands_until_it_is_decided(db: AsyncSession) -> None:
    booker = await make_booker(db)
    slot = await make_slot(db, days=1)
    row = await book(db, booker, slot.id)
    await suspend(db, slot.session_id, reason="医生生病", by="staff:test")
    await suspend_appointments(db, hospital_id=slot.hospital_id, session_id=slot.session_id)
    await let_be_over(db, row.id)

    assert await hindered(db, booker) == ["appointments"]


async def test_a_refund_on_its_way_stands_in_the_way_until_it_has_arrived(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    row = await book(db, booker, (await make_slot(db, fee_fen=5000)).id)
    await cancel(db, appointment_id=row.id, by=Canceller(actor="account:x", account_id=booker.account_id))
    await db.commit()

    with pytest.raises(ClosureHindered):
        await close(sessions, booker)
    assert await hindered(db, booker) == ["refunds"]
    refund = (await db.scalars(select(Refund))).one()
    refund.state, refund.submitted_at = RefundState.SUBMITTED, utc_now()
    await db.flush()
    assert await hindered(db, booker) == ["refunds"]
    await apply_refunded(db, refunded(refund))
    await db.commit()
    await close(sessions, booker)

    assert await is_closed(db, booker)


async def test_an_open_case_about_the_money_stands_in_the_way(db: AsyncSession) -> None:
    booker, other = await make_booker(db), await make_booker(db)
    row = await book(db, booker, (await make_slot(db, fee_fen=5000)).id)
    await book(db, other, (await make_slot(db, fee_fen=5000)).id)
    await let_be_over(db, row.id)
    payment_id = (await order(db, row.order_id)).paid_payment_id
    await open_case(
        db,
        hospital_id=row.hospital_id,
        kind=CaseKind.BILL_AMOUNT,
        subject=f"payment:{payment_id}",
        evidence={},
    )

    assert await hindered(db, booker) == ["cases"]
    assert await hindered(db, other) == ["appointments"]


async def test_a_payment_that_is_not_clear_yet_stands_in_the_way(db: AsyncSession) -> None:
    booker = await make_booker(db)
    plan = await hold(db, booker, (await make_slot(db, fee_fen=5000)).id)
    await open_payment(db, plan.order_id)
    await cancel(
        db, appointment_id=plan.appointment_id, by=Canceller(actor="account:x", account_id=booker.account_id)
    )

    assert await hindered(db, booker) == ["payments"]


async def test_a_hold_beside_the_closing_is_seen_or_refused(sessions: Sessions, db: AsyncSession) -> None:
    booker, slot = await make_booker(db), await make_slot(db)
    await db.commit()
    async with transaction(sessions) as holding:
        await hold(holding, booker, slot.id)
        closing = asyncio.create_task(close(sessions, booker))
        await until_somebody_waits(sessions)
    with pytest.raises(ClosureHindered):
        await closing
    assert not await is_closed(db, booker)

    second = await make_booker(db)
    await db.commit()
    async with transaction(sessions) as closing_first:
        await close_in(closing_first, second)
        held = asyncio.create_task(hold_once(sessions, second, slot.id))
        await until_somebody_waits(sessions)
    with pytest.raises(NotFound):
        await held
    assert await is_closed(db, second)
    assert await db.scalar(select(func.count()).where(Appointment.account_id == second.account_id)) == 0


async def test_money_that_comes_after_the_closing_goes_back(sessions: Sessions, db: AsyncSession) -> None:
    booker = await make_booker(db)
    plan = await hold(db, booker, (await make_slot(db, fee_fen=5000)).id)
    payment = await open_payment(db, plan.order_id)
    await overdue(db, plan.appointment_id)
    await cancel(
        db, appointment_id=plan.appointment_id, by=Canceller(actor="account:x", account_id=booker.account_id)
    )
    # the provider said that nothing was paid, and was wrong
    payment.state = PaymentState.CLOSED
    await db.commit()
    await close(sessions, booker)

    async with transaction(sessions) as late:
        await apply_paid(late, paid(payment))
    async with transaction(sessions) as late:
        await accept_late_money(late, order_id=plan.order_id)

    refund = (await db.scalars(select(Refund))).one()
    assert (refund.amount_fen, refund.state) == (5000, RefundState.REQUESTED)
    assert (await appointment(db, plan.appointment_id)).state is AppointmentState.CANCELLED_BY_PATIENT
