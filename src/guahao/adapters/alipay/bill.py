"""The day's trade bill: an unsigned zip of GBK tables, fetched from known hosts and added up before use."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import httpx

from guahao.adapters.alipay.protocol import Unreadable, fen, moment_of
from guahao.payment.ports import Bill, BillDamaged, BillKind, BillRow, ChannelUncertain, Provider

HOSTS: Final = frozenset(("dwbillcenter.alipay.com",))
"""Where Alipay keeps its bills; the only hosts besides the gateway's own that we ever fetch one from."""
MAX_PACKED_BYTES: Final = 32 * 1024 * 1024
MAX_UNPACKED_BYTES: Final = 128 * 1024 * 1024
MAX_PARTS: Final = 20

_DOWNLOAD_S = 30.0
_HTTPS_PORTS = (None, 443)
_KINDS = {"交易": BillKind.PAYMENT, "退款": BillKind.REFUND}
_UNIT = re.compile(r"[（(]元[）)]$")
_DETAIL, _SUMMARY = "支付宝交易号", "交易订单总笔数"
_TOTAL = re.compile(r"#(交易|退款)合计：([0-9]{1,9})笔，商家实收(?:退款)?共(-?[0-9.]+)元")
_ACCOUNT = re.compile(r"#账号：\[([0-9]+)\]")
_DAY = re.compile(r"#起始日期：\[([0-9]{4})年([0-9]{2})月([0-9]{2})日 00:00:00\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """One CSV file: what its comment lines say and its rows by column, without tabs and units."""

    notes: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, str]]


async def download(http: httpx.AsyncClient, address: str, *, endpoint: str) -> bytes:
    """Fetch the file while its address lives, for 30 s. Raises `ChannelUncertain`, `BillDamaged` if too big.

    The address came signed; still it is followed only to Alipay's bill host, over https whatever it says,
    or to the gateway itself, never with credentials, another port or a redirect.
    """
    url = _allowed(address, httpx.URL(endpoint))
    packed = bytearray()
    try:
        async with (
            asyncio.timeout(_DOWNLOAD_S),
            http.stream(
                "GET",
                url,
                headers={"Accept-Encoding": "identity"},
                timeout=_DOWNLOAD_S,
                follow_redirects=False,
            ) as answered,
        ):
            if answered.status_code != httpx.codes.OK:
                raise ChannelUncertain(str(answered.status_code))
            async for chunk in answered.aiter_raw():
                packed += chunk
                if len(packed) > MAX_PACKED_BYTES:
                    raise BillDamaged("size")
    except (httpx.HTTPError, TimeoutError) as error:
        # Without the cause, whose text may quote the address, which is a key to the bill.
        raise ChannelUncertain(type(error).__name__) from None
    return bytes(packed)


def _allowed(address: str, gateway: httpx.URL) -> httpx.URL:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        raise ChannelUncertain("bill address") from None
    if url.userinfo:
        raise ChannelUncertain("bill address")
    if (url.scheme, url.host, url.port) == (gateway.scheme, gateway.host, gateway.port):
        return url
    if url.scheme in ("http", "https") and url.host in HOSTS and url.port in _HTTPS_PORTS:
        return url.copy_with(scheme="https")
    raise ChannelUncertain("bill address")


def read(packed: bytes, *, day: date, seller_id: str) -> Bill:
    """Unpack, check against every total it carries, and give the rows. Raises `BillDamaged`."""
    try:
        tables = [_table(part) for part in _unpacked(packed)]
        (detail,) = (table for table in tables if _DETAIL in table.columns)
        (summary,) = (table for table in tables if _SUMMARY in table.columns)
        rows = [_row(cells) for cells in detail.rows]
        for table in (detail, summary):
            _require_ours(table.notes, day=day, seller_id=seller_id)
        _require_totals(detail, rows)
        _require_summary(summary, rows)
    except _BROKEN as error:
        raise BillDamaged(type(error).__name__) from None
    return Bill(
        provider=Provider.ALIPAY,
        day=day,
        digest=hashlib.sha256(packed).hexdigest(),
        rows=rows,
        row_count=len(rows),
        paid_fen=_sum(rows, BillKind.PAYMENT),
        refunded_fen=_sum(rows, BillKind.REFUND),
        funds=None,
    )


_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,  # zipfile's answer to a part that needs a password
    csv.Error,
    KeyError,
    ValueError,
)


def _unpacked(packed: bytes) -> list[str]:
    """The texts of the tables. What the directory declares is what zipfile reads at most."""
    archive = zipfile.ZipFile(io.BytesIO(packed))
    parts = archive.infolist()
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise ValueError("size")
    return [archive.read(part).decode("gb18030") for part in parts if part.filename.lower().endswith(".csv")]


def _table(text: str) -> _Table:
    notes: list[str] = []
    filled: list[list[str]] = []
    for line in csv.reader(io.StringIO(text, newline="")):
        cells = [cell.strip() for cell in line]
        if cells and cells[0].startswith("#"):
            notes.append(",".join(cells))
        elif any(cells):
            filled.append(cells)
    columns = [_UNIT.sub("", name) for name in filled[0]] if filled else []
    rows = [dict(zip(columns, cells, strict=True)) for cells in filled[1:]]
    return _Table(notes="\n".join(notes), columns=columns, rows=rows)


def _row(cells: Mapping[str, str]) -> BillRow:
    kind = _KINDS[cells["业务类型"]]
    return BillRow(
        kind=kind,
        out_trade_no=cells["商户订单号"],
        transaction_id=cells[_DETAIL],
        out_refund_no=cells["退款批次号/请求号"] if kind is BillKind.REFUND else "",
        amount_fen=_amount(cells["订单金额"], kind),
        at=moment_of(cells["完成时间"]),
        is_final=True,
    )


def _amount(written: str, kind: BillKind) -> int:
    """Read a payment, or a refund, which is written negative, as what was moved. Raises `Unreadable`."""
    moved = -_signed(written) if kind is BillKind.REFUND else _signed(written)
    if moved < 0:
        raise Unreadable("amount")
    return moved


def _signed(written: str) -> int:
    return -fen(written[1:]) if written.startswith("-") else fen(written)


def _require_ours(notes: str, *, day: date, seller_id: str) -> None:
    """Nothing of the file is signed: at least it must say that it is this seller's and of this day."""
    account, begins = _ACCOUNT.search(notes), _DAY.search(notes)
    if account is None or not account[1].startswith(seller_id):
        raise ValueError("account")
    if begins is None or "-".join(begins.groups()) != day.isoformat():
        raise ValueError("day")


def _require_totals(detail: _Table, rows: Sequence[BillRow]) -> None:
    """The last lines of the detail file count and add up what the seller received."""
    totals = {name: (int(count), amount) for name, count, amount in _TOTAL.findall(detail.notes)}
    for name, kind in _KINDS.items():
        received = sum(_amount(cells["商家实收"], kind) for cells in detail.rows if cells["业务类型"] == name)
        count, amount = totals[name]
        if count != _count(rows, kind) or _amount(amount, kind) != received:
            raise ValueError("totals")


def _require_summary(summary: _Table, rows: Sequence[BillRow]) -> None:
    """The summary file counts the same; its sum of orders is with or without what was refunded."""
    (total,) = (cells for cells in summary.rows if cells[summary.columns[0]] == "合计")
    paid, returned = _sum(rows, BillKind.PAYMENT), _sum(rows, BillKind.REFUND)
    counts = (int(total[_SUMMARY]), int(total["退款订单总笔数"]))
    if counts != (_count(rows, BillKind.PAYMENT), _count(rows, BillKind.REFUND)):
        raise ValueError("summary")
    if _signed(total["订单金额"]) not in (paid, paid - returned):
        raise ValueError("summary")


def _count(rows: Iterable[BillRow], kind: BillKind) -> int:
    return sum(row.kind is kind for row in rows)


def _sum(rows: Iterable[BillRow], kind: BillKind) -> int:
    return sum(row.amount_fen for row in rows if row.kind is kind)
