"""Reads WeChat Pay's daily bill files: what their rows say must add up to what their totals say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files

import msgspec

from guahao.adapters.wechat_pay.message import CURRENCY
from guahao.kernel.clock import CHINA
from guahao.payment.ports import BillDamaged, BillKind, BillRow, FundsSummary

Row = Mapping[str, str]

_KINDS = {"SUCCESS": BillKind.PAYMENT, "REFUND": BillKind.REFUND, "REVOKED": BillKind.REFUND}
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,8})?")


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    trade: dict[str, str]
    trade_totals: dict[str, str]
    funds: dict[str, str]
    funds_totals: dict[str, str]
    directions: dict[str, str]


@cache
def _words() -> _Words:
    source = files("guahao.adapters.wechat_pay").joinpath("bill.toml").read_bytes()
    return msgspec.toml.decode(source, type=_Words)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeBill:
    """A day's payments and refunds of the whole merchant, whichever of its apps they came from."""

    rows: Sequence[BillRow]
    paid_fen: int
    refunded_fen: int


def read_trade_bill(content: bytes, *, mchid: str) -> TradeBill:
    """Read a trade bill of type ALL. Raises `BillDamaged`."""
    rows, totals = _table(content, _words().trade, _words().trade_totals)
    if any(row["mchid"] != mchid or row["currency"] != CURRENCY for row in rows):
        raise BillDamaged("merchant or currency")
    found = [_bill_row(row) for row in rows]
    _must_equal(totals["count"], len(rows))
    _must_be_fen(totals["total"], sum(_fen(row["total"]) for row in rows))
    _must_be_fen(totals["refund"], sum(_fen(row["refund"]) for row in rows))
    return TradeBill(
        rows=found,
        paid_fen=sum(row.amount_fen for row in found if row.kind is BillKind.PAYMENT),
        refunded_fen=sum(row.amount_fen for row in found if row.kind is BillKind.REFUND),
    )


def read_funds_bill(content: bytes) -> FundsSummary:
    """Read a fund-flow bill. Raises `BillDamaged`."""
    words = _words()
    rows, totals = _table(content, words.funds, words.funds_totals)
    income = [_fen(row["amount"]) for row in rows if row["direction"] == words.directions["income"]]
    outgo = [_fen(row["amount"]) for row in rows if row["direction"] == words.directions["outgo"]]
    _must_equal(totals["count"], len(rows))
    _must_equal(totals["income_count"], len(income))
    _must_equal(totals["outgo_count"], len(outgo))
    _must_be_fen(totals["income"], sum(income))
    _must_be_fen(totals["outgo"], sum(outgo))
    if len(income) + len(outgo) != len(rows):
        raise BillDamaged("direction")
    return FundsSummary(income_fen=sum(income), outgo_fen=sum(outgo), row_count=len(rows))


def _bill_row(row: Row) -> BillRow:
    """A refund is final only when it succeeded: what failed or is under way the query tells better."""
    kind = _KINDS.get(row["state"])
    if kind is None:
        raise BillDamaged("state")
    is_refund = kind is BillKind.REFUND
    return BillRow(
        kind=kind,
        out_trade_no=row["out_trade_no"],
        transaction_id=row["transaction_id"],
        out_refund_no=row["out_refund_no"] if is_refund else "",
        amount_fen=_fen(row["refund" if is_refund else "total"]),
        at=_moment(row["at"]),
        is_final=not is_refund or row["refund_status"] == "SUCCESS",
    )


def _table(content: bytes, columns: Mapping[str, str], totals: Mapping[str, str]) -> tuple[list[Row], Row]:
    """The rows, by our names of the columns, and the last two lines: titles and values of the totals."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BillDamaged("not UTF-8") from None
    lines = [line.rstrip("\r") for line in text.split("\n")]
    lines = [line for line in lines if line]
    if len(lines) < 3:
        raise BillDamaged("no totals")
    titles, *rows, total_titles, total = lines
    places = _places(titles, columns)
    width = len(_titles(titles))
    return (
        [_row(line, places, width) for line in rows],
        _row(total, _places(total_titles, totals), len(_titles(total_titles))),
    )


def _titles(line: str) -> list[str]:
    return [title.strip("`") for title in line.split(",")]


def _places(line: str, columns: Mapping[str, str]) -> Mapping[str, int]:
    titles = _titles(line)
    if any(titles.count(title) != 1 for title in columns.values()):
        raise BillDamaged("columns")
    return {name: titles.index(title) for name, title in columns.items()}


def _row(line: str, places: Mapping[str, int], width: int) -> Row:
    """Every cell begins with a backtick, which tells a comma inside a cell from one between two."""
    cells = line.split(",`")
    if not line.startswith("`") or len(cells) != width:
        raise BillDamaged("cells")
    cells[0] = cells[0][1:]
    return {name: cells[place] for name, place in places.items()}


def _fen(yuan: str) -> int:
    """Yuan as written in a bill, exactly; its totals may exceed what one order may cost."""
    fen = Decimal(yuan) * 100 if _NUMBER.fullmatch(yuan) else Decimal("0.5")
    if fen != int(fen):
        raise BillDamaged("amount")
    return int(fen)


def _must_be_fen(yuan: str, fen: int) -> None:
    if _fen(yuan) != fen:
        raise BillDamaged("totals")


def _must_equal(number: str, count: int) -> None:
    """Counts are written like amounts at times: 45.0."""
    if not _NUMBER.fullmatch(number) or Decimal(number) != count:
        raise BillDamaged("totals")


def _moment(local: str) -> datetime:
    try:
        found = datetime.strptime(local, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
    except ValueError:
        raise BillDamaged("time") from None
    return found.astimezone(UTC)
