"""The desk takes money: cash over the counter, or a code that the payer scans."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.db import transaction
from guahao.kernel.errors import NotFound
from guahao.kernel.http import AllSessions, Body, Once, problems
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.kernel.ids import hospital_of, parse_id
from guahao.payment.api_staff.schemas import PaymentOut
from guahao.payment.models import Channel
from guahao.payment.ports import Gateways
from guahao.payment.service.checkout import ChannelRefusedPayment, ChannelUnavailable, open_payment
from guahao.payment.service.desk import take_cash
from guahao.payment.service.opening import ChannelNotOffered, TooManyPayments, Wish
from guahao.payment.service.order import OrderNotPayable

router = APIRouter(prefix="/orders", tags=["payment: staff"])

Cashier = Annotated[StaffRef, Depends(staff(Permission.TAKE_PAYMENT))]


async def _gateways(request: Request) -> Gateways:
    gateways: Gateways = request.app.state.gateways
    return gateways


class DeskPaymentIn(Body):
    """By which way the person at the desk pays; the amount is the order's."""

    channel: Literal[Channel.CASH, Channel.WECHAT_NATIVE, Channel.ALIPAY_QR]


class DeskPaymentOut(BaseModel):
    """A payment at the desk; `qr_code` is the text to show as a code, null for cash."""

    payment: PaymentOut
    qr_code: str | None


@router.post(
    "/{order_id}/payments",
    status_code=201,
    response_model=DeskPaymentOut,
    responses=problems(
        NotLoggedIn,
        PermissionMissing,
        NotFound,
        OrderNotPayable,
        ChannelNotOffered,
        ChannelRefusedPayment,
        ChannelUnavailable,
        TooManyPayments,
        IdempotencyKeyReused,
        RequestInProgress,
    ),
)
async def take_payment(
    order_id: str,
    body: DeskPaymentIn,
    sessions: AllSessions,
    who: Cashier,
    once: Once,
    gateways: Annotated[Gateways, Depends(_gateways)],
) -> Response:
    """Take an order's money at the desk; asking again for a code answers the one that is open."""
    id_ = parse_id(order_id)
    who.require(hospital_of(id_))
    by = f"staff:{who.id}"
    if body.channel is Channel.CASH:
        async with transaction(sessions) as db:
            claim = await once.claim(db, owner=by)
            payment = await take_cash(db, order_id=id_, by=by)
            return await claim.answer(
                DeskPaymentOut(payment=PaymentOut.of(payment), qr_code=None), status=201
            )
    wish = Wish(order_id=id_, channel=body.channel, actor=by, account_id=None)
    opened = await open_payment(sessions, gateways=gateways, wish=wish, return_url=None)
    out = DeskPaymentOut(payment=PaymentOut.of(opened.payment), qr_code=opened.prepared.params["qr_code"])
    return Response(out.model_dump_json(), 201, media_type="application/json")
