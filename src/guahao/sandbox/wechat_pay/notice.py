"""Notifications of WeChat Pay: what they tell, how they are sealed and signed, when they come again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Json
from guahao.kernel.i18n import text
from guahao.sandbox import delivery, faults
from guahao.sandbox.delivery import Outgoing
from guahao.sandbox.keys import SandboxKeys
from guahao.sandbox.models import Disorder, SandboxDelivery, SandboxRefund, SandboxTrade
from guahao.sandbox.wechat_pay import told
from guahao.sandbox.wechat_pay.message import SIGNING_FAULTS, Signing, local_text, sealed, signature_headers

_WAITS = "15s 15s 30s 3m 10m 20m 30m 30m 30m 60m 3h 3h 3h 6h 6h"
_UNITS = {"s": 1, "m": 60, "h": 3600}
_PROBE = "WECHATPAY/SIGNTEST/"


class WeChatNotifier:
    """Writes and repeats notifications as WeChat Pay does."""

    schedule: Sequence[timedelta] = tuple(
        timedelta(seconds=int(wait[:-1]) * _UNITS[wait[-1]]) for wait in _WAITS.split()
    )

    def __init__(self, keys: SandboxKeys) -> None:
        """Sign and seal with `keys`."""
        self._keys = keys

    def write(self, delivery: SandboxDelivery, disorder: Disorder, *, now: datetime) -> Outgoing:
        """Write one attempt; its signature carries the time of the attempt, its id stays."""
        kind = "refund" if delivery.event.startswith("REFUND.") else "transaction"
        content = msgspec.json.encode(delivery.content["resource"])
        resource = sealed(content, associated=kind, apiv3=self._keys.apiv3)
        envelope = {
            "id": delivery.event_id,
            "create_time": local_text(delivery.created_at),
            "resource_type": "encrypt-resource",
            "event_type": delivery.event,
            "summary": text(f"sandbox-wechat.{delivery.event}"),
            "resource": {"original_type": kind, **resource},
        }
        body = msgspec.json.encode(envelope)
        by_certificate = Signing(delivery.content["signing"]).by_certificate(delivery.id)
        headers = signature_headers(body, keys=self._keys, by_certificate=by_certificate, now=now)
        headers["Content-Type"] = "application/json"
        if disorder is Disorder.TAMPERED:
            body = _one_byte_changed(body)
        if disorder is Disorder.PROBE:
            headers["Wechatpay-Signature"] = _PROBE + headers["Wechatpay-Signature"]
        return Outgoing(headers=headers, body=body)

    def is_acknowledged(self, status: int, body: bytes) -> bool:
        """Take 200 and 204; what is said besides does not matter."""
        _ = body
        return status in {200, 204}


def _one_byte_changed(body: bytes) -> bytes:
    place = body.index(b'"ciphertext":"') + len(b'"ciphertext":"')
    return body[:place] + (b"B" if body[place : place + 1] == b"A" else b"A") + body[place + 1 :]


async def tell_paid(
    db: AsyncSession, trade: SandboxTrade, *, mchid: str, time_scale: float, now: datetime
) -> None:
    """Owe the merchant the news of a payment."""
    content = told.described(trade, mchid=mchid, state="SUCCESS")
    await _tell(
        db,
        trade,
        event="TRANSACTION.SUCCESS",
        notify_url=trade.notify_url,
        resource=content,
        time_scale=time_scale,
        now=now,
    )


async def tell_refund(
    db: AsyncSession,
    refund: SandboxRefund,
    trade: SandboxTrade,
    *,
    mchid: str,
    time_scale: float,
    now: datetime,
) -> None:
    """Owe the merchant the news of a refund that is settled, if it gave an address."""
    if refund.notify_url is not None:
        content = told.refund_told(refund, trade, mchid=mchid)
        await _tell(
            db,
            trade,
            event=f"REFUND.{refund.state.value.upper()}",
            notify_url=refund.notify_url,
            resource=content,
            time_scale=time_scale,
            now=now,
        )


async def _tell(
    db: AsyncSession,
    trade: SandboxTrade,
    *,
    event: str,
    notify_url: str,
    resource: Json,
    time_scale: float,
    now: datetime,
) -> None:
    signing = Signing.of(await faults.taken(db, provider=trade.provider, kinds=SIGNING_FAULTS))
    await delivery.announce(
        db,
        provider=trade.provider,
        out_trade_no=trade.out_trade_no,
        event_id=str(uuid4()),
        event=event,
        notify_url=notify_url,
        content={"resource": resource, "signing": signing.value},
        time_scale=time_scale,
        now=now,
    )
