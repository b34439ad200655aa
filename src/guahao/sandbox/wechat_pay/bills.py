"""Bills of a day at WeChat Pay: what was paid and refunded, and how the merchant's funds moved, in yuan."""

from __future__ import annotations

import gzip
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import assert_never

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import CHINA, at_local, local_date
from guahao.kernel.i18n import text
from guahao.sandbox import faults
from guahao.sandbox.models import (
    FaultKind,
    RefundState,
    SandboxBill,
    SandboxProvider,
    SandboxRefund,
    SandboxTrade,
)
from guahao.sandbox.wechat_pay.message import Answer, Call, Merchant, Refusal, answer

WECHAT = SandboxProvider.WECHAT
_LIVES = timedelta(minutes=5)
_KEPT_DAYS = 90
_NEWEST = 3
_PLANTED_FEN = 1234
_PLANTED = (
    FaultKind.BILL_EXTRA_ROW,
    FaultKind.BILL_MISSING_ROW,
    FaultKind.BILL_AMOUNT_DIFFERS,
    FaultKind.BILL_REFUND_DIFFERS,
)
_REFUND_STATES = {
    RefundState.PROCESSING: "PROCESSING",
    RefundState.SUCCESS: "SUCCESS",
    RefundState.ABNORMAL: "CHANGE",
    RefundState.CLOSED: "FAIL",
}


