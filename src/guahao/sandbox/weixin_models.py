"""Tables of the WeChat and SMS simulators: codes, tokens, consents and messages."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, Json, closed_set


class WeixinCodeKind(StrEnum):
    """What a code of a mini program is exchanged for."""

    LOGIN = "login"
    PHONE = "phone"


class SandboxWeixinCode(Base):
    """A code that a mini program was given; works once, for five minutes."""

    __tablename__ = "sandbox_weixin_code"
    __table_args__ = (CheckConstraint("kind IN ('login', 'phone')", name="sandbox_weixin_code_kind_known"),)

    code: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[WeixinCodeKind] = mapped_column(closed_set(WeixinCodeKind))
    app_id: Mapped[str]
    subject: Mapped[str]
    """The user's name for a login, the phone number for a phone."""
    issued_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SandboxWeixinToken(Base):
    """The access token of an app; a new one ends the old one."""

    __tablename__ = "sandbox_weixin_token"

    app_id: Mapped[str] = mapped_column(primary_key=True)
    access_token: Mapped[str]
    expires_at: Mapped[datetime]


class SandboxWeixinConsent(Base):
    """How many messages of a template a user still takes: one for each consent."""

    __tablename__ = "sandbox_weixin_consent"
    __table_args__ = (CheckConstraint("remaining >= 0", name="sandbox_weixin_consent_not_overspent"),)

    openid: Mapped[str] = mapped_column(primary_key=True)
    template_id: Mapped[str] = mapped_column(primary_key=True)
    remaining: Mapped[int]


class SandboxWeixinMessage(Base):
    """A subscribe message that was sent."""

    __tablename__ = "sandbox_weixin_message"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    openid: Mapped[str]
    template_id: Mapped[str]
    page: Mapped[str]
    data: Mapped[Json]
    sent_at: Mapped[datetime]


class SandboxSms(Base):
    """A text message that was sent."""

    __tablename__ = "sandbox_sms"
    __table_args__ = (Index("sandbox_sms_phone_idx", "phone", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    phone: Mapped[str]
    code: Mapped[str]
    text: Mapped[str]
    sent_at: Mapped[datetime]
    nonce: Mapped[str | None] = mapped_column(unique=True)
    """Of the signed request, where the provider refuses to see one twice."""
