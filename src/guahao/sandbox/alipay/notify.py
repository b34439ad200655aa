"""What Alipay tells the merchant: forms, signed at each attempt, whose notify_id stays the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.sandbox import trade
from guahao.sandbox.alipay.protocol import form_signed, local_text, yuan
from guahao.sandbox.alipay.shop import BUYER_ID, BUYER_LOGON_ID, AlipayShop, new_number
from guahao.sandbox.delivery import Outgoing, announce
from guahao.sandbox.keys import SandboxKeys
from guahao.sandbox.models import (
    Disorder,
    SandboxDelivery,
    SandboxProvider,
    SandboxRefund,
    SandboxTrade,
    TradeState,
)


class AlipayNotifier:
    """Writes and repeats notifications as Alipay does: forms, acknowledged by the seven letters `success`."""

    schedule: Sequence[timedelta] = (
        timedelta(minutes=4),
        timedelta(minutes=10),
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(hours=2),
        timedelta(hours=6),
        timedelta(hours=15),
    )

    def __init__(self, keys: SandboxKeys) -> None:
        """Sign with Alipay's key among `keys`."""
        self._key = keys.alipay

    def write(self, delivery: SandboxDelivery, disorder: Disorder, *, now: datetime) -> Outgoing:
        """Write one attempt; Alipay sends no probes, so every disorder is a message that was changed."""
        fields = form_signed(self._key, {**delivery.content, "notify_time": local_text(now)})
        if disorder is not Disorder.NONE:
            fields["total_amount"] = f"1{fields['total_amount']}"
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return Outgoing(headers=headers, body=urlencode(fields).encode())

    def is_acknowledged(self, status: int, body: bytes) -> bool:
        """Take nothing but `success`."""
        return status == 200 and body.strip().lower() == b"success"


def status_of(found: SandboxTrade) -> str:
    """Alipay's word for how far a trade is; one whose money went back whole is closed."""
    if found.state is TradeState.OPEN:
        return "WAIT_BUYER_PAY"
    if found.state is TradeState.CLOSED or found.refunded_fen == found.amount_fen:
        return "TRADE_CLOSED"
    return "TRADE_SUCCESS"


async def capture(db: AsyncSession, shop: AlipayShop, found: SandboxTrade) -> bool:
    """Take the payer's money and owe the merchant the news; False if it cannot be paid (any more)."""
    now = shop.clock()
    found.asked = {**found.asked, "opened": True}
    if not trade.capture(found, transaction_id=found.asked["trade_no"], payer=BUYER_ID, now=now):
        return False
    await _tell(db, shop, found, _described(shop, found), now=now)
    return True


async def tell_unpaid(db: AsyncSession, shop: AlipayShop, found: SandboxTrade) -> None:
    """Owe the merchant the news that somebody opened a trade, or that its time went by unpaid."""
    now = shop.clock()
    further = {} if found.closed_at is None else {"gmt_close": local_text(found.closed_at)}
    await _tell(db, shop, found, {**_described(shop, found), **further}, now=now)


async def tell_refunded(db: AsyncSession, shop: AlipayShop, found: SandboxTrade, made: SandboxRefund) -> None:
    """Owe the merchant the news of a refund: the trade as it stands now, with all that went back."""
    further = {
        "gmt_refund": f"{local_text(made.created_at)}.000",
        "refund_fee": yuan(found.refunded_fen),
        "out_biz_no": made.out_refund_no,
    }
    await _tell(db, shop, found, {**_described(shop, found), **further}, now=made.created_at)


def _described(shop: AlipayShop, found: SandboxTrade) -> dict[str, str]:
    amount = yuan(found.amount_fen)
    told = {
        "notify_type": "trade_status_sync",
        "charset": "utf-8",
        "version": "1.0",
        "app_id": shop.app_id,
        "auth_app_id": shop.app_id,
        "trade_no": found.asked["trade_no"],
        "out_trade_no": found.out_trade_no,
        "buyer_id": BUYER_ID,
        "buyer_logon_id": BUYER_LOGON_ID,
        "seller_id": shop.seller_id,
        "trade_status": status_of(found),
        "subject": found.title,
        "total_amount": amount,
        "gmt_create": local_text(found.created_at),
    }
    if found.paid_at is None:
        return told
    return told | {
        "receipt_amount": amount,
        "buyer_pay_amount": amount,
        "invoice_amount": amount,
        "point_amount": "0.00",
        "gmt_payment": local_text(found.paid_at),
        "fund_bill_list": json.dumps([{"amount": amount, "fundChannel": "ALIPAYACCOUNT"}]),
    }


async def _tell(
    db: AsyncSession, shop: AlipayShop, found: SandboxTrade, content: dict[str, str], *, now: datetime
) -> None:
    if not found.notify_url:
        return
    notify_id = new_number(now)
    await announce(
        db,
        provider=SandboxProvider.ALIPAY,
        out_trade_no=found.out_trade_no,
        event_id=notify_id,
        event="REFUND" if "out_biz_no" in content else content["trade_status"],
        notify_url=found.notify_url,
        content={**content, "notify_id": notify_id},
        time_scale=shop.time_scale,
        now=now,
    )
