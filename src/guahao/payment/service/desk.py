"""Money over the counter: captured at the moment somebody of the desk takes it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.kernel.ids import new_id
from guahao.payment.models import Channel, Order, OrderState, Payment, PaymentState
from guahao.payment.models.order import PAYABLE
from guahao.payment.ports import Paid, Provider, Source
from guahao.payment.service.facts import apply_paid
from guahao.payment.service.order import OrderNotPayable, close_payments, locked


async def take_cash(db: AsyncSession, *, order_id: UUID, by: str) -> Payment:
    """Record that an order was paid in cash, in full; the amount is the order's.

    Open payments at providers are asked to end; what still comes in by them goes back. Raises
    `NotFound`, `OrderNotPayable`.
    """
    order = await locked(db, order_id)
    now: datetime = (await db.scalars(select(func.clock_timestamp()))).one()
    is_over = order.expires_at is not None and order.expires_at <= now
    if order.state not in PAYABLE or is_over or not order.payable_fen:
        raise OrderNotPayable(state=order.state.value)
    await close_payments(db, order)
    payment = await _write(db, order, by=by, now=now)
    await apply_paid(
        db,
        Paid(
            provider=Provider.CASH,
            source=Source.DESK,
            message_id=payment.out_trade_no,
            out_trade_no=payment.out_trade_no,
            transaction_id=f"cash:{payment.out_trade_no}",
            amount_fen=payment.amount_fen,
            paid_at=now,
        ),
    )
    await db.refresh(payment)
    return payment


async def _write(db: AsyncSession, order: Order, *, by: str, now: datetime) -> Payment:
    payment = Payment(
        hospital_id=order.hospital_id,
        id=new_id(order.hospital_id),
        order_id=order.id,
        channel=Channel.CASH,
        state=PaymentState.OPEN,
        amount_fen=order.payable_fen,
        payer_account_id=None,
        device_index=None,
        taken_by=by,
        expires_at=now,
        due_at=now,
    )
    db.add(payment)
    order.state = OrderState.PAYING
    await db.flush()
    await record(
        db,
        AuditEntry(
            hospital_id=order.hospital_id,
            actor=by,
            action="payment.take_cash",
            subject=f"payment:{payment.id}",
            data={"order_id": str(order.id), "amount_fen": payment.amount_fen},
        ),
    )
    return payment
