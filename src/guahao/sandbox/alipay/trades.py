"""The methods of gateway.do about one trade: open, query, close, refund."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.sandbox import faults, trade
from guahao.sandbox.alipay import notify
from guahao.sandbox.alipay.protocol import Asked, Node, Refused, local_text, moment_of, success, yuan
from guahao.sandbox.alipay.shop import BUYER_ID, BUYER_LOGON_ID, AlipayShop, new_number
from guahao.sandbox.models import (
    FaultKind,
    RefundState,
    SandboxProvider,
    SandboxRefund,
    SandboxTrade,
    TradeState,
)

ALIPAY = SandboxProvider.ALIPAY
LONGEST = {"wap": timedelta(days=15), "page": timedelta(days=15), "qr": timedelta(hours=2)}
"""How long a trade can be paid when the merchant says nothing."""

_TOO_MUCH = "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
_TIMEOUT = re.compile(r"(\d{1,5})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A way to open a trade, and the product codes it must be asked with, if any."""

    kind: str
    product_codes: frozenset[str]


PAGES = {
    # the second is what an SDK ships, and Alipay takes
    "alipay.trade.wap.pay": Product(kind="wap", product_codes=frozenset(("QUICK_WAP_WAY", "QUICK_WAP_PAY"))),
    "alipay.trade.page.pay": Product(kind="page", product_codes=frozenset(("FAST_INSTANT_TRADE_PAY",))),
}
_QR = Product(kind="qr", product_codes=frozenset())


def exists(found: SandboxTrade | None) -> bool:
    """A trade exists for Alipay once its payer has opened the page or scanned the code."""
    return found is not None and bool(found.asked["opened"])


async def opened(db: AsyncSession, shop: AlipayShop, asked: Asked) -> SandboxTrade:
    """Open a trade in the payer's browser, or find the one that was opened before. Raises `Refused`."""
    found = await _asked_for(db, shop, asked, PAGES[asked.method])
    found.asked = {**found.asked, "opened": True}
    return found


async def precreate(db: AsyncSession, shop: AlipayShop, asked: Asked) -> Node:
    """Give a code to be scanned; the trade does not exist before somebody has scanned it."""
    found = await _asked_for(db, shop, asked, _QR)
    return success(out_trade_no=found.out_trade_no, qr_code=shop.address(found.out_trade_no))


async def _asked_for(db: AsyncSession, shop: AlipayShop, asked: Asked, product: Product) -> SandboxTrade:
    if product.product_codes and asked.text("product_code") not in product.product_codes:
        raise Refused("ACQ.INVALID_PARAMETER")
    now = shop.clock()
    number, amount = asked.number("out_trade_no"), asked.fen("total_amount")
    title = asked.title("subject")
    expires_at = _expiry(asked, product, now)
    terms = {"total_amount": yuan(amount), "subject": title}
    row = {
        "provider": ALIPAY,
        "out_trade_no": number,
        "reference": number,
        "kind": product.kind,
        "app_id": shop.app_id,
        "title": title,
        "amount_fen": amount,
        "notify_url": asked.notify_url,
        "return_url": asked.return_url or None,
        "asked": {**terms, "opened": False, "trade_no": new_number(now), "quit_url": _quit_url(asked)},
        "created_at": now,
        "expires_at": expires_at,
    }
    if now < expires_at:
        await db.execute(insert(SandboxTrade).values(row).on_conflict_do_nothing())
    found = await _found(db, shop, number)
    if found is None or found.state is TradeState.CLOSED:
        raise Refused("ACQ.TRADE_HAS_CLOSE")
    if any(found.asked[name] != value for name, value in terms.items()):
        raise Refused("ACQ.CONTEXT_INCONSISTENT")
    if found.state is TradeState.PAID:
        raise Refused("ACQ.TRADE_HAS_SUCCESS")
    return found


def _quit_url(asked: Asked) -> str:
    """Where a payer goes who does not want to pay; only pages of phones have it."""
    url = str(asked.content.get("quit_url", ""))
    return url if url.startswith(("https://", "http://")) else ""


def _expiry(asked: Asked, product: Product, now: datetime) -> datetime:
    """`time_expire` is a moment, `timeout_express` a span such as 15m."""
    if "time_expire" in asked.content:
        moment = moment_of(asked.text("time_expire"))
        if moment is None:
            raise Refused("ACQ.INVALID_PARAMETER")
        return moment
    if "timeout_express" not in asked.content:
        return now + LONGEST[product.kind]
    span = _TIMEOUT.fullmatch(asked.text("timeout_express"))
    if span is None:
        raise Refused("ACQ.INVALID_PARAMETER")
    return now + int(span[1]) * _UNITS[span[2]]


async def _found(db: AsyncSession, shop: AlipayShop, out_trade_no: str) -> SandboxTrade | None:
    """Lock a trade, closed if its time has passed; the merchant is told of one that somebody had opened."""
    found = await trade.locked(db, provider=ALIPAY, out_trade_no=out_trade_no)
    now = shop.clock()
    if found is not None and not trade.can_be_paid(found, now=now):
        is_over = found.state is TradeState.OPEN
        trade.close(found, now=now)
        if is_over and exists(found):
            await notify.tell_unpaid(db, shop, found)
    return found


async def _named(db: AsyncSession, asked: Asked) -> str:
    """The order number of a trade that is named by it or by Alipay's own number. Raises `Refused`."""
    if "out_trade_no" in asked.content or "trade_no" not in asked.content:
        return asked.text("out_trade_no")
    number = await db.scalar(
        select(SandboxTrade.out_trade_no).where(
            SandboxTrade.provider == ALIPAY,
            SandboxTrade.asked["trade_no"].as_string() == asked.text("trade_no"),
        )
    )
    return number or ""


