"""Opening a payment for an order, and closing it by order of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import hospital_of, new_id
from guahao.payment import policy
from guahao.payment.models import Channel, Order, OrderState, Payment, PaymentState
from guahao.payment.models.order import PAYABLE
from guahao.payment.ports import Gateways, Prepared
from guahao.payment.queries.progress import offered
from guahao.payment.service.order import OrderNotPayable, close_payments, locked

DESK_TIME = timedelta(minutes=15)
"""How long a payment may take for an order that has no end of its own."""


class ChannelNotOffered(Problem):
    """The hospital does not offer this way to pay."""

    code = "payment-channel-not-offered"
    status = 409


class TooManyPayments(Problem):
    """So many payments were opened for the order by this channel that another one would help nobody."""

    code = "too-many-payments"
    status = 429
    retry_after_s = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Somebody wants to pay an order by a channel.

    `account_id` owns the order; None for staff, who have checked their hospital. `payer` is the
    payer's openid for WECHAT_JSAPI. `actor` is an audit actor.
    """

    order_id: UUID
    channel: Channel
    actor: str
    account_id: UUID | None
    payer: str | None = None
    device_index: bytes | None = None


async def begin(db: AsyncSession, *, wish: Wish, gateways: Gateways) -> Payment:
    """Write down the payment that is about to be opened at a provider; the amount is the order's.

    A payment already open by the same channel is the one (so a double click opens one); one by
    another channel is asked to end. Raises `NotFound`, `OrderNotPayable`, `ChannelNotOffered`,
    `TooManyPayments`.
    """
    order = await locked(db, wish.order_id)
    if wish.account_id is not None and order.account_id != wish.account_id:
        raise NotFound
    now: datetime = (await db.scalars(select(func.clock_timestamp()))).one()
    if order.state not in PAYABLE or (order.expires_at is not None and order.expires_at <= now):
        raise OrderNotPayable(state=order.state.value)
    await _check_channel(db, order, wish.channel, gateways)
    rows = await _payments_of(db, order)
    for row in rows:
        is_open = row.state in {PaymentState.PREPARING, PaymentState.OPEN} and row.expires_at > now
        if is_open and row.channel is wish.channel:
            return row
    if sum(row.channel is wish.channel for row in rows) >= policy.MAX_TRIES:
        raise TooManyPayments
    await close_payments(db, order)
    return await _write(db, order, wish, now)


async def _check_channel(db: AsyncSession, order: Order, channel: Channel, gateways: Gateways) -> None:
    if channel not in await offered(db, hospital_id=order.hospital_id, gateways=gateways):
        raise ChannelNotOffered


async def _payments_of(db: AsyncSession, order: Order) -> list[Payment]:
    rows = await db.scalars(
        select(Payment)
        .where(Payment.hospital_id == order.hospital_id, Payment.order_id == order.id)
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def _write(db: AsyncSession, order: Order, wish: Wish, now: datetime) -> Payment:
    payment = Payment(
        hospital_id=order.hospital_id,
        id=new_id(order.hospital_id),
        order_id=order.id,
        channel=wish.channel,
        state=PaymentState.PREPARING,
        amount_fen=order.payable_fen,
        payer_account_id=wish.account_id,
        device_index=wish.device_index,
        expires_at=policy.prepayment_ends(expires_at=order.expires_at or now + DESK_TIME, now=now),
        due_at=now + policy.ask_after(0),
    )
    db.add(payment)
    order.state = OrderState.PAYING
    await db.flush()
    await record(
        db,
        AuditEntry(
            hospital_id=order.hospital_id,
            actor=wish.actor,
            action="payment.open",
            subject=f"payment:{payment.id}",
            data={
                "order_id": str(order.id),
                "channel": wish.channel.value,
                "amount_fen": payment.amount_fen,
            },
        ),
    )
    return payment


async def opened(db: AsyncSession, *, payment_id: UUID, prepared: Prepared) -> Payment:
    """Record that the provider prepared a payment. Raises `OrderNotPayable` if it was ended meanwhile.

    Money that came in already, told before this, stands: the payment is answered as it is.
    """
    payment = await db.get_one(Payment, (hospital_of(payment_id), payment_id))
    order = await locked(db, payment.order_id)
    await db.refresh(payment)
    if payment.state in {PaymentState.CLOSING, PaymentState.CLOSED}:
        raise OrderNotPayable(state=order.state.value)
    if payment.state is PaymentState.PREPARING:
        payment.state = PaymentState.OPEN
    payment.reference = prepared.reference
    await db.flush()
    return payment


async def give_up(db: AsyncSession, *, payment_id: UUID) -> None:
    """End a payment whose number the provider refuses, so that another can be opened."""
    payment = await db.get_one(Payment, (hospital_of(payment_id), payment_id))
    await locked(db, payment.order_id)
    await db.refresh(payment)
    if payment.state in {PaymentState.PREPARING, PaymentState.OPEN}:
        payment.state = PaymentState.CLOSING
        payment.due_at = (await db.scalars(select(func.clock_timestamp()))).one()
        payment.queries = 0
        await db.flush()
