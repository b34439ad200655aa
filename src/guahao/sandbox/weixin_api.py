"""Simulator of api.weixin.qq.com: logins, the access token, phone numbers and subscribe messages."""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from guahao.kernel.clock import utc_now
from guahao.kernel.db import Json, Sessions, transaction
from guahao.sandbox.weixin_models import (
    SandboxWeixinCode,
    SandboxWeixinConsent,
    SandboxWeixinMessage,
    SandboxWeixinToken,
    WeixinCodeKind,
)

REFUSED_CODE = "sandbox-invalid"
BLOCKED_CODE = "sandbox-blocked"
BUSY_CODE = "sandbox-busy"
LIMITED_CODE = "sandbox-limited"
FOREIGN_CODE = "sandbox-foreign"
"""As the code for a phone number: the answer is watermarked for another mini program."""

CODE_LIVES = timedelta(minutes=5)
_TOKEN_LIVES = timedelta(hours=2)
_CODE_LENGTH = 200
_OLDER = "|token"
"""Marks the token of the older interface, which lives apart from the stable one."""

_MEANINGS: Final = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest, could get access_token by"
    " getStableAccessToken",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40029: "invalid code",
    40125: "invalid appsecret",
    40163: "code been used",
    40226: "code blocked",
    43101: "user refuse to accept the msg",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    47003: "argument invalid! data",
}
_SAID_BY_CODE: Final = {REFUSED_CODE: 40029, BLOCKED_CODE: 40226, BUSY_CODE: -1, LIMITED_CODE: 45011}
_FIELD_LENGTHS: Final = {
    "thing": 20,
    "number": 32,
    "letter": 32,
    "symbol": 5,
    "character_string": 32,
    "time": 24,
    "date": 24,
    "amount": 12,
    "phone_number": 17,
    "car_number": 8,
    "name": 20,
    "phrase": 5,
}
_MOBILE = re.compile(r"1\d{10}")


class Refused(Exception):
    """WeChat's no; its errors are answered with status 200."""

    def __init__(self, errcode: int) -> None:
        """Carry WeChat's number."""
        super().__init__(errcode)
        self.errcode = errcode


class _TokenWish(msgspec.Struct):
    grant_type: str = ""
    appid: str = ""
    secret: str = ""
    force_refresh: bool = False


class _PhoneWish(msgspec.Struct):
    code: str = ""


class _Value(msgspec.Struct):
    value: str


class _SendWish(msgspec.Struct):
    touser: str
    template_id: str
    data: dict[str, _Value]
    page: str = ""


def openid_of(*, app_id: str, user: str) -> str:
    """The same user has the same openid in one mini program, another one in the next."""
    return "sandbox" + hashlib.sha256(f"{app_id}|{user}".encode()).hexdigest()[:21]


def user_of(code: str) -> str:
    """A code `name--anything` belongs to the user `name`; other codes are users of their own."""
    return code.partition("--")[0]


