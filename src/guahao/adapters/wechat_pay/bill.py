"""Reads WeChat Pay's daily bill files: what their rows say must add up to what their totals say.

The bill is the merchant's, and other systems write into it: a row of theirs that cannot be read is set
aside by itself, counted as far as it can be, and the day goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files

import msgspec

from guahao.adapters.lenient import plausible
from guahao.adapters.wechat_pay.message import CURRENCY
from guahao.kernel.clock import CHINA
from guahao.payment.ports import BillDamaged, BillKind, BillRow, FundsSummary, OddRow

Row = Mapping[str, str]

_KINDS = {"SUCCESS": BillKind.PAYMENT, "REFUND": BillKind.REFUND, "REVOKED": BillKind.REFUND}
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,8})?")
_WIDE = str.maketrans("（）", "()")
_MOST_ODD = 100
"""More rows that cannot be read mean that the file is another than we know."""


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    trade: dict[str, list[str]]
    trade_totals: dict[str, list[str]]
    funds: dict[str, list[str]]
    funds_totals: dict[str, list[str]]
    directions: dict[str, str]
    free: dict[str, list[str]]


@cache
def _words() -> _Words:
    source = files("guahao.adapters.wechat_pay").joinpath("bill.toml").read_bytes()
    return msgspec.toml.decode(source, type=_Words)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeBill:
    """A day's payments and refunds of the whole merchant, whichever of its apps they came from.

    The sums count the rows that cannot be read too, as far as they tell their kind and amount.
    """

    rows: Sequence[BillRow]
    odd: Sequence[OddRow]
    paid_fen: int
    refunded_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Rows by our names of the columns; one that has not the right cells is its bare line."""

    rows: Sequence[Row]
    broken: Sequence[str]
    totals: Row


class _Odd(ValueError):
    """A row cannot be read, and why."""


def read_trade_bill(content: bytes, *, mchid: str) -> TradeBill:
    """Read a trade bill of type ALL. Raises `BillDamaged`."""
    table = _table(content, _words().trade, _words().trade_totals)
    if table.rows and all(row["mchid"] != mchid for row in table.rows):
        raise BillDamaged("merchant")
    found: list[BillRow] = []
    odd = [_broken(line, number) for number, line in enumerate(table.broken, start=1)]
    for row in table.rows:
        try:
            found.append(_bill_row(row, mchid=mchid))
        except _Odd as reason:
            odd.append(_odd(row, str(reason)))
    if len(odd) > _MOST_ODD:
        raise BillDamaged("rows")
    _must_equal(table.totals["count"], len(found) + len(odd))
    for name in ("total", "refund"):
        _require_total(table, name)
    return TradeBill(
        rows=found,
        odd=tuple(odd),
        paid_fen=_sum([*found, *odd], BillKind.PAYMENT),
        refunded_fen=_sum([*found, *odd], BillKind.REFUND),
    )


def read_funds_bill(content: bytes) -> FundsSummary:
    """Read a fund-flow bill. Raises `BillDamaged`."""
    words = _words()
    table = _table(content, words.funds, words.funds_totals)
    rows, totals = table.rows, table.totals
    if table.broken:
        raise BillDamaged("cells")
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


def _bill_row(row: Row, *, mchid: str) -> BillRow:
    """A refund is final only when it succeeded: what failed or is under way the query tells better."""
    kind = _KINDS.get(row["state"])
    if kind is None:
        raise _Odd("state")
    if row["currency"] != CURRENCY:
        raise _Odd("currency")
    if row["mchid"] != mchid:
        raise _Odd("merchant")
    is_refund = kind is BillKind.REFUND
    amount_fen, at = _fen_or_none(row["refund" if is_refund else "total"]), _moment(row["at"])
    if amount_fen is None:
        raise _Odd("amount")
    if at is None:
        raise _Odd("time")
    return BillRow(
        kind=kind,
        out_trade_no=row["out_trade_no"],
        transaction_id=row["transaction_id"],
        out_refund_no=_given(row["out_refund_no"]) if is_refund else "",
        amount_fen=amount_fen,
        at=at,
        is_final=not is_refund or row["refund_status"] == "SUCCESS",
    )


def _odd(row: Row, reason: str) -> OddRow:
    """Of another currency the amount is not one of ours; of an unknown state its column tells the kind."""
    total, refund = _fen_or_none(row["total"]), _fen_or_none(row["refund"])
    kind = _KINDS.get(row["state"]) or (BillKind.REFUND if refund else BillKind.PAYMENT)
    is_refund = kind is BillKind.REFUND
    amount_fen = refund if is_refund else total
    is_ours = row["currency"] == CURRENCY and amount_fen is not None
    return OddRow(
        reference=_printable((is_refund and _given(row["out_refund_no"])) or row["transaction_id"]),
        reason=reason,
        kind=kind if is_ours else None,
        amount_fen=amount_fen if is_ours else None,
    )


