"""Reads what WeChat Pay posts to our notify addresses: verify, decrypt, check the merchant."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from guahao.adapters.wechat_pay.keys import WeChatPayKeys
from guahao.adapters.wechat_pay.message import (
    CURRENCY,
    Moment,
    Name,
    PaidOrder,
    PaidState,
    RefundNotice,
    decoded,
    paid,
    refunded_by_notice,
)
from guahao.adapters.wechat_pay.signing import distrust
from guahao.payment.ports import NotificationRefused, Paid, Refunded, RefusalKind, Source

T = TypeVar("T")

_ALGORITHM = "AEAD_AES_256_GCM"
_PAID_EVENT = "TRANSACTION.SUCCESS"
_REFUND_EVENT = "REFUND."


class _Resource(msgspec.Struct):
    algorithm: str
    ciphertext: str
    nonce: str
    associated_data: str = ""


class _Envelope(msgspec.Struct):
    id: Name
    create_time: Moment
    event_type: str
    resource: _Resource


def read(
    headers: Mapping[str, str],
    body: bytes,
    *,
    keys: WeChatPayKeys,
    mchid: str,
    app_id: str,
    now: datetime,
) -> Paid | Refunded:
    """Answer the fact a notification tells, without any call. Raises `NotificationRefused`.

    The envelope's id is the fact's message id: a repeated notification keeps it.
    """
    refusal = distrust(headers, body, keys=keys.verification, now=now)
    if refusal is not None:
        raise NotificationRefused(refusal)
    envelope = _read(body, _Envelope)
    content = _opened(envelope.resource, keys.apiv3)
    if envelope.event_type == _PAID_EVENT:
        return _paid(envelope, content, mchid=mchid, app_id=app_id)
    if envelope.event_type.startswith(_REFUND_EVENT):
        return _refunded(envelope, content, mchid=mchid)
    raise NotificationRefused(RefusalKind.CONTENT)


def _paid(envelope: _Envelope, content: bytes, *, mchid: str, app_id: str) -> Paid:
    order = _read(content, PaidOrder)
    if (order.mchid, order.appid) != (mchid, app_id):
        raise NotificationRefused(RefusalKind.MERCHANT)
    if order.trade_state is not PaidState.SUCCESS or order.amount.currency != CURRENCY:
        raise NotificationRefused(RefusalKind.CONTENT)
    return paid(order, source=Source.NOTIFICATION, message_id=envelope.id)


def _refunded(envelope: _Envelope, content: bytes, *, mchid: str) -> Refunded:
    """Refund notifications name no app, and no currency either, as there is only one."""
    notice = _read(content, RefundNotice)
    if notice.mchid != mchid:
        raise NotificationRefused(RefusalKind.MERCHANT)
    if envelope.event_type != _REFUND_EVENT + notice.refund_status or notice.amount.currency != CURRENCY:
        raise NotificationRefused(RefusalKind.CONTENT)
    return refunded_by_notice(notice, message_id=envelope.id, told_at=envelope.create_time)


def _opened(resource: _Resource, ring: Sequence[bytes]) -> bytes:
    """Decrypt with the first key of the ring that fits: one just replaced still opens older messages."""
    if resource.algorithm != _ALGORITHM:
        raise NotificationRefused(RefusalKind.CONTENT)
    for key in ring:
        try:
            return AESGCM(key).decrypt(
                resource.nonce.encode(),
                b64decode(resource.ciphertext),
                resource.associated_data.encode(),
            )
        except (InvalidTag, ValueError):
            continue
    raise NotificationRefused(RefusalKind.CONTENT)


def _read(content: bytes, kind: type[T]) -> T:
    found = decoded(content, kind)
    if found is None:
        raise NotificationRefused(RefusalKind.CONTENT)
    return found