class Kind(StrEnum):
    """Which bill."""

    TRADE = "tradebill"
    FUNDS = "fundflowbill"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A payment, or a refund where `out_refund_no` is not empty."""

    at: datetime
    app_id: str
    transaction_id: str
    out_trade_no: str
    payer: str
    trade_type: str
    title: str
    amount_fen: int
    refund_id: str = ""
    out_refund_no: str = ""
    refund_state: str = ""

    @property
    def is_refund(self) -> bool:
        return bool(self.out_refund_no)


async def offer(db: AsyncSession, call: Call, *, kind: Kind, merchant: Merchant, now: datetime) -> Answer:
    """Make a day's bill and say where it can be fetched, with its hash.

    The real one is ready at ten on the next day; here today's, as far as it is, is ready at once.
    The hash is of the file before it is compressed.
    """
    day = _day_of(call, now=now)
    wrong = await faults.taken(db, provider=WECHAT, kinds=_kinds(kind))
    if FaultKind.BILL_NOT_READY in wrong:
        raise Refusal("STATEMENT_CREATING")
    rows = await _rows(db, day)
    if not rows and FaultKind.BILL_EXTRA_ROW not in wrong:
        raise Refusal("NO_STATEMENT_EXIST")
    match kind:
        case Kind.TRADE:
            planted = _with_differences(rows, wrong, day=day, merchant=merchant)
            lines = _trade_lines(_picked(planted, call), merchant)
        case Kind.FUNDS:
            lines = _funds_lines(rows)
        case _:
            assert_never(kind)
    content = ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()
    file = gzip.compress(content) if call.query.get("tar_type") == "GZIP" else content
    token = secrets.token_urlsafe(24)
    db.add(SandboxBill(token=token, provider=WECHAT, content=file, expires_at=now + _LIVES))
    digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return answer(
        {
            "hash_type": "SHA1",
            "hash_value": digest[::-1] if FaultKind.BILL_HASH_WRONG in wrong else digest,
            "download_url": f"{call.base}/v3/billdownload/file?token={token}",
        }
    )


async def download(db: AsyncSession, call: Call, *, now: datetime) -> Answer:
    """Answer the file of a bill, unsigned."""
    token = call.query.get("token", "")
    found = await db.get(SandboxBill, token) if token.isprintable() else None
    if found is None or found.provider is not WECHAT or found.expires_at <= now:
        raise Refusal("RESOURCE_NOT_EXISTS")
    return Answer(status=200, body=found.content, is_signed=False)


def _kinds(kind: Kind) -> tuple[FaultKind, ...]:
    planted = _PLANTED if kind is Kind.TRADE else ()
    return (FaultKind.BILL_NOT_READY, FaultKind.BILL_HASH_WRONG, *planted)


def _day_of(call: Call, *, now: datetime) -> date:
    try:
        day = date.fromisoformat(call.query.get("bill_date", ""))
    except ValueError:
        raise Refusal("PARAM_ERROR") from None
    if not timedelta() <= local_date(now) - day <= timedelta(days=_KEPT_DAYS):
        raise Refusal("INVALID_REQUEST")
    return day


async def _rows(db: AsyncSession, day: date) -> list[_Row]:
    begins = at_local(day, time())
    ends = begins + timedelta(days=1)
    paid = select(SandboxTrade).where(
        SandboxTrade.provider == WECHAT, SandboxTrade.paid_at >= begins, SandboxTrade.paid_at < ends
    )
    refunded = (
        select(SandboxRefund, SandboxTrade)
        .join(SandboxTrade)
        .where(
            SandboxRefund.provider == WECHAT,
            SandboxRefund.created_at >= begins,
            SandboxRefund.created_at < ends,
        )
    )
    rows = [_payment(trade) for trade in await db.scalars(paid)]
    rows += [_refund(refund, trade) for refund, trade in await db.execute(refunded)]
    return sorted(rows, key=lambda row: (row.at, row.out_trade_no, row.out_refund_no))


def _payment(trade: SandboxTrade) -> _Row:
    assert trade.paid_at is not None
    return _Row(
        at=trade.paid_at,
        app_id=trade.app_id,
        transaction_id=trade.transaction_id or "",
        out_trade_no=trade.out_trade_no,
        payer=trade.payer or "",
        trade_type=trade.kind.upper(),
        title=trade.title,
        amount_fen=trade.amount_fen,
    )


def _refund(refund: SandboxRefund, trade: SandboxTrade) -> _Row:
    return replace(
        _payment(trade),
        at=refund.created_at,
        amount_fen=refund.amount_fen,
        refund_id=refund.refund_id,
        out_refund_no=refund.out_refund_no,
        refund_state=_REFUND_STATES[refund.state],
    )


def _with_differences(
    rows: Sequence[_Row], wrong: frozenset[FaultKind], *, day: date, merchant: Merchant
) -> list[_Row]:
    """Plant what reconciliation must find, each in a row of its own where there are enough.

    Payments among the newest few, so that whoever just made some knows which.
    """
    payments = [row for row in rows if not row.is_refund][-_NEWEST:]
    repaid = [row for row in rows if row.is_refund]
    changed: dict[_Row, _Row | None] = {}
    if FaultKind.BILL_MISSING_ROW in wrong and payments:
        changed[payments[0]] = None
    if FaultKind.BILL_AMOUNT_DIFFERS in wrong and payments:
        changed[payments[-1]] = replace(payments[-1], amount_fen=payments[-1].amount_fen + 1)
    if FaultKind.BILL_REFUND_DIFFERS in wrong and repaid:
        changed[repaid[-1]] = replace(repaid[-1], amount_fen=repaid[-1].amount_fen + 1)
    planted = [new for row in rows if (new := changed.get(row, row)) is not None]
    if FaultKind.BILL_EXTRA_ROW in wrong:
        planted.append(_unknown_payment(day, merchant))
    return planted


def _unknown_payment(day: date, merchant: Merchant) -> _Row:
    return _Row(
        at=datetime.combine(day, time(12), CHINA).astimezone(UTC),
        app_id=merchant.app_id,
        transaction_id=f"42000{day:%Y%m%d}{secrets.randbelow(10**15):015d}",
        out_trade_no=secrets.token_hex(16),
        payer="sandbox-stranger",
        trade_type="JSAPI",
        title=text("sandbox-wechat.planted"),
        amount_fen=_PLANTED_FEN,
    )


def _picked(rows: Sequence[_Row], call: Call) -> Sequence[_Row]:
    """Only the rows of the asked bill_type."""
    kind = call.query.get("bill_type", "ALL")
    if kind not in {"ALL", "SUCCESS", "REFUND"}:
        raise Refusal("PARAM_ERROR")
    return [row for row in rows if kind == "ALL" or (kind == "REFUND") is row.is_refund]


def _trade_lines(rows: Sequence[_Row], merchant: Merchant) -> list[str]:
    paid = sum(row.amount_fen for row in rows if not row.is_refund)
    repaid = sum(row.amount_fen for row in rows if row.is_refund)
    return [
        text("sandbox-wechat.trade-header"),
        *(_line(_trade_cells(row, merchant)) for row in rows),
        text("sandbox-wechat.trade-totals"),
        _line([str(len(rows)), _yuan(paid), _yuan(repaid), "0.00", "0.00000", _yuan(paid), _yuan(repaid)]),
    ]


def _trade_cells(row: _Row, merchant: Merchant) -> list[str]:
    paid, repaid = (0, row.amount_fen) if row.is_refund else (row.amount_fen, 0)
    return [
        _local(row.at),
        row.app_id,
        merchant.mchid,
        "0",
        "",
        row.transaction_id,
        row.out_trade_no,
        row.payer,
        row.trade_type,
        "REFUND" if row.is_refund else "SUCCESS",
        "OTHERS",
        "CNY",
        _yuan(paid),
        "0.00",
        row.refund_id or "0",
        row.out_refund_no or "0",
        _yuan(repaid),
        "0.00",
        "ORIGINAL" if row.is_refund else "",
        row.refund_state,
        row.title.replace(",", " ").replace("\n", " "),
        "",
        "0.00000",
        "0.00%",
        _yuan(paid),
        _yuan(repaid),
        "",
    ]


def _funds_lines(rows: Sequence[_Row]) -> list[str]:
    lines, balance, income, outgo, taken = [], 0, 0, 0, 0
    for row in rows:
        if row.refund_state == _REFUND_STATES[RefundState.CLOSED]:
            continue
        balance += -row.amount_fen if row.is_refund else row.amount_fen
        lines.append(_line(_funds_cells(row, balance)))
        if row.is_refund:
            outgo, taken = outgo + row.amount_fen, taken + 1
        else:
            income += row.amount_fen
    counts = [str(len(lines)), str(len(lines) - taken), _yuan(income), str(taken), _yuan(outgo)]
    return [
        text("sandbox-wechat.funds-header"),
        *lines,
        text("sandbox-wechat.funds-totals"),
        _line(counts),
    ]


def _funds_cells(row: _Row, balance_fen: int) -> list[str]:
    kind = "refund" if row.is_refund else "payment"
    number = row.refund_id if row.is_refund else row.transaction_id
    return [
        _local(row.at),
        number,
        number[::-1],
        text(f"sandbox-wechat.funds-{kind}"),
        text(f"sandbox-wechat.funds-{kind}"),
        text("sandbox-wechat.funds-out" if row.is_refund else "sandbox-wechat.funds-in"),
        _yuan(row.amount_fen),
        _yuan(balance_fen),
        "system",
        "",
        row.out_refund_no or row.out_trade_no,
    ]


def _line(cells: Sequence[str]) -> str:
    return ",".join(f"`{cell}" for cell in cells)


def _yuan(amount_fen: int) -> str:
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