def _broken(line: str, number: int) -> OddRow:
    cells = [cell for cell in line.split(",`") if re.fullmatch(r"[0-9]{20,40}", cell)]
    return OddRow(reference=cells[0] if cells else f"#{number}", reason="cells")


def _given(number: str) -> str:
    """A number that need not be there; the bill writes 0 for none."""
    return "" if number == "0" else number


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:64] or "-"


def _sum(rows: Iterable[BillRow | OddRow], kind: BillKind) -> int:
    return sum(row.amount_fen or 0 for row in rows if row.kind is kind)


def _require_total(table: _Table, name: str) -> None:
    """The column adds up to its total, or to less where amounts cannot be read."""
    amounts = [_fen_or_none(row[name]) for row in table.rows]
    read = sum(fen for fen in amounts if fen is not None)
    if table.broken or None in amounts:
        if _fen(table.totals[name]) < read:
            raise BillDamaged("totals")
        return
    foreign = sum(
        fen
        for row, fen in zip(table.rows, amounts, strict=True)
        if fen is not None and row["currency"] != CURRENCY
    )
    if _fen(table.totals[name]) not in {read, read - foreign}:
        raise BillDamaged("totals")


def _table(content: bytes, columns: Mapping[str, list[str]], totals: Mapping[str, list[str]]) -> _Table:
    """The rows, and the last two lines: titles and values of the totals."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BillDamaged("not UTF-8") from None
    lines = [line.rstrip("\r") for line in text.split("\n")]
    lines = [line for line in lines if line]
    if len(lines) < 3:
        raise BillDamaged("no totals")
    head, *body, total_head, total = lines
    titles = _titles(head)
    places = _places(titles, columns)
    rows: list[Row] = []
    broken: list[str] = []
    for line in _joined(body):
        cells = _cells(line, titles)
        if cells is None:
            broken.append(line)
        else:
            rows.append({name: cells[place] for name, place in places.items()})
    return _Table(rows=rows, broken=broken, totals=_totals(total_head, total, totals))


def _joined(lines: Iterable[str]) -> list[str]:
    """Whole rows: a line that does not begin like one goes on with a text that holds a line's end."""
    rows: list[str] = []
    for line in lines:
        if rows and not line.startswith("`"):
            rows[-1] += line
        else:
            rows.append(line)
    return rows


def _cells(line: str, titles: Sequence[str]) -> list[str] | None:
    """The cells of a row; None if there are other than it should have.

    Every cell begins with a backtick, which tells a comma inside a cell from one between two. A text that
    holds both makes too many: then what stands before the texts of payers and shops counts from the left,
    and what stands after them from the right.
    """
    cells = line.removeprefix("`").split(",`")
    surplus = len(cells) - len(titles)
    if not line.startswith("`") or surplus < 0:
        return None
    if surplus == 0:
        return cells
    free = [titles.index(title) for title in _words().free["titles"] if title in titles]
    if not free:
        return None
    first, last = min(free), max(free)
    after = len(cells) - (len(titles) - 1 - last)
    return [*cells[:first], *[""] * (last - first + 1), *cells[after:]]


def _totals(head: str, line: str, names: Mapping[str, list[str]]) -> Row:
    titles = _titles(head)
    places = _places(titles, names)
    cells = line.removeprefix("`").split(",`")
    if not line.startswith("`") or len(cells) != len(titles):
        raise BillDamaged("cells")
    return {name: cells[place] for name, place in places.items()}


def _titles(line: str) -> list[str]:
    return [title.strip("`").translate(_WIDE) for title in line.split(",")]


def _places(titles: Sequence[str], columns: Mapping[str, list[str]]) -> Mapping[str, int]:
    """Where each column is, by the newest of its names."""
    places: dict[str, int] = {}
    for name, known in columns.items():
        title = next((title for title in known if title in titles), None)
        if title is None or titles.count(title) != 1:
            raise BillDamaged("columns")
        places[name] = titles.index(title)
    return places


def _fen_or_none(yuan: str) -> int | None:
    fen = Decimal(yuan) * 100 if _NUMBER.fullmatch(yuan) else Decimal("0.5")
    return int(fen) if fen == int(fen) else None


def _fen(yuan: str) -> int:
    """Yuan as written in a bill, exactly; its totals may exceed what one order may cost."""
    fen = _fen_or_none(yuan)
    if fen is None:
        raise BillDamaged("amount")
    return fen


def _must_be_fen(yuan: str, fen: int) -> None:
    if _fen(yuan) != fen:
        raise BillDamaged("totals")


def _must_equal(number: str, count: int) -> None:
    """Counts are written like amounts at times: 45.0."""
    if not _NUMBER.fullmatch(number) or Decimal(number) != count:
        raise BillDamaged("totals")


def _moment(local: str) -> datetime | None:
    try:
        return plausible(datetime.strptime(local, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA))
    except ValueError:
        return None
