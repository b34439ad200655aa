"""Reads what WeChat Pay posts to our notify addresses: verify, decrypt, check the merchant."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from guahao.adapters.lenient import Node, moment, node_of, part, text
from guahao.adapters.wechat_pay.keys import WeChatPayKeys
from guahao.adapters.wechat_pay.message import Asked, Unreadable, is_of_merchant, paid, refunded
from guahao.adapters.wechat_pay.signing import distrust
from guahao.payment.ports import (
    NotificationRefused,
    NotificationUnreadable,
    Paid,
    Refunded,
    RefusalKind,
    Source,
)

_ALGORITHM = "AEAD_AES_256_GCM"
_PAID_EVENT = "TRANSACTION.SUCCESS"
_REFUND_EVENT = "REFUND."


def read(
    headers: Mapping[str, str],
    body: bytes,
    *,
    keys: WeChatPayKeys,
    mchid: str,
    app_id: str,
    now: datetime,
) -> Paid | Refunded:
    """Answer the fact a notification tells, without any call.

    Raises `NotificationRefused` for what is not believed or cannot be decrypted, `NotificationUnreadable`
    for a genuine message that tells no fact. The envelope's id is the fact's message id: a repeated
    notification keeps it.
    """
    refusal = distrust(headers, body, keys=keys.verification, now=now)
    if refusal is not None:
        raise NotificationRefused(refusal)
    envelope = node_of(body)
    if envelope is None:
        raise NotificationRefused(RefusalKind.CONTENT)
    content = node_of(_opened(part(envelope, "resource"), keys.apiv3))
    name = text(envelope, "id") or hashlib.sha256(body).hexdigest()
    if content is None:
        raise NotificationUnreadable(name)
    if not is_of_merchant(content, mchid=mchid, app_id=app_id):
        raise NotificationRefused(RefusalKind.MERCHANT)
    try:
        return _fact(text(envelope, "event_type"), content, name, moment(envelope, "create_time") or now)
    except Unreadable:
        raise NotificationUnreadable(name) from None


def _fact(event: str, content: Node, name: str, told_at: datetime) -> Paid | Refunded:
    """The event says what the content is about, and the content itself where the event is missing."""
    status, state = text(content, "refund_status"), text(content, "trade_state")
    if event.startswith(_REFUND_EVENT) or (not event and status):
        status = status or event.removeprefix(_REFUND_EVENT)
        if event in {"", _REFUND_EVENT + status}:
            return refunded(
                content,
                status=status,
                source=Source.NOTIFICATION,
                message_id=lambda _: name,
                asked=Asked(),
                told_at=told_at,
            )
    elif {event, state} <= {"", _PAID_EVENT, "SUCCESS"} and (event or state):
        return paid(
            content, source=Source.NOTIFICATION, message_id=lambda _: name, asked=Asked(), told_at=told_at
        )
    raise NotificationUnreadable(name)


def _opened(resource: Node, ring: Sequence[bytes]) -> bytes:
    """Decrypt with the first key of the ring that fits: one just replaced still opens older messages."""
    if text(resource, "algorithm") not in {"", _ALGORITHM}:
        raise NotificationRefused(RefusalKind.CONTENT)
    sealed = resource.get("ciphertext")
    nonce, extra = (resource.get(name) or "" for name in ("nonce", "associated_data"))
    if not isinstance(sealed, str) or not isinstance(nonce, str) or not isinstance(extra, str):
        raise NotificationRefused(RefusalKind.CONTENT)
    for key in ring:
        try:
            return AESGCM(key).decrypt(nonce.encode(), b64decode(sealed), extra.encode())
        except (InvalidTag, ValueError):
            continue
    raise NotificationRefused(RefusalKind.CONTENT)
