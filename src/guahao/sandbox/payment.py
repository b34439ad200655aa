"""The cashier of the sandbox: pays an order at a tap, gives refunds back at once."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.access import public
from guahao.kernel.errors import NotFound
from guahao.kernel.events import Reaction, on
from guahao.kernel.http import Db, problems
from guahao.kernel.ids import parse_id
from guahao.payment import service
from guahao.payment.events import RefundRequested
from guahao.payment.queries import OrderState

router = APIRouter(prefix="/sandbox/orders", tags=["sandbox"], dependencies=[Depends(public)])


class PaidOut(BaseModel):
    """An order that was just paid."""

    id: str
    state: OrderState
    amount_fen: int


@router.post("/{order_id}/pay", responses=problems(NotFound, service.OrderNotPayable))
async def pay(order_id: str, db: Db) -> PaidOut:
    """Pay an open order in full, as a payer at WeChat or Alipay would.

    The appointment is booked a moment later, when the payment has been told to it.
    """
    order = await service.settle(db, order_id=parse_id(order_id))
    return PaidOut(id=str(order.id), state=order.state, amount_fen=order.amount_fen)


async def give_refund_back(db: AsyncSession, event: RefundRequested) -> None:
    """The sandbox's bank is quick: the payer has the money back at once."""
    await service.refund_arrived(db, order_id=event.order_id)


REACTIONS: tuple[Reaction, ...] = (on(RefundRequested, give_refund_back),)