async def _existing(db: AsyncSession, shop: AlipayShop, asked: Asked) -> SandboxTrade:
    found = await _found(db, shop, await _named(db, asked))
    if found is None or not exists(found):
        raise Refused("ACQ.TRADE_NOT_EXIST")
    return found


async def query(db: AsyncSession, shop: AlipayShop, asked: Asked) -> Node:
    """How a trade stands; one that was paid and given back whole is closed, but has its time of payment."""
    found = await _existing(db, shop, asked)
    node = success(
        out_trade_no=found.out_trade_no,
        trade_no=found.asked["trade_no"],
        trade_status=notify.status_of(found),
        total_amount=yuan(found.amount_fen),
        buyer_user_id=BUYER_ID,
        buyer_logon_id=BUYER_LOGON_ID,
    )
    if found.paid_at is not None:
        is_back = found.refunded_fen == found.amount_fen
        kept = yuan(0 if is_back else found.amount_fen)
        node |= {"send_pay_date": local_text(found.paid_at), "buyer_pay_amount": kept, "receipt_amount": kept}
    return node


async def close(db: AsyncSession, shop: AlipayShop, asked: Asked) -> Node:
    """Close a trade that nobody has paid."""
    found = await _existing(db, shop, asked)
    if await faults.takes(db, provider=ALIPAY, kind=FaultKind.CLOSE_RACE, out_trade_no=found.out_trade_no):
        await notify.capture(db, shop, found)
    if found.state is not TradeState.OPEN:
        raise Refused("ACQ.TRADE_STATUS_ERROR")
    trade.close(found, now=shop.clock())
    return success(out_trade_no=found.out_trade_no, trade_no=found.asked["trade_no"])


async def cancel(db: AsyncSession, shop: AlipayShop, asked: Asked) -> Node:
    """Undo a trade whatever became of it: one that nobody paid is closed, a paid one goes back whole."""
    found = await _existing(db, shop, asked)
    action = {}
    if found.state is TradeState.OPEN:
        trade.close(found, now=shop.clock())
        action = {"action": "close"}
    elif found.paid_at is not None and found.refunded_fen < found.amount_fen:
        rest = found.amount_fen - found.refunded_fen
        await _give_back(db, shop, found, amount=rest, number=found.out_trade_no, asked=asked)
        action = {"action": "refund"}
    return success(
        out_trade_no=found.out_trade_no, trade_no=found.asked["trade_no"], retry_flag="N", **action
    )


async def refund(db: AsyncSession, shop: AlipayShop, asked: Asked) -> Node:
    """Give money back at once; the same number again changes nothing and says so."""
    found = await _existing(db, shop, asked)
    amount = asked.fen("refund_amount")
    whole = amount == found.amount_fen and "out_request_no" not in asked.content
    number = found.out_trade_no if whole else asked.text("out_request_no")
    if found.paid_at is None:
        raise Refused("ACQ.TRADE_STATUS_ERROR")
    before = await db.get(SandboxRefund, (ALIPAY, found.out_trade_no, number))
    if before is None:
        made = await _give_back(db, shop, found, amount=amount, number=number, asked=asked)
        return _refund_node(found, made, changed="Y")
    if before.amount_fen != amount:
        raise Refused("ACQ.DISCORDANT_REPEAT_REQUEST")
    return _refund_node(found, before, changed="N")


async def _give_back(
    db: AsyncSession, shop: AlipayShop, found: SandboxTrade, *, amount: int, number: str, asked: Asked
) -> SandboxRefund:
    if found.refunded_fen == found.amount_fen:
        raise Refused("ACQ.TRADE_STATUS_ERROR")
    if found.refunded_fen + amount > found.amount_fen:
        raise Refused(_TOO_MUCH)
    now = shop.clock()
    made = SandboxRefund(
        provider=ALIPAY,
        out_trade_no=found.out_trade_no,
        out_refund_no=number,
        refund_id=new_number(now),
        amount_fen=amount,
        reason=asked.text("refund_reason", longest=256) if asked.content.get("refund_reason") else "",
        notify_url=found.notify_url,
        state=RefundState.SUCCESS,
        created_at=now,
        settles_at=now,
        settled_at=now,
    )
    db.add(made)
    found.refunded_fen += amount
    await db.flush()
    await notify.tell_refunded(db, shop, found, made)
    return made


def _refund_node(found: SandboxTrade, made: SandboxRefund, *, changed: str) -> Node:
    return success(
        out_trade_no=found.out_trade_no,
        trade_no=found.transaction_id,
        buyer_user_id=BUYER_ID,
        buyer_logon_id=BUYER_LOGON_ID,
        fund_change=changed,
        refund_fee=yuan(found.refunded_fen),
        gmt_refund_pay=local_text(made.created_at),
    )


async def refund_query(db: AsyncSession, shop: AlipayShop, asked: Asked) -> Node:
    """How a refund stands; about one that never arrived the answer is an empty success."""
    found = await _existing(db, shop, asked)
    number = asked.text("out_request_no")
    made = await db.get(SandboxRefund, (ALIPAY, found.out_trade_no, number))
    if made is None:
        return success()
    node = success(
        out_trade_no=found.out_trade_no,
        trade_no=found.transaction_id,
        out_request_no=number,
        refund_amount=yuan(made.amount_fen),
        total_amount=yuan(found.amount_fen),
        refund_reason=made.reason,
        refund_status="REFUND_SUCCESS",
    )
    if "gmt_refund_pay" in asked.content.get("query_options", ()):
        node["gmt_refund_pay"] = local_text(made.created_at)
    return node