class _Api:
    def __init__(
        self, sessions: Sessions, *, app_id: str, app_secret: str, clock: Callable[[], datetime]
    ) -> None:
        self._sessions = sessions
        self._app_id = app_id
        self._secret = app_secret
        self._clock = clock

    async def session(self, request: Request) -> Json:
        """GET /sns/jscode2session; a success has no errcode."""
        asked = request.query_params
        self._check_app(asked.get("appid"), asked.get("secret"))
        if asked.get("grant_type") != "authorization_code":
            raise Refused(40002)
        code = asked.get("js_code", "")
        _refuse_by_name(code)
        async with transaction(self._sessions) as db:
            user = await self._spend(db, code, kind=WeixinCodeKind.LOGIN, subject=user_of(code))
        return {
            "openid": openid_of(app_id=self._app_id, user=user),
            "session_key": b64encode(secrets.token_bytes(16)).decode(),
        }

    async def stable_token(self, request: Request) -> Json:
        """POST /cgi-bin/stable_token: one token for all who ask, until it ages or is refreshed."""
        wish = msgspec.json.decode(await request.body(), type=_TokenWish)
        if wish.grant_type != "client_credential":
            raise Refused(40002)
        self._check_app(wish.appid, wish.secret)
        now = self._clock()
        fresh = {"access_token": secrets.token_urlsafe(48), "expires_at": now + _TOKEN_LIVES}
        made = insert(SandboxWeixinToken).values(app_id=self._app_id, **fresh)
        outdated = SandboxWeixinToken.expires_at <= now + timedelta(minutes=5)
        async with transaction(self._sessions) as db:
            await db.execute(
                made.on_conflict_do_update(
                    index_elements=["app_id"], set_=fresh, where=None if wish.force_refresh else outdated
                )
            )
            token = (await db.scalars(select(SandboxWeixinToken).filter_by(app_id=self._app_id))).one()
        return {
            "access_token": token.access_token,
            "expires_in": int((token.expires_at - now).total_seconds()),
        }

    async def token(self, request: Request) -> Json:
        """GET /cgi-bin/token, the older way: each call makes a new one, and the stable one stays."""
        asked = request.query_params
        if asked.get("grant_type") != "client_credential":
            raise Refused(40002)
        self._check_app(asked.get("appid"), asked.get("secret"))
        fresh = {
            "access_token": secrets.token_urlsafe(48),
            "expires_at": self._clock() + _TOKEN_LIVES,
        }
        made = insert(SandboxWeixinToken).values(app_id=self._app_id + _OLDER, **fresh)
        async with transaction(self._sessions) as db:
            await db.execute(made.on_conflict_do_update(index_elements=["app_id"], set_=fresh))
        return {
            "access_token": fresh["access_token"],
            "expires_in": int(_TOKEN_LIVES.total_seconds()),
        }

    async def phone_number(self, request: Request) -> Json:
        """POST /wxa/business/getuserphonenumber: the number behind one press of the button."""
        code = msgspec.json.decode(await request.body(), type=_PhoneWish).code
        async with transaction(self._sessions) as db:
            await self._check_token(db, request)
            _refuse_by_name(code)
            phone = await self._spend(db, code, kind=WeixinCodeKind.PHONE, subject=_phone_of(code))
        foreign = code.startswith(FOREIGN_CODE)
        stamp = int(self._clock().timestamp())
        return {
            "errcode": 0,
            "errmsg": "ok",
            "phone_info": {
                "phoneNumber": phone,
                "purePhoneNumber": phone,
                "countryCode": "86",
                "watermark": {"timestamp": stamp, "appid": "wxanother" if foreign else self._app_id},
            },
        }

    async def send(self, request: Request) -> Json:
        """POST /cgi-bin/message/subscribe/send: one message for each consent."""
        wish = msgspec.json.decode(await request.body(), type=_SendWish)
        async with transaction(self._sessions) as db:
            await self._check_token(db, request)
            if not wish.touser.startswith("sandbox"):
                raise Refused(40003)
            _check_fields(wish.data)
            message = await self._deliver(db, wish)
        return {"errcode": 0, "errmsg": "ok", "msgid": message.id}

    async def _deliver(self, db: AsyncSession, wish: _SendWish) -> SandboxWeixinMessage:
        consent = (
            update(SandboxWeixinConsent)
            .where(SandboxWeixinConsent.openid == wish.touser)
            .where(SandboxWeixinConsent.template_id == wish.template_id, SandboxWeixinConsent.remaining > 0)
            .values(remaining=SandboxWeixinConsent.remaining - 1)
            .returning(SandboxWeixinConsent.remaining)
        )
        if await db.scalar(consent) is None:
            raise Refused(43101)
        message = SandboxWeixinMessage(
            openid=wish.touser,
            template_id=wish.template_id,
            page=wish.page,
            data={name: field.value for name, field in wish.data.items()},
            sent_at=self._clock(),
        )
        db.add(message)
        await db.flush()
        return message

    async def _spend(self, db: AsyncSession, code: str, *, kind: WeixinCodeKind, subject: str) -> str:
        """Use a code up; one that nobody issued counts as issued right now."""
        if not 0 < len(code) <= _CODE_LENGTH:
            raise Refused(40029)
        now = self._clock()
        if subject:
            await issue(db, code, kind=kind, app_id=self._app_id, subject=subject, now=now)
        spent = (
            update(SandboxWeixinCode)
            .where(SandboxWeixinCode.code == code, SandboxWeixinCode.used_at.is_(None))
            .where(SandboxWeixinCode.kind == kind, SandboxWeixinCode.app_id == self._app_id)
            .where(SandboxWeixinCode.issued_at > now - CODE_LIVES)
            .values(used_at=now)
            .returning(SandboxWeixinCode.subject)
        )
        found = await db.scalar(spent)
        if found is not None:
            return found
        used = select(func.count()).where(
            SandboxWeixinCode.code == code, SandboxWeixinCode.used_at.is_not(None)
        )
        raise Refused(40163 if await db.scalar(used) else 40029)

    def _check_app(self, app_id: str | None, secret: str | None) -> None:
        if app_id != self._app_id:
            raise Refused(40013)
        if secret != self._secret:
            raise Refused(40125)

    async def _check_token(self, db: AsyncSession, request: Request) -> None:
        live = select(func.count()).where(
            SandboxWeixinToken.access_token == request.query_params.get("access_token", ""),
            SandboxWeixinToken.app_id.in_((self._app_id, self._app_id + _OLDER)),
            SandboxWeixinToken.expires_at > self._clock(),
        )
        if not await db.scalar(live):
            raise Refused(40001)


