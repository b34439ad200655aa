"""Prepaying, asking about and closing trades at WeChat Pay, and the payer's own deed."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import CHINA
from guahao.kernel.db import Json
from guahao.sandbox import faults, trade
from guahao.sandbox.models import FaultKind, SandboxProvider, SandboxTrade, TradeState
from guahao.sandbox.wechat_pay import told
from guahao.sandbox.wechat_pay.message import Answer, Call, Merchant, Refusal, answer, refused
from guahao.sandbox.wechat_pay.notice import tell_paid
from guahao.sandbox.wechat_pay.shape import (
    ATTACH_BYTES,
    TITLE_BYTES,
    Close,
    JsapiPrepay,
    Prepay,
    is_address,
    is_within,
    read,
    require_merchant,
)

WECHAT = SandboxProvider.WECHAT
_PREPAID_FOR = timedelta(hours=2)
_NUMBER = re.compile(r"[0-9A-Za-z_\-|*]{6,32}\Z")


async def prepay(db: AsyncSession, call: Call, *, kind: str, merchant: Merchant, now: datetime) -> Answer:
    """Prepare a trade; the same once more answers the same, other parameters are refused."""
    wish = read(call, JsapiPrepay if kind == "jsapi" else Prepay)
    _require_usable(wish, merchant=merchant, now=now)
    asked = _asked(wish, kind)
    reference = f"wx{now.astimezone(CHINA):%d%H%M%S}{secrets.token_hex(13)}"
    row = insert(SandboxTrade).values(
        provider=WECHAT,
        out_trade_no=wish.out_trade_no,
        reference=reference,
        kind=kind,
        app_id=wish.appid,
        title=wish.description,
        amount_fen=wish.amount.total,
        payer=wish.openid,
        notify_url=wish.notify_url,
        asked=asked,
        created_at=now,
        expires_at=wish.time_expire or now + _PREPAID_FOR,
    )
    await db.execute(row.on_conflict_do_nothing(index_elements=["provider", "out_trade_no"]))
    found = await trade.locked(db, provider=WECHAT, out_trade_no=wish.out_trade_no)
    assert found is not None
    if found.asked != asked:
        raise Refusal("OUT_TRADE_NO_USED")
    if found.state is not TradeState.OPEN:
        raise Refusal("ORDERPAID" if found.state is TradeState.PAID else "ORDER_CLOSED")
    named = {"prepay_id": found.reference} if kind == "jsapi" else {"code_url": code_url(found.reference)}
    return answer(named, out_trade_no=found.out_trade_no)


def code_url(reference: str) -> str:
    """Name the text of the QR code of a native payment; the cashier knows it by its last part."""
    return f"weixin://wxpay/bizpayurl?pr={reference}"


def _asked(wish: Prepay, kind: str) -> Json:
    return {
        "kind": kind,
        "appid": wish.appid,
        "description": wish.description,
        "notify_url": wish.notify_url,
        "total": wish.amount.total,
        "openid": wish.openid,
        "time_expire": wish.time_expire.isoformat() if wish.time_expire else None,
        "attach": wish.attach,
    }


def _require_usable(wish: Prepay, *, merchant: Merchant, now: datetime) -> None:
    require_merchant(wish.mchid, merchant)
    if wish.appid != merchant.app_id:
        raise Refusal("APPID_MCHID_NOT_MATCH")
    usable = {
        "out_trade_no": _NUMBER.match(wish.out_trade_no),
        "description": wish.description and is_within(wish.description, TITLE_BYTES),
        "attach": is_within(wish.attach, ATTACH_BYTES),
        "amount.total": 0 < wish.amount.total <= 100_000_000,
        "notify_url": is_address(wish.notify_url),
        "payer.openid": wish.openid != "",
        "time_expire": wish.time_expire is None or _is_later(wish.time_expire, now),
    }
    for field, is_right in usable.items():
        if not is_right:
            raise Refusal("PARAM_ERROR", field=field)


def _is_later(moment: datetime, now: datetime) -> bool:
    return moment.tzinfo is not None and moment > now


async def query(db: AsyncSession, call: Call, *, merchant: Merchant, **name: str) -> Answer:
    """Tell how a trade stands, found by `out_trade_no` or `transaction_id`."""
    require_merchant(call.query.get("mchid"), merchant)
    found: SandboxTrade | None = await db.scalar(
        select(SandboxTrade).where(SandboxTrade.provider == WECHAT).filter_by(**name)
    )
    if found is None:
        raise Refusal("ORDER_NOT_EXIST")
    return answer(told.described(found, mchid=merchant.mchid), out_trade_no=found.out_trade_no)


async def close(
    db: AsyncSession, call: Call, *, out_trade_no: str, merchant: Merchant, time_scale: float, now: datetime
) -> Answer:
    """Close a trade so that nobody pays it; unknown and closed ones count as closed."""
    require_merchant(read(call, Close).mchid, merchant)
    found = await trade.locked(db, provider=WECHAT, out_trade_no=out_trade_no)
    if found is not None:
        race = await faults.takes(db, provider=WECHAT, kind=FaultKind.CLOSE_RACE, out_trade_no=out_trade_no)
        if race:
            await pay(db, found, mchid=merchant.mchid, time_scale=time_scale, now=now)
        if not trade.close(found, now=now):
            return refused("ORDERPAID", out_trade_no=out_trade_no)
    return Answer(status=204, out_trade_no=out_trade_no)


async def pay(db: AsyncSession, found: SandboxTrade, *, mchid: str, time_scale: float, now: datetime) -> bool:
    """Pay as the payer does, once; False if it cannot be paid. The trade must be locked."""
    paid = trade.capture(
        found, transaction_id=_transaction_id(now), payer=found.payer or "sandbox-payer", now=now
    )
    if paid:
        await tell_paid(db, found, mchid=mchid, time_scale=time_scale, now=now)
    return paid


def _transaction_id(now: datetime) -> str:
    return f"42000{now.astimezone(CHINA):%Y%m%d}{secrets.randbelow(10**15):015d}"


async def by_reference(db: AsyncSession, reference: str) -> SandboxTrade | None:
    """Find a trade by its prepay_id, or by the last part of its code_url."""
    if not reference.isalnum():
        return None
    found: SandboxTrade | None = await db.scalar(
        select(SandboxTrade).where(SandboxTrade.provider == WECHAT, SandboxTrade.reference == reference)
    )
    return found
