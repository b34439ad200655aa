"""What a patient sees of an order."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from guahao.identity.access import CurrentAccount
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Db, problems
from guahao.kernel.ids import parse_id
from guahao.payment import queries
from guahao.payment.models import Order, OrderState

router = APIRouter(prefix="/api/v1/orders", tags=["payment"])


class OrderOut(BaseModel):
    """An order: how much, how far, until when it can be paid."""

    id: str
    amount_fen: int
    state: OrderState
    expires_at: datetime | None
    paid_at: datetime | None

    @classmethod
    def of(cls, order: Order) -> OrderOut:
        """Show a row."""
        return cls(
            id=str(order.id),
            amount_fen=order.amount_fen,
            state=order.state,
            expires_at=order.expires_at,
            paid_at=order.paid_at,
        )


@router.get("/{order_id}", responses=problems(NotFound))
async def read_order(order_id: str, db: Db, account: CurrentAccount) -> OrderOut:
    """Read one of your own orders."""
    return OrderOut.of(await queries.order_of_account(db, order_id=parse_id(order_id), account_id=account.id))
