"""The desk takes money: cash over the counter, or a code that the payer scans."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel import idempotency
from guahao.kernel.db import transaction
from guahao.kernel.errors import NotFound
from guahao.kernel.http import AllSessions, Body, Once, problems
from guahao.kernel.ids import hospital_of, parse_id
from guahao.kernel.qr import qr_image
from guahao.payment.api_patient.gateways import AllGateways
from guahao.payment.api_staff.schemas import PaymentSeen
from guahao.payment.models import Channel, Payment
from guahao.payment.service.checkout import ChannelRefusedPayment, ChannelUnavailable, open_payment
from guahao.payment.service.desk import take_cash
from guahao.payment.service.opening import ChannelNotOffered, TooManyPayments, Wish
from guahao.payment.service.order import OrderNotPayable

router = APIRouter(prefix="/orders", tags=["payment: staff"])

Cashier = Annotated[StaffRef, Depends(staff(Permission.TAKE_PAYMENT))]


class DeskPaymentIn(Body):
    """By which way the person at the desk pays; the amount is the order's."""

    channel: Literal[Channel.CASH, Channel.WECHAT_NATIVE, Channel.ALIPAY_QR]


class DeskPaymentSeen(BaseModel):
    """A payment at the desk; `qr_code` is what the payer scans, `qr_image` its picture, null for cash."""

    payment: PaymentSeen
    qr_code: str | None
    qr_image: str | None

    @classmethod
    def of(cls, payment: Payment, *, qr_code: str | None = None) -> DeskPaymentSeen:
        """Show a payment."""
        image = None if qr_code is None else qr_image(qr_code)
        return cls(payment=PaymentSeen.of(payment), qr_code=qr_code, qr_image=image)


@router.post(
    "/{order_id}/payments",
    status_code=201,
    response_model=DeskPaymentSeen,
    responses=problems(
        NotLoggedIn,
        PermissionMissing,
        NotFound,
        OrderNotPayable,
        ChannelNotOffered,
        ChannelRefusedPayment,
        ChannelUnavailable,
        TooManyPayments,
        idempotency.IdempotencyKeyReused,
        idempotency.RequestInProgress,
    ),
)
async def take_payment(
    order_id: str,
    body: DeskPaymentIn,
    sessions: AllSessions,
    who: Cashier,
    once: Once,
    gateways: AllGateways,
) -> Response:
    """Take an order's money at the desk; asking again for a code answers the one that is open."""
    id_ = parse_id(order_id)
    who.require(hospital_of(id_))
    by = f"staff:{who.id}"
    async with transaction(sessions) as db:
        claim = await once.claim(db, owner=by)
        if body.channel is Channel.CASH:
            taken = await take_cash(db, order_id=id_, by=by)
            return await claim.answer(DeskPaymentSeen.of(taken), status=201)
        if claim.claimed is not None:
            await idempotency.give_back(db, [claim.claimed[1]])  # asking for a code twice opens one payment
    wish = Wish(order_id=id_, channel=Channel(body.channel), actor=by, account_id=None)
    opened = await open_payment(sessions, gateways=gateways, wish=wish, return_url=None)
    out = DeskPaymentSeen.of(opened.payment, qr_code=opened.prepared.params["qr_code"])
    async with transaction(sessions) as db:
        return await (await once.claim(db, owner=by)).answer(out, status=201)
