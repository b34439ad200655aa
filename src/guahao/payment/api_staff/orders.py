"""Staff read orders and ask for refunds of them."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound
from guahao.kernel.export import Form
from guahao.kernel.http import Body, CountedPage, Db, Keys, Once, problems
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.kernel.ids import hospital_of, parse_id
from guahao.kernel.paging import page_of, parts_of
from guahao.kernel.value.fields import Id
from guahao.payment.api_staff.lists import EXPORTED, LISTED, as_download, order_ids
from guahao.payment.api_staff.schemas import (
    AmountFen,
    Found,
    Note,
    OrderFileSeen,
    OrderSeen,
    RefundSeen,
)
from guahao.payment.api_staff.showing import file_seen, refund_seen
from guahao.payment.models import Order, OrderState
from guahao.payment.queries import lists
from guahao.payment.queries import staff as queries
from guahao.payment.queries.sheets import orders_sheet
from guahao.payment.service import approval
from guahao.payment.service.refund import OrderNotPaid, RefundTooLarge

router = APIRouter(prefix="/orders", tags=["payment: staff"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_ORDERS))]
Finance = Annotated[StaffRef, Depends(staff(Permission.MANAGE_MONEY))]


class OrderSearch(Found):
    """What to look for; every part but the hospital may be left open."""

    hospital_id: Annotated[int, Field(ge=1, le=16_777_215)]
    state: OrderState | None = None
    account_id: Id | None = None
    subject: Annotated[str | None, Field(max_length=100)] = None


@router.get("", responses=LISTED)
async def list_orders(
    search: Annotated[OrderSearch, Query()], db: Db, keys: Keys, who: Viewer
) -> CountedPage[OrderSeen]:
    """A hospital's orders, newest first unless asked otherwise; sorted by `created_at`."""
    who.require(search.hospital_id)
    wanted = await _wanted(db, search, keys)
    return CountedPage.of(await page_of(db, wanted, listing=lists.ORDERS, asked=search.asked), OrderSeen.of)


@router.get(".{form}", response_class=Response, responses=EXPORTED)
async def export_orders(
    form: Form, search: Annotated[OrderSearch, Query()], db: Db, keys: Keys, who: Viewer
) -> Response:
    """The same orders as a file, at most 50,000; the export is kept in the audit trail."""
    who.require(search.hospital_id)
    wanted = await _wanted(db, search, keys)
    parts = parts_of(db, wanted, listing=lists.ORDERS, sort=search.sort)
    return await as_download(
        db,
        (partial(orders_sheet, rows) async for rows in parts),
        name="orders",
        form=form,
        search=search,
        who=who,
        hospital_id=search.hospital_id,
    )


async def _wanted(db: AsyncSession, search: OrderSearch, keys: KeyRing) -> Select[Order]:
    return lists.orders(
        lists.OrderFilter(
            hospital_id=search.hospital_id,
            state=search.state,
            account_id=parse_id(search.account_id) if search.account_id else None,
            subject=search.subject,
            span=search.span,
            ids=await order_ids(db, q=search.q, hospital_id=search.hospital_id, keys=keys),
        )
    )


@router.get("/{order_id}", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def read_order(order_id: str, db: Db, who: Viewer) -> OrderFileSeen:
    """One order with its payments, refunds, entries in the books and cases."""
    id_ = parse_id(order_id)
    who.require(hospital_of(id_))
    return await file_seen(db, await queries.order_file(db, order_id=id_), who)


class RefundRuleOut(BaseModel):
    """How much of an order the reader may send back: at all, and without a second person."""

    refundable_fen: int
    alone_up_to_fen: int


@router.get("/{order_id}/refund-rule", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def show_refund_rule(order_id: str, db: Db, who: Finance) -> RefundRuleOut:
    """What holds if you ask for a refund of this order now."""
    id_ = parse_id(order_id)
    who.require(hospital_of(id_))
    rule = await approval.refund_rule(db, order_id=id_, by=f"staff:{who.id}")
    return RefundRuleOut(refundable_fen=rule.refundable_fen, alone_up_to_fen=rule.alone_up_to_fen)


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
    return await claim.answer(await refund_seen(db, row, who), status=201)