async def issue(
    db: AsyncSession, code: str, *, kind: WeixinCodeKind, app_id: str, subject: str, now: datetime
) -> None:
    """Give a mini program a code, as wx.login and the phone button do; a known one stays as it is."""
    row = {"code": code, "kind": kind, "app_id": app_id, "subject": subject, "issued_at": now}
    await db.execute(insert(SandboxWeixinCode).values(row).on_conflict_do_nothing())


async def consent(db: AsyncSession, *, openid: str, template_id: str) -> int:
    """Take one consent of a user, as wx.requestSubscribeMessage does; answers how many messages are left."""
    one = insert(SandboxWeixinConsent).values(openid=openid, template_id=template_id, remaining=1)
    added = one.on_conflict_do_update(
        index_elements=["openid", "template_id"], set_={"remaining": SandboxWeixinConsent.remaining + 1}
    )
    return int(await db.scalar(added.returning(SandboxWeixinConsent.remaining)) or 0)


def _refuse_by_name(code: str) -> None:
    if code in _SAID_BY_CODE:
        raise Refused(_SAID_BY_CODE[code])


def _phone_of(code: str) -> str:
    """`13800138000--anything` is a press of the button by whoever has this phone."""
    subject = user_of(code.removeprefix(f"{FOREIGN_CODE}--"))
    return subject if _MOBILE.fullmatch(subject) else ""


def _check_fields(data: Mapping[str, _Value]) -> None:
    for name, field in data.items():
        longest = _FIELD_LENGTHS.get(name.rstrip("0123456789"), 0)
        if not data or not 0 < len(field.value) <= longest:
            raise Refused(47003)


def _answering(handler: Callable[[Request], Awaitable[Json]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            content: dict[str, Any] = await handler(request)
        except Refused as refused:
            content = {"errcode": refused.errcode, "errmsg": _MEANINGS[refused.errcode]}
        except msgspec.MsgspecError:
            content = {"errcode": 47001, "errmsg": _MEANINGS[47001]}
        return JSONResponse(content)

    return answer


def app(
    sessions: Sessions, *, app_id: str, app_secret: str, clock: Callable[[], datetime] = utc_now
) -> Starlette:
    """Make the ASGI application for one mini program."""
    api = _Api(sessions, app_id=app_id, app_secret=app_secret, clock=clock)
    return Starlette(
        routes=[
            Route("/sns/jscode2session", _answering(api.session)),
            Route("/cgi-bin/token", _answering(api.token)),
            Route("/cgi-bin/stable_token", _answering(api.stable_token), methods=["POST"]),
            Route("/wxa/business/getuserphonenumber", _answering(api.phone_number), methods=["POST"]),
            Route("/cgi-bin/message/subscribe/send", _answering(api.send), methods=["POST"]),
        ]
    )
