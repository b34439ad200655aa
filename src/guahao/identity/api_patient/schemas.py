"""Shapes of requests and answers about accounts and logins."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Discriminator, Field, StringConstraints

from guahao.identity.models.account import Account, CodePurpose, LoginKind
from guahao.identity.policy.login import PASSWORD_MAX_LENGTH, PASSWORD_MIN_LENGTH
from guahao.identity.service.sms_code import TypedCode
from guahao.kernel.crypto import KeyRing
from guahao.kernel.http import Body
from guahao.kernel.masking import mask_phone, shown
from guahao.kernel.value.fields import GivenUsername, Mobile, OneTimeCode, Username, opaque, secret

SmsRequestId = Annotated[
    UUID | None,
    Field(
        description="`sms_request_id` of the answer of POST /sms-codes; without it the newest code counts "
        "that was asked for from the same address"
    ),
]
NewPassword = Annotated[
    str,
    StringConstraints(strip_whitespace=False),
    secret(least=PASSWORD_MIN_LENGTH, most=PASSWORD_MAX_LENGTH),
    Field(examples=["correct horse battery"]),
]
GivenPassword = Annotated[
    str, StringConstraints(strip_whitespace=False), secret(least=1, most=PASSWORD_MAX_LENGTH)
]
JsCode = Annotated[str, opaque(128, pattern="[A-Za-z0-9_-]{1,128}")]


class SmsCodeIn(Body):
    """Whom to send a code, and what for."""

    phone: Mobile
    purpose: Literal[CodePurpose.REGISTER, CodePurpose.LOGIN, CodePurpose.RESET, CodePurpose.CHANGE_PHONE]


class SmsCodeOut(BaseModel):
    """The same whether the phone is known or not; the id goes with the code, nobody else learns it."""

    expires_in_s: int
    sms_request_id: UUID


class AccountIn(Body):
    """A new account; the code was sent with purpose `register`."""

    phone: Mobile
    sms_code: OneTimeCode
    sms_request_id: SmsRequestId = None
    username: Username
    password: NewPassword


class PasswordLoginIn(Body):
    """Login by username and password."""

    kind: Literal["password"]
    username: GivenUsername
    password: GivenPassword


class SmsLoginIn(Body):
    """Login by a code sent with purpose `login`."""

    kind: Literal["sms"]
    phone: Mobile
    sms_code: OneTimeCode
    sms_request_id: SmsRequestId = None


class WeChatLoginIn(Body):
    """Login by the code of wx.login; the first one makes the account."""

    kind: Literal["wechat"]
    js_code: JsCode


LoginIn = Annotated[PasswordLoginIn | SmsLoginIn | WeChatLoginIn, Discriminator("kind")]


class PasswordChangeIn(Body):
    """The present password and the new one."""

    old_password: GivenPassword
    new_password: NewPassword


class PasswordResetIn(Body):
    """A new password; the code was sent with purpose `reset`."""

    phone: Mobile
    sms_code: OneTimeCode
    sms_request_id: SmsRequestId = None
    new_password: NewPassword


def typed_code(body: AccountIn | SmsLoginIn | PasswordResetIn, purpose: CodePurpose) -> TypedCode:
    """The code that came in a request, for one purpose."""
    return TypedCode(phone=body.phone, purpose=purpose, code=body.sms_code, request_id=body.sms_request_id)


class AccountOut(BaseModel):
    """An account; username and phone are null when it came from WeChat alone."""

    id: str
    username: str | None
    phone: str | None = Field(description="Masked", examples=["138****8000"])
    created_at: datetime

    @classmethod
    def of(cls, account: Account, key_ring: KeyRing) -> AccountOut:
        """Show an account to its owner."""
        phone = None
        if account.phone_sealed is not None:
            opened = key_ring.open_shown(account.phone_sealed, field="account.phone_sealed", row=account.id)
            phone = shown(opened, mask_phone)
        return cls(id=str(account.id), username=account.username, phone=phone, created_at=account.created_at)


class LoggedInOut(BaseModel):
    """The bearer token, shown this once, and the account it stands for.

    Sent as `X-Device-Token` at the next login or code, the device token spares its owner the waits that
    strangers cause. It opens nothing and lasts 180 days.
    """

    token: str
    device_token: str
    account: AccountOut


class LoginOut(BaseModel):
    """One device that is logged in."""

    id: str
    kind: LoginKind
    device: str
    created_at: datetime
    last_seen_at: datetime
    current: bool
