"""Giving money back at WeChat Pay: asked for, followed, settled a moment later."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import CHINA
from guahao.sandbox import faults, trade
from guahao.sandbox.models import (
    FaultKind,
    RefundState,
    SandboxProvider,
    SandboxRefund,
    SandboxTrade,
    TradeState,
)
from guahao.sandbox.wechat_pay import told
from guahao.sandbox.wechat_pay.message import Answer, Call, Refusal, answer
from guahao.sandbox.wechat_pay.notice import tell_refund
from guahao.sandbox.wechat_pay.shape import (
    REASON_BYTES,
    REFUND_NUMBER,
    AbnormalRefund,
    Refund,
    is_address,
    is_within,
    read,
)

WECHAT = SandboxProvider.WECHAT
_AT_MOST = 50
_WITHIN = timedelta(days=365)
_ONE_MINUTE = timedelta(minutes=1)
_OUTCOMES = {FaultKind.REFUND_ABNORMAL: RefundState.ABNORMAL, FaultKind.REFUND_CLOSED: RefundState.CLOSED}


async def refund(db: AsyncSession, call: Call, *, now: datetime) -> Answer:
    """Give back; the same number once more answers the same refund, whatever it asks is not done twice."""
    wish = read(call, Refund)
    _require_usable(wish)
    found = await _trade_of(db, wish)
    known = await _by_number(db, wish.out_refund_no)
    if known is None:
        known = await _made(db, wish, found, now=now)
    elif (known.out_trade_no, known.amount_fen) != (found.out_trade_no, wish.amount.refund):
        raise Refusal("INVALID_REQUEST")
    return answer(told.refund_described(known, found), out_trade_no=found.out_trade_no)


def _require_usable(wish: Refund) -> None:
    usable = {
        "out_refund_no": REFUND_NUMBER.fullmatch(wish.out_refund_no),
        "reason": is_within(wish.reason, REASON_BYTES),
        "notify_url": wish.notify_url is None or is_address(wish.notify_url),
    }
    for field, is_right in usable.items():
        if not is_right:
            raise Refusal("PARAM_ERROR", field=field)


async def _trade_of(db: AsyncSession, wish: Refund) -> SandboxTrade:
    name: str | None = wish.out_trade_no
    if wish.transaction_id:
        name = await db.scalar(
            select(SandboxTrade.out_trade_no).where(
                SandboxTrade.provider == WECHAT, SandboxTrade.transaction_id == wish.transaction_id
            )
        )
    found = await trade.locked(db, provider=WECHAT, out_trade_no=name or "")
    if found is None:
        raise Refusal("RESOURCE_NOT_EXISTS")
    if found.state is not TradeState.PAID or wish.amount.total != found.amount_fen:
        raise Refusal("INVALID_REQUEST")
    return found


async def _made(db: AsyncSession, wish: Refund, found: SandboxTrade, *, now: datetime) -> SandboxRefund:
    before = await trade.refunds_of(db, found)
    amount, paid_at = wish.amount.refund, found.paid_at
    assert paid_at is not None
    possible = (
        amount > 0,
        found.refunded_fen + amount <= found.amount_fen,
        len(before) < _AT_MOST,
        now - paid_at <= _WITHIN,
    )
    if not all(possible):
        raise Refusal("INVALID_REQUEST")
    if before and now - before[-1].created_at < _ONE_MINUTE:
        hurried = FaultKind.REFUND_ONCE_A_MINUTE
        if await faults.takes(db, provider=WECHAT, kind=hurried, out_trade_no=found.out_trade_no):
            raise Refusal("FREQUENCY_LIMITED")
    made = SandboxRefund(
        provider=WECHAT,
        out_trade_no=found.out_trade_no,
        out_refund_no=wish.out_refund_no,
        refund_id=f"50300{now.astimezone(CHINA):%Y%m%d}{secrets.randbelow(10**16):016d}",
        amount_fen=amount,
        reason=wish.reason,
        notify_url=wish.notify_url,
        state=RefundState.PROCESSING,
        created_at=now,
        settles_at=now + trade.SETTLES_AFTER,
    )
    db.add(made)
    found.refunded_fen += amount
    await db.flush()
    return made


async def query(db: AsyncSession, *, out_refund_no: str) -> Answer:
    """Tell how far a refund is."""
    known = await _by_number(db, out_refund_no)
    if known is None:
        raise Refusal("RESOURCE_NOT_EXISTS")
    found = await db.get_one(SandboxTrade, (WECHAT, known.out_trade_no))
    return answer(told.refund_described(known, found), out_trade_no=found.out_trade_no)


async def apply_abnormal(db: AsyncSession, call: Call, *, refund_id: str, now: datetime) -> Answer:
    """Send an abnormal refund to an account of the merchant or the payer; once more changes nothing."""
    wish = read(call, AbnormalRefund)
    known: SandboxRefund | None = await db.scalar(
        select(SandboxRefund)
        .where(SandboxRefund.provider == WECHAT, SandboxRefund.refund_id == refund_id)
        .with_for_update()
    )
    if known is None or known.out_refund_no != wish.out_refund_no:
        raise Refusal("RESOURCE_NOT_EXISTS")
    if known.state is RefundState.CLOSED:
        raise Refusal("INVALID_REQUEST")
    if known.state is RefundState.ABNORMAL:
        known.state, known.settles_at = RefundState.PROCESSING, now + trade.SETTLES_AFTER
        known.goes_to_merchant = wish.type == "MERCHANT_BANK_CARD"
    found = await db.get_one(SandboxTrade, (WECHAT, known.out_trade_no))
    return answer(told.refund_described(known, found), out_trade_no=found.out_trade_no)


async def _by_number(db: AsyncSession, out_refund_no: str) -> SandboxRefund | None:
    found: SandboxRefund | None = await db.scalar(
        select(SandboxRefund).where(
            SandboxRefund.provider == WECHAT, SandboxRefund.out_refund_no == out_refund_no
        )
    )
    return found


async def settle(db: AsyncSession, *, mchid: str, time_scale: float, now: datetime) -> int:
    """Carry out the refunds that have been processed long enough, and owe the merchant the news."""
    due = await trade.due_refunds(db, provider=WECHAT, now=now)
    for one in due:
        wrong = await faults.taken(db, provider=WECHAT, kinds=tuple(_OUTCOMES), out_trade_no=one.out_trade_no)
        one.state = next((_OUTCOMES[kind] for kind in _OUTCOMES if kind in wrong), RefundState.SUCCESS)
        one.settled_at = now
        found = await trade.locked(db, provider=WECHAT, out_trade_no=one.out_trade_no)
        assert found is not None
        if one.state is RefundState.CLOSED:
            found.refunded_fen -= one.amount_fen
        await tell_refund(db, one, found, mchid=mchid, time_scale=time_scale, now=now)
    return len(due)
