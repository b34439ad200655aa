"""Payments made through the services, as if a provider had told of them."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import utc_now
from guahao.kernel.ids import hospital_of, new_id
from guahao.payment.models import Order, OrderState, Payment, Refund
from guahao.payment.ports import (
    Channel,
    Paid,
    Prepared,
    Provider,
    Refunded,
    RefundOutcome,
    Source,
)
from guahao.payment.service import opening
from guahao.payment.service.facts import Applied, apply_paid, apply_refunded
from guahao.payment.service.opening import Wish

ALL: Any = {Provider.WECHAT: None, Provider.ALIPAY: None}
"""The providers by name only, for what never calls them."""


async def make_order(db: AsyncSession, **overrides: Any) -> Order:
    hospital_id = overrides.pop("hospital_id", 1)
    id_ = new_id(hospital_id)
    values: dict[str, Any] = {
        "hospital_id": hospital_id,
        "id": id_,
        "subject": f"test:{id_}",
        "account_id": new_id(),
        "amount_fen": 5000,
        "state": OrderState.CREATED,
        "expires_at": utc_now() + timedelta(minutes=15),
    }
    row = Order(**values | overrides)
    db.add(row)
    await db.flush()
    return row


async def open_payment(
    db: AsyncSession, order_id: UUID, *, channel: Channel = Channel.WECHAT_JSAPI
) -> Payment:
    """Open a payment as if the provider had prepared it."""
    wish = Wish(order_id=order_id, channel=channel, actor="account:test", account_id=None, payer="openid")
    payment = await opening.begin(db, wish=wish, gateways=ALL)
    return await opening.opened(db, payment_id=payment.id, prepared=Prepared(reference="test", params={}))


def paid(payment: Payment, **overrides: Any) -> Paid:
    """What the provider tells when a payment is captured."""
    values: dict[str, Any] = {
        "provider": payment.provider,
        "source": Source.NOTIFICATION,
        "message_id": secrets.token_hex(16),
        "out_trade_no": payment.out_trade_no,
        "transaction_id": f"T{payment.id.hex}",
        "amount_fen": payment.amount_fen,
        "paid_at": utc_now(),
    }
    return Paid(**values | overrides)


def refunded(refund: Refund, **overrides: Any) -> Refunded:
    """What the provider tells when a refund has arrived."""
    values: dict[str, Any] = {
        "provider": Provider.WECHAT,
        "source": Source.NOTIFICATION,
        "message_id": secrets.token_hex(16),
        "out_trade_no": refund.payment_id.hex,
        "out_refund_no": refund.out_refund_no,
        "channel_refund_id": f"R{refund.id.hex}",
        "amount_fen": refund.amount_fen,
        "outcome": RefundOutcome.SUCCESS,
        "at": utc_now(),
    }
    return Refunded(**values | overrides)


async def pay(db: AsyncSession, order_id: UUID, *, channel: Channel = Channel.WECHAT_JSAPI) -> Payment:
    """Open a payment for an order and let the provider tell that it is captured."""
    payment = await open_payment(db, order_id, channel=channel)
    assert await apply_paid(db, paid(payment)) is Applied.APPLIED
    return payment


async def pay_late(db: AsyncSession, payment: Payment) -> Applied:
    """Let the provider tell that a payment was captured after all."""
    return await apply_paid(db, paid(payment))


async def refunds_of(db: AsyncSession, order_id: UUID) -> list[Refund]:
    rows = await db.scalars(
        select(Refund)
        .where(Refund.hospital_id == hospital_of(order_id), Refund.order_id == order_id)
        .order_by(Refund.id)
        .execution_options(populate_existing=True)
    )
    return list(rows)


async def let_refunds_arrive(db: AsyncSession, order_id: UUID) -> None:
    """Let the provider tell that all refunds of an order have arrived."""
    for refund in await refunds_of(db, order_id):
        await apply_refunded(db, refunded(refund))


async def database_time(db: AsyncSession) -> datetime:
    now: datetime = (await db.scalars(select(func.clock_timestamp()))).one()
    return now
