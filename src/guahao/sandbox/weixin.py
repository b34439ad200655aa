"""What a user does in WeChat before our server hears of it: logging in, showing a phone, consenting."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import select

from guahao.identity.access import public
from guahao.kernel.http import AppSettings, Body, Db, Now
from guahao.kernel.value.fields import opaque
from guahao.sandbox import weixin_api
from guahao.sandbox.weixin_models import SandboxWeixinMessage, WeixinCodeKind

router = APIRouter(prefix="/sandbox/weixin", tags=["sandbox"], dependencies=[Depends(public)])

Name = Annotated[str, opaque(40, pattern="[A-Za-z0-9_]{1,40}")]
_SHOWN = 50


class CodeIn(Body):
    """Who presses what: a user's name to log in, a mobile number to show it."""

    kind: WeixinCodeKind
    subject: Name


class CodeOut(BaseModel):
    """A code that works once, for five minutes."""

    code: str


class ConsentIn(Body):
    """A user who takes one message of a template."""

    user: Name
    template_id: Name


class ConsentOut(BaseModel):
    """How many messages of the template the user still takes."""

    remaining: int


class MessageOut(BaseModel):
    """A subscribe message as the user sees it: the template's fields, filled."""

    template_id: str
    page: str
    data: dict[str, str] = Field(description="Value by name of field")


class MessagesOut(BaseModel):
    """The newest messages first."""

    items: list[MessageOut]


@router.post("/codes", status_code=201)
async def give_code(body: CodeIn, db: Db, settings: AppSettings, now: Now) -> CodeOut:
    """Give a code as wx.login or the phone button does. Demo only."""
    code = f"{body.subject}--{secrets.token_hex(8)}"
    await weixin_api.issue(
        db, code, kind=body.kind, app_id=settings.wechat_app_id, subject=body.subject, now=now
    )
    return CodeOut(code=code)


@router.post("/consents", status_code=201)
async def consent(body: ConsentIn, db: Db, settings: AppSettings) -> ConsentOut:
    """Take one consent as wx.requestSubscribeMessage does: one consent is one message. Demo only."""
    openid = weixin_api.openid_of(app_id=settings.wechat_app_id, user=body.user)
    return ConsentOut(remaining=await weixin_api.consent(db, openid=openid, template_id=body.template_id))


@router.get("/messages")
async def messages(user: Annotated[str, Query(max_length=40)], db: Db, settings: AppSettings) -> MessagesOut:
    """The subscribe messages that a user was sent. Demo only."""
    openid = weixin_api.openid_of(app_id=settings.wechat_app_id, user=user)
    sent = select(SandboxWeixinMessage).where(SandboxWeixinMessage.openid == openid)
    found = await db.scalars(sent.order_by(SandboxWeixinMessage.id.desc()).limit(_SHOWN))
    return MessagesOut(
        items=[MessageOut(template_id=one.template_id, page=one.page, data=one.data) for one in found]
    )
