"""The trade bill of a day: a zip of two GBK tables, behind an address that lives for thirty seconds."""

from __future__ import annotations

import io
import secrets
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from guahao.kernel.clock import CHINA, at_local, local_date
from guahao.kernel.db import transaction
from guahao.kernel.i18n import text
from guahao.sandbox import faults
from guahao.sandbox.alipay.protocol import Asked, Node, Refused, local_text, success, yuan
from guahao.sandbox.alipay.shop import BUYER_LOGON_ID, AlipayShop, new_number
from guahao.sandbox.models import (
    FaultKind,
    SandboxBill,
    SandboxProvider,
    SandboxRefund,
    SandboxTrade,
)

ALIPAY = SandboxProvider.ALIPAY
LIVES = timedelta(seconds=30)
_NEWEST = 3
_PLANTED_FEN = 1234
_FAULTS = (
    FaultKind.BILL_NOT_READY,
    FaultKind.BILL_HASH_WRONG,
    FaultKind.BILL_EXTRA_ROW,
    FaultKind.BILL_MISSING_ROW,
    FaultKind.BILL_AMOUNT_DIFFERS,
    FaultKind.BILL_REFUND_DIFFERS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A payment, or a refund where `out_refund_no` is not empty; the amount is positive."""

    created_at: datetime
    at: datetime
    trade_no: str
    out_trade_no: str
    title: str
    amount_fen: int
    out_refund_no: str = ""

    @property
    def is_refund(self) -> bool:
        return bool(self.out_refund_no)

    @property
    def signed_fen(self) -> int:
        return -self.amount_fen if self.is_refund else self.amount_fen


async def offer(db: AsyncSession, shop: AlipayShop, asked: Asked) -> Node:
    """Make a day's bill and say where it can be fetched.

    The real one is ready at nine on the next day; here today's, as far as it is, is ready at once.
    """
    if asked.text("bill_type") != "trade":
        raise Refused("isv.invalid-bill-type", code="40002")
    now = shop.clock()
    day = _day_of(asked, today=local_date(now))
    wrong = await faults.taken(db, provider=ALIPAY, kinds=_FAULTS)
    rows = _with_differences(await _rows(db, day), wrong, day=day)
    if not rows or FaultKind.BILL_NOT_READY in wrong:
        raise Refused("isp.bill_not_exist")
    content = _packed(shop, rows, day=day, now=now)
    if FaultKind.BILL_HASH_WRONG in wrong:  # no hash is given for this bill: the file itself is damaged
        content = content[: len(content) // 2] + bytes(16) + content[len(content) // 2 + 16 :]
    token = secrets.token_urlsafe(24)
    db.add(SandboxBill(token=token, provider=ALIPAY, content=content, expires_at=now + LIVES))
    return success(bill_download_url=shop.address(f"bills/{token}"))


async def download(shop: AlipayShop, token: str) -> Response:
    """Answer the file behind an address that still lives, unsigned."""
    async with transaction(shop.sessions) as db:
        found = await db.get(SandboxBill, token)
    if found is None or found.provider is not ALIPAY or found.expires_at <= shop.clock():
        return Response(status_code=404)
    return Response(found.content, media_type="application/zip")


def _day_of(asked: Asked, *, today: date) -> date:
    try:
        day = date.fromisoformat(asked.text("bill_date"))
    except ValueError:
        raise Refused("isv.invalid-arguments", code="40002") from None
    if day > today:
        raise Refused("isp.bill_not_exist")
    return day


async def _rows(db: AsyncSession, day: date) -> list[_Row]:
    begins = at_local(day, time())
    ends = begins + timedelta(days=1)
    paid = select(SandboxTrade).where(
        SandboxTrade.provider == ALIPAY, SandboxTrade.paid_at >= begins, SandboxTrade.paid_at < ends
    )
    refunded = (
        select(SandboxRefund, SandboxTrade)
        .join(SandboxTrade)
        .where(
            SandboxRefund.provider == ALIPAY,
            SandboxRefund.created_at >= begins,
            SandboxRefund.created_at < ends,
        )
    )
    rows = [_payment(trade) for trade in await db.scalars(paid)]
    for refund, trade in (await db.execute(refunded)).all():
        rows.append(
            replace(
                _payment(trade),
                at=refund.created_at,
                amount_fen=refund.amount_fen,
                out_refund_no=refund.out_refund_no,
            )
        )
    return sorted(rows, key=lambda row: (row.at, row.out_trade_no, row.out_refund_no))


def _payment(trade: SandboxTrade) -> _Row:
    assert trade.paid_at is not None
    return _Row(
        created_at=trade.created_at,
        at=trade.paid_at,
        trade_no=trade.transaction_id or "",
        out_trade_no=trade.out_trade_no,
        title=trade.title,
        amount_fen=trade.amount_fen,
    )


def _with_differences(rows: Sequence[_Row], wrong: frozenset[FaultKind], *, day: date) -> list[_Row]:
    """Plant what reconciliation must find, each in a row of its own where there are enough.

    Payments among the newest few, so that whoever just made some knows which.
    """
    payments = [row for row in rows if not row.is_refund][-_NEWEST:]
    refunds = [row for row in rows if row.is_refund]
    changed: dict[_Row, _Row | None] = {}
    if FaultKind.BILL_MISSING_ROW in wrong and payments:
        changed[payments[0]] = None
    if FaultKind.BILL_AMOUNT_DIFFERS in wrong and payments:
        changed[payments[-1]] = replace(payments[-1], amount_fen=payments[-1].amount_fen + 1)
    if FaultKind.BILL_REFUND_DIFFERS in wrong and refunds:
        changed[refunds[-1]] = replace(refunds[-1], amount_fen=refunds[-1].amount_fen + 1)
    planted = [new for row in rows if (new := changed.get(row, row)) is not None]
    if FaultKind.BILL_EXTRA_ROW in wrong:
        planted.append(_unknown_payment(day))
    return planted


def _unknown_payment(day: date) -> _Row:
    at = datetime.combine(day, time(12), CHINA).astimezone(UTC)
    return _Row(
        created_at=at,
        at=at,
        trade_no=new_number(at),
        out_trade_no=secrets.token_hex(16),
        title=text("sandbox-alipay.planted"),
        amount_fen=_PLANTED_FEN,
    )


def _packed(shop: AlipayShop, rows: Sequence[_Row], *, day: date, now: datetime) -> bytes:
    account = f"{shop.seller_id}0156"
    days = {
        "account": account,
        "begins": _day_text(day),
        "ends": _day_text(day + timedelta(days=1)),
        "made_at": f"{now.astimezone(CHINA):%H:%M:%S}",
        "today": _day_text(local_date(now)),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind, lines in (("detail", _detail_lines(rows, days)), ("summary", _summary_lines(rows, days))):
            name = f"{account}_{day:%Y%m%d}_{text(f'sandbox-alipay.{kind}-file')}.csv"
            archive.writestr(name, "".join(f"{line}\r\n" for line in lines).encode("gbk", "replace"))
    return packed.getvalue()


def _day_text(day: date) -> str:
    return text("sandbox-alipay.day", year=day.year, month=f"{day.month:02d}", day=f"{day.day:02d}")


def _detail_lines(rows: Sequence[_Row], days: dict[str, str]) -> list[str]:
    paid = [row.signed_fen for row in rows if not row.is_refund]
    returned = [row.signed_fen for row in rows if row.is_refund]
    totals = {
        "paid_count": len(paid),
        "paid": yuan(sum(paid)),
        "returned_count": len(returned),
        "returned": yuan(sum(returned)),
    }
    return [
        *text("sandbox-alipay.detail-head", **days).splitlines(),
        *(_detail_line(row) for row in rows),
        *text("sandbox-alipay.detail-foot", **days, **totals).splitlines(),
    ]


def _detail_line(row: _Row) -> str:
    amount = yuan(row.signed_fen)
    cells = [
        f"{row.trade_no}\t",
        f"{row.out_trade_no}\t",
        text("sandbox-alipay.refund" if row.is_refund else "sandbox-alipay.payment") + "\t",
        row.title.replace(",", " "),
        local_text(row.created_at),
        local_text(row.at),
        *["\t"] * 4,
        f"*({BUYER_LOGON_ID})\t",
        amount,
        amount,
        *["0.00"] * 5,
        "",
        "0.00\t",
        "0.00",
        f"{row.out_refund_no}\t",
        "0.00",
        "0.00",
        "",
    ]
    return ",".join(cells)


def _summary_lines(rows: Sequence[_Row], days: dict[str, str]) -> list[str]:
    net = yuan(sum(row.signed_fen for row in rows))
    count = sum(not row.is_refund for row in rows)
    cells = [str(count), str(len(rows) - count), net, net, *["0.00"] * 5, net]
    return [
        *text("sandbox-alipay.summary-head", **days).splitlines(),
        ",".join([text("sandbox-alipay.all-shops"), "", *cells]),
        ",".join([text("sandbox-alipay.total"), "", *cells]),
        *text("sandbox-alipay.summary-foot", **days).splitlines(),
    ]
