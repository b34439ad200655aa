"""Staff read orders and ask for refunds of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Body, Db, Once, Page, problems
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.kernel.ids import hospital_of, parse_id
from guahao.payment.api_staff.schemas import (
    AmountFen,
    Day,
    Id,
    Note,
    OrderFileSeen,
    OrderSeen,
    RefundSeen,
    before,
    midnight,
    page,
)
from guahao.payment.models import OrderState
from guahao.payment.queries import staff as queries
from guahao.payment.service import approval
from guahao.payment.service.refund import OrderNotPaid, RefundTooLarge

router = APIRouter(prefix="/orders", tags=["payment: staff"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_ORDERS))]
Finance = Annotated[StaffRef, Depends(staff(Permission.MANAGE_MONEY))]


class OrderSearch(BaseModel):
    """What to look for; every part but the hospital may be left open. Days are local, `to` excluded."""

    hospital_id: Annotated[int, Field(ge=1, le=16_777_215)]
    state: OrderState | None = None
    account_id: Id | None = None
    subject: Annotated[str | None, Field(max_length=100)] = None
    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None
    cursor: Id | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@router.get("", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def list_orders(search: Annotated[OrderSearch, Query()], db: Db, who: Viewer) -> Page[OrderSeen]:
    """A hospital's orders, newest first."""
    who.require(search.hospital_id)
    wanted = queries.OrderFilter(
        hospital_id=search.hospital_id,
        state=search.state,
        account_id=parse_id(search.account_id) if search.account_id else None,
        subject=search.subject,
        starts_at=midnight(search.from_),
        ends_at=midnight(search.to),
    )
    rows = await queries.orders_of_hospital(
        db, wanted=wanted, before=before(search.cursor), limit=search.limit + 1
    )
    return page(OrderSeen, rows, limit=search.limit)


@router.get("/{order_id}", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def read_order(order_id: str, db: Db, who: Viewer) -> OrderFileSeen:
    """One order with its payments, refunds, entries in the books and cases."""
    id_ = parse_id(order_id)
    who.require(hospital_of(id_))
    return OrderFileSeen.of(await queries.order_file(db, order_id=id_))


class RefundIn(Body):
    """How much goes back and why; `payment_id` names a disputed payment, else it is the one kept."""

    amount_fen: AmountFen
    note: Note
    payment_id: Id | None = None


@router.post(
    "/{order_id}/refunds",
    status_code=201,
    response_model=RefundSeen,
    responses=problems(
        NotLoggedIn,
        PermissionMissing,
        NotFound,
        OrderNotPaid,
        RefundTooLarge,
        IdempotencyKeyReused,
        RequestInProgress,
    ),
)
async def request_refund(order_id: str, body: RefundIn, db: Db, who: Finance, once: Once) -> Response:
    """Send a part of an order's money back; above the hospital's limit a second person approves it."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    id_ = parse_id(order_id)
    who.require(hospital_of(id_))
    wish = approval.RefundWish(
        order_id=id_,
        payment_id=parse_id(body.payment_id) if body.payment_id else None,
        amount_fen=body.amount_fen,
        note=body.note,
    )
    row = await approval.request_refund(db, wish=wish, by=f"staff:{who.id}")
    return await claim.answer(RefundSeen.of(row), status=201)
