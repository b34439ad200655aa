"""How money goes back to whoever paid it: the way it came."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.i18n import text
from guahao.kernel.money import yuan_text
from guahao.payment.models import Channel, Order, Payment, Refund, RefundState


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPayment:
    """The payment that stands for an order; `left_fen` goes back if the order is called off now."""

    channel: Channel
    left_fen: int


async def kept_payments(db: AsyncSession, orders: Collection[Order]) -> Mapping[UUID, KeptPayment]:
    """The kept payments of orders, by order; of who paid twice the other one goes back by its own way."""
    ids = [order.paid_payment_id for order in orders if order.paid_payment_id is not None]
    if not ids:
        return {}
    waiting_fen = (
        select(func.coalesce(func.sum(Refund.amount_fen), 0))
        .where(Refund.hospital_id == Payment.hospital_id, Refund.payment_id == Payment.id)
        .where(Refund.state == RefundState.AWAITING_APPROVAL)
        .scalar_subquery()
    )
    rows = await db.execute(
        select(
            Payment.order_id, Payment.channel, Payment.captured_fen - Payment.refunded_fen + waiting_fen
        ).where(Payment.hospital_id.in_({order.hospital_id for order in orders}), Payment.id.in_(ids))
    )
    return {order_id: KeptPayment(channel=channel, left_fen=left) for order_id, channel, left in rows}


def way_back_text(channel: Channel) -> str:
    """How long it takes, and for cash where and with what paper; a part of a sentence."""
    return text(f"way-back.{channel.provider.value}")


def money_back_text(kept: KeptPayment | None) -> str:
    """What becomes of the money if the order is called off now; a part of a sentence."""
    if kept is None or not kept.left_fen:
        return text("money-back.nothing")
    return text("money-back.left", amount=yuan_text(kept.left_fen), way=way_back_text(kept.channel))
