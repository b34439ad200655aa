"""What a patient sees of an order, and how it is paid."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from guahao.identity.access import AccountRef, CurrentAccount, per_account
from guahao.identity.queries import openid_of
from guahao.identity.service.account import WeChatAccountBlocked, WeChatLoginRefused, WeChatUnavailable
from guahao.identity.service.openid import openid_by_code
from guahao.kernel import idempotency
from guahao.kernel.db import transaction
from guahao.kernel.errors import NotFound, Problem, TooManyRequests
from guahao.kernel.http import Body, Db, IdempotencyContext, Once, problems
from guahao.kernel.ids import parse_id
from guahao.kernel.qr import qr_image
from guahao.kernel.settings import Environment
from guahao.kernel.value.fields import opaque
from guahao.payment import queries
from guahao.payment.api_patient.gateways import AllGateways, OpenTill, Till
from guahao.payment.models import Channel, Order, OrderState, PaymentState, RefundReason
from guahao.payment.queries.progress import Progress, RefundProgress, progress_of
from guahao.payment.service.checkout import (
    ChannelRefusedPayment,
    ChannelUnavailable,
    Opened,
    open_payment,
)
from guahao.payment.service.opening import ChannelNotOffered, TooManyPayments, Wish
from guahao.payment.service.order import OrderNotPayable
from guahao.payment.service.page import hand_out

router = APIRouter(prefix="/api/v1/orders", tags=["payment"])

_PAGES = (Channel.ALIPAY_WAP, Channel.ALIPAY_PAGE)


class PayerUnknown(Problem):
    """WeChat Pay must know who pays: send `js_code` of wx.login with the request."""

    code = "payer-unknown"
    status = 409


class RefundOut(BaseModel):
    """A refund: how much, how far, and when it should have arrived at the latest.

    `state` is requested, submitted (the provider has taken it), arrived, or attention: somebody of the
    hospital is looking after it.
    """

    id: str
    amount_fen: int
    reason: RefundReason
    state: Literal["requested", "submitted", "arrived", "attention"]
    text: str
    requested_at: datetime
    submitted_at: datetime | None
    arrived_at: datetime | None
    expected_by: datetime | None

    @classmethod
    def of(cls, refund: RefundProgress) -> RefundOut:
        """Show a refund."""
        return cls(
            id=str(refund.id),
            amount_fen=refund.amount_fen,
            reason=refund.reason,
            state=refund.stage.value,
            text=refund.text,
            requested_at=refund.requested_at,
            submitted_at=refund.submitted_at,
            arrived_at=refund.arrived_at,
            expected_by=refund.expected_by,
        )


class OrderOut(BaseModel):
    """An order: how much, how far, until when and by which channels it can be paid, and its refunds.

    `state` is as the providers told us; a client polls it after paying and trusts nothing else.
    """

    id: str
    amount_fen: int
    payable_fen: int
    state: OrderState
    expires_at: datetime | None
    paid_at: datetime | None
    paid_by: Channel | None
    channels: list[Channel]
    refunds: list[RefundOut]

    @classmethod
    def of(cls, order: Order, progress: Progress) -> OrderOut:
        """Show a row."""
        return cls(
            id=str(order.id),
            amount_fen=order.amount_fen,
            payable_fen=order.payable_fen,
            state=order.state,
            expires_at=order.expires_at,
            paid_at=order.paid_at,
            paid_by=progress.paid_by,
            channels=progress.channels,
            refunds=[RefundOut.of(refund) for refund in progress.refunds],
        )


@router.get("/{order_id}", responses=problems(NotFound))
async def read_order(order_id: str, db: Db, account: CurrentAccount, gateways: AllGateways) -> OrderOut:
    """Read one of your own orders, with the way its refunds have come."""
    order = await queries.order_of_account(db, order_id=parse_id(order_id), account_id=account.id)
    return OrderOut.of(order, await progress_of(db, order, gateways=gateways))


class PaymentIn(Body):
    """The way to pay. The amount is the order's; nobody sends one.

    `js_code` of wx.login tells WeChat Pay who pays, needed for wechat_jsapi by accounts that never
    logged in by WeChat.
    """

    channel: Literal[
        Channel.WECHAT_JSAPI,
        Channel.WECHAT_NATIVE,
        Channel.ALIPAY_WAP,
        Channel.ALIPAY_PAGE,
        Channel.ALIPAY_QR,
    ]
    js_code: Annotated[str, opaque(128)] | None = None


class PaymentOut(BaseModel):
    """An opened payment. `params` is what the client passes to the channel, unchanged.

    wechat_jsapi: the arguments of wx.requestPayment. wechat_native, alipay_qr: `qr_code`, and in
    `qr_image` a PNG of it as a QR code, a `data:` URI. alipay_wap, alipay_page: `url`, to be opened in a
    browser outside WeChat within 15 minutes.
    """

    id: str
    state: PaymentState
    channel: Channel
    amount_fen: int
    expires_at: datetime
    params: dict[str, str]

    @classmethod
    def of(cls, opened: Opened, params: dict[str, str]) -> PaymentOut:
        """Show a payment that was just opened."""
        row = opened.payment
        return cls(
            id=str(row.id),
            state=row.state,
            channel=row.channel,
            amount_fen=row.amount_fen,
            expires_at=row.expires_at,
            params=params,
        )


async def _payer(till: Till, body: PaymentIn, account: AccountRef) -> str | None:
    """The openid that pays, for the channel that needs one; a fresh code goes before what we know."""
    if body.channel is not Channel.WECHAT_JSAPI:
        return None
    if body.js_code is not None:
        return await openid_by_code(till.wechat, js_code=body.js_code)
    async with transaction(till.sessions) as db:
        known = await openid_of(db, account_id=account.id)
    if known is None and till.settings.environment is Environment.DEMO:
        return f"o{account.id.hex}"[:28]  # so that the sandbox can be paid from any client
    if known is None:
        raise PayerUnknown
    return known


async def _check_key(till: Till, account: AccountRef, once: IdempotencyContext) -> None:
    """Answer a repeated request as the first time, refuse a key of another body, before anything else."""
    async with transaction(till.sessions) as db:
        claim = await once.claim(db, owner=str(account.id))
        if claim.claimed is not None:
            await idempotency.give_back(db, [claim.claimed[1]])


@router.post(
    "/{order_id}/payments",
    status_code=201,
    response_model=PaymentOut,
    responses=problems(
        NotFound,
        OrderNotPayable,
        ChannelNotOffered,
        TooManyPayments,
        PayerUnknown,
        ChannelRefusedPayment,
        ChannelUnavailable,
        WeChatLoginRefused,
        WeChatAccountBlocked,
        WeChatUnavailable,
        idempotency.IdempotencyKeyReused,
        idempotency.RequestInProgress,
        TooManyRequests,
    ),
    dependencies=[Depends(per_account("pay", a_minute=30))],  # providers take so many from all of us
)
async def pay_order(
    order_id: str, body: PaymentIn, till: OpenTill, account: CurrentAccount, once: Once
) -> Response:
    """Open a payment for one of your orders.

    Asking again by the same channel answers the same payment; another channel ends the first one. The
    money counts when the provider has told us: poll the order.
    """
    await _check_key(till, account, once)
    wish = Wish(
        order_id=parse_id(order_id),
        channel=Channel(body.channel),
        actor=f"account:{account.id}",
        account_id=account.id,
        payer=await _payer(till, body, account),
        device_index=till.device_index,
    )
    opened = await open_payment(till.sessions, gateways=till.gateways, wish=wish, return_url=None)
    async with transaction(till.sessions) as db:
        claim = await once.claim(db, owner=str(account.id))
        params = dict(opened.prepared.params)
        if wish.channel in _PAGES:
            token = await hand_out(db, payment=opened.payment, keys=till.keys)
            params = {"url": f"{till.settings.public_url}/p/{token}"}
        elif "qr_code" in params:
            params["qr_image"] = qr_image(params["qr_code"])
        return await claim.answer(PaymentOut.of(opened, params), status=201)
