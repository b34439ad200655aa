"""What both SMS simulators share: the account they know, and the outbox."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.i18n import text
from guahao.sandbox.weixin_models import SandboxSms

KEY_ID = "AKIDsandbox"
KEY_SECRET = "sandbox-secret"  # noqa: S105  # known to everybody, opens nothing
APP_ID = "1400000000"
TEMPLATE = "1000001"
"""The one approved template: a code and its minutes."""


def sign_name() -> str:
    """The one approved signature of messages."""
    return text("sandbox-sms.sign-name")


def digest(key: bytes, *parts: str) -> bytes:
    """HMAC-SHA256 of each part with the key that the part before gave."""
    for part in parts:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


async def keep(
    db: AsyncSession, *, phone: str, code: str, valid_min: str, nonce: str | None = None, now: datetime
) -> SandboxSms:
    """Show a message instead of sending it."""
    said = text("sms.code", code=code, valid_min=valid_min)
    message = SandboxSms(phone=phone, code=code, text=said, sent_at=now, nonce=nonce)
    db.add(message)
    await db.flush()
    return message
