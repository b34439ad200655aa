"""The SMS providers of the sandbox: messages that were sent are read at /sandbox/sms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from guahao.identity.access import public
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Db, problems
from guahao.kernel.value.phone import mobile_form
from guahao.sandbox.sms_aliyun import Aliyun
from guahao.sandbox.sms_tencent import Tencent
from guahao.sandbox.weixin_models import SandboxSms

router = APIRouter(prefix="/sandbox/sms", tags=["sandbox"])


def app(sessions: Sessions, *, clock: Callable[[], datetime] = utc_now) -> Starlette:
    """Make the ASGI application: Tencent and Aliyun both take their messages at `/`."""
    tencent, aliyun = Tencent(sessions, clock=clock), Aliyun(sessions, clock=clock)

    async def answer(request: Request) -> JSONResponse:
        provider = tencent if "x-tc-action" in request.headers else aliyun
        status, content = await provider.answer(request)
        return JSONResponse(content, status)

    return Starlette(routes=[Route("/", answer, methods=["POST"])])


async def last_messages(db: AsyncSession, *, limit: int) -> Sequence[SandboxSms]:
    """The newest messages to any phone."""
    return (await db.scalars(select(SandboxSms).order_by(SandboxSms.id.desc()).limit(limit))).all()


class MessageOut(BaseModel):
    """A message as the phone shows it, and the code in it."""

    phone: str
    code: str
    text: str


@router.get("", responses=problems(NotFound), dependencies=[Depends(public)])
async def last_message(phone: Annotated[str, Query(max_length=40)], db: Db) -> MessageOut:
    """The last message to a phone. Demo only."""
    newest = (
        select(SandboxSms)
        .where(SandboxSms.phone == mobile_form(phone))
        .order_by(SandboxSms.id.desc())
        .limit(1)
    )
    found = await db.scalar(newest)
    if found is None:
        raise NotFound
    return MessageOut(phone=found.phone, code=found.code, text=found.text)
