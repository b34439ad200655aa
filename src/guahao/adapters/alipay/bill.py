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
from functools import cache
from importlib.resources import files
from typing import Final

import httpx
import msgspec

from guahao.adapters.alipay.protocol import Unreadable, fen, moment_of
from guahao.payment.ports import Bill, BillDamaged, BillKind, BillRow, ChannelUncertain, Provider

HOSTS: Final = frozenset(("dwbillcenter.alipay.com",))
"""Where Alipay keeps its bills; the only hosts besides the gateway's own that we ever fetch one from."""
MAX_PACKED_BYTES: Final = 32 * 1024 * 1024
MAX_UNPACKED_BYTES: Final = 128 * 1024 * 1024
MAX_PARTS: Final = 20

DOWNLOAD_S: Final = 30.0


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rows: Mapping[str, str]
    summary: Mapping[str, str]
    kinds: Mapping[BillKind, str]
    words: Mapping[str, str]


@cache
def _words() -> _Words:
    source = files("guahao.adapters.alipay").joinpath("bill.toml").read_bytes()
    return msgspec.toml.decode(source, type=_Words)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """One CSV file: its note lines, and its rows by the names of columns as the file has them."""

    notes: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, str]]

    def named(self, names: Mapping[str, str]) -> list[Mapping[str, str]]:
        """The rows by our names of the columns. Raises KeyError for a column that is not there."""
        return [{ours: row[theirs] for ours, theirs in names.items()} for row in self.rows]


async def download(
    http: httpx.AsyncClient, address: str, *, endpoint: str, limit_s: float = DOWNLOAD_S
) -> bytes:
    """Fetch the file while its address lives, for 30 s. Raises `ChannelUncertain`, `BillDamaged` if too big.

    The address came signed; still it is followed only to Alipay's bill host, over https whatever it says,
    or to the gateway itself, never with credentials, another port or a redirect.
    """
    url = _allowed(address, httpx.URL(endpoint))
    packed = bytearray()
    try:
        async with (
            asyncio.timeout(limit_s),
            http.stream(
                "GET",
                url,
                headers={"Accept-Encoding": "identity"},
                timeout=limit_s,
                follow_redirects=False,
            ) as answered,
        ):
            if answered.status_code != httpx.codes.OK:
                raise ChannelUncertain(str(answered.status_code))
            async for chunk in answered.aiter_bytes():
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
    if url.scheme in ("http", "https") and url.host in HOSTS and url.port is None:
        return url.copy_with(scheme="https")
    raise ChannelUncertain("bill address")


def read(packed: bytes, *, day: date, seller_id: str) -> Bill:
    """Unpack, check against every total it carries, and give the rows. Raises `BillDamaged`."""
    try:
        tables = [_table(text) for text in _unpacked(packed)]
        detail = _only(tables, _words().rows["transaction_id"])
        summary = _only(tables, _words().summary["payments"])
        for table in (detail, summary):
            _require_ours(table.notes, day=day, seller_id=seller_id)
        cells = detail.named(_words().rows)
        rows = [_row(row) for row in cells]
        _require_totals(detail.notes, cells)
        _require_summary(summary.named(_words().summary), rows)
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
        raise BillDamaged("size")
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
    unit = re.compile(_words().words["unit"])
    columns = [unit.sub("", name) for name in filled[0]] if filled else []
    if len(set(columns)) != len(columns):
        raise BillDamaged("columns")
    rows = [dict(zip(columns, cells, strict=True)) for cells in filled[1:]]
    return _Table(notes="\n".join(notes), columns=columns, rows=rows)


def _only(tables: Iterable[_Table], column: str) -> _Table:
    (found,) = (table for table in tables if column in table.columns)
    return found


def _row(cells: Mapping[str, str]) -> BillRow:
    (kind,) = (kind for kind, word in _words().kinds.items() if word == cells["kind"])
    return BillRow(
        kind=kind,
        out_trade_no=cells["out_trade_no"],
        transaction_id=cells["transaction_id"],
        out_refund_no=cells["out_refund_no"] if kind is BillKind.REFUND else "",
        amount_fen=_moved(cells["amount"], kind),
        at=moment_of(cells["at"]),
        is_final=True,
    )


def _moved(written: str, kind: BillKind) -> int:
    """Read a payment, or a refund, which is written negative, as a positive amount. Raises `Unreadable`."""
    moved = -_signed(written) if kind is BillKind.REFUND else _signed(written)
    if moved < 0:
        raise Unreadable("amount")
    return moved


def _signed(written: str) -> int:
    return -fen(written[1:]) if written.startswith("-") else fen(written)


def _require_ours(notes: str, *, day: date, seller_id: str) -> None:
    """Nothing of the file is signed: at least it must say that it is this seller's and of this day."""
    account = re.search(_words().words["account"], notes)
    begins = re.search(_words().words["day"], notes)
    if account is None or not account[1].startswith(seller_id):
        raise BillDamaged("account")
    if begins is None or "-".join(begins.groups()) != day.isoformat():
        raise BillDamaged("day")


def _require_totals(notes: str, rows: Sequence[Mapping[str, str]]) -> None:
    """The last notes of the rows' file count them and add up what the seller received and gave back."""
    totals = {word: (int(count), sum_) for word, count, sum_ in re.findall(_words().words["totals"], notes)}
    for kind, word in _words().kinds.items():
        received = [_moved(row["received"], kind) for row in rows if row["kind"] == word]
        count, sum_ = totals[word]
        if (count, _moved(sum_, kind)) != (len(received), sum(received)):
            raise BillDamaged("totals")


def _require_summary(summary: Iterable[Mapping[str, str]], rows: Sequence[BillRow]) -> None:
    """The summary counts the same; its sum of orders is with or without what was refunded."""
    (total,) = (line for line in summary if line["name"] == _words().words["all"])
    paid, returned = _sum(rows, BillKind.PAYMENT), _sum(rows, BillKind.REFUND)
    counts = [sum(row.kind is kind for row in rows) for kind in (BillKind.PAYMENT, BillKind.REFUND)]
    if [int(total["payments"]), int(total["refunds"])] != counts:
        raise BillDamaged("summary")
    if _signed(total["amount"]) not in (paid, paid - returned):
        raise BillDamaged("summary")


def _sum(rows: Iterable[BillRow], kind: BillKind) -> int:
    return sum(row.amount_fen for row in rows if row.kind is kind)
