"""The day's trade bill: an unsigned zip of GBK tables, fetched from known hosts and added up before use."""

from __future__ import annotations

import asyncio
import codecs
import csv
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final

import httpx
import msgspec

from guahao.adapters.alipay.bill_table import Cells, Shape, Table, table_of
from guahao.adapters.alipay.protocol import Unreadable, fen, moment_of
from guahao.payment.ports import (
    Bill,
    BillDamaged,
    BillKind,
    BillRow,
    ChannelUncertain,
    OddRow,
    Provider,
)

HOSTS: Final = frozenset(("dwbillcenter.alipay.com",))
"""Where Alipay keeps its bills; the only hosts besides the gateway's own that we ever fetch one from."""
MAX_PACKED_BYTES: Final = 32 * 1024 * 1024
MAX_UNPACKED_BYTES: Final = 128 * 1024 * 1024
MAX_PARTS: Final = 20
_MOST_ODD: Final = 100
"""More rows that cannot be read mean that the file is another than we know."""
_BEGINS_A_ROW: Final = re.compile(r'\s*"?[0-9]{10,64}\s*[,"]')

DOWNLOAD_S: Final = 30.0


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rows: Mapping[str, str]
    summary: Mapping[str, str]
    kinds: Mapping[BillKind, str]
    free: Shape
    words: Mapping[str, str]


class _Received:
    """What the seller received and gave back, by kind, of rows that may not be readable otherwise."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(BillKind, 0)
        self.sums = dict.fromkeys(BillKind, 0)
        self.is_whole = True

    def add(self, cells: Cells | None) -> None:
        """Count a row; one that tells nothing may be of either kind."""
        kind = None if cells is None else _kind_or_none(cells)
        if cells is None or kind is None:
            self.is_whole &= cells is not None  # the totals do not count a third kind
            return
        self.counts[kind] += 1
        try:
            self.sums[kind] += _moved(cells["received"], kind)
        except Unreadable:
            self.is_whole = False


@cache
def _words() -> _Words:
    source = files("guahao.adapters.alipay").joinpath("bill.toml").read_bytes()
    return msgspec.toml.decode(source, type=_Words)


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
    """Unpack, check against every total it carries, and give the rows. Raises `BillDamaged`.

    A row of another system that cannot be read is set aside, counted as far as it can be.
    """
    try:
        tables = [table_of(text, unit=_words().words["unit"]) for text in _unpacked(packed)]
        detail = _only(tables, _words().rows["transaction_id"])
        summary = _only(tables, _words().summary["payments"])
        for table in (detail, summary):
            _require_ours(table.notes, day=day, seller_id=seller_id)
        rows, odd, received = _rows(detail)
        _require_totals(detail.notes, received)
        _require_summary(summary.plain(_words().summary), rows, odd)
    except _BROKEN as error:
        raise BillDamaged(type(error).__name__) from None
    return Bill(
        provider=Provider.ALIPAY,
        day=day,
        digest=hashlib.sha256(packed).hexdigest(),
        rows=rows,
        odd=tuple(odd),
        row_count=len(rows) + len(odd),
        paid_fen=_sum([*rows, *odd], BillKind.PAYMENT),
        refunded_fen=_sum([*rows, *odd], BillKind.REFUND),
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
    return [_decoded(archive.read(part)) for part in parts if part.filename.lower().endswith(".csv")]


def _decoded(content: bytes) -> str:
    """GBK, or what begins by saying that it is UTF-8; a byte order mark is no part of the first line."""
    encoding = "utf-8-sig" if content.startswith(codecs.BOM_UTF8) else "gb18030"
    return content.decode(encoding).removeprefix("\ufeff")


def _only(tables: Iterable[Table], column: str) -> Table:
    (table,) = (table for table in tables if column in table.columns)
    return table


def _rows(detail: Table) -> tuple[list[BillRow], list[OddRow], _Received]:
    """What can be read, what cannot, and what the seller received by kind, of both."""
    names = _words().rows
    if not set(names.values()) <= set(detail.columns):
        raise BillDamaged("columns")
    rows: list[BillRow] = []
    odd: list[OddRow] = []
    received = _Received()
    lines = detail.lines_joined(_BEGINS_A_ROW)
    for number, line in enumerate(lines, start=1):
        whole = detail.fitting(line, _words().free)
        cells = None if whole is None else {ours: whole[theirs] for ours, theirs in names.items()}
        row = _read(cells, number)
        if isinstance(row, BillRow):
            rows.append(row)
        else:
            odd.append(row)
        received.add(cells)
    if len(odd) > _MOST_ODD:
        raise BillDamaged("rows")
    return rows, odd, received


def _kind_or_none(cells: Cells) -> BillKind | None:
    return next((kind for kind, word in _words().kinds.items() if word == cells["kind"]), None)


def _read(cells: Cells | None, number: int) -> BillRow | OddRow:
    """A row, or as much of it as can be read: of a third kind, or with cells that are none."""
    if cells is None:
        return OddRow(reference=f"#{number}", reason="cells")
    kind, amount_fen = _kind_or_none(cells), None
    try:
        if kind is not None:
            amount_fen = _moved(cells["amount"], kind)
            return _row(cells, kind, amount_fen)
        amount_fen = abs(_signed(cells["amount"]))
        reason = "kind"
    except Unreadable as unreadable:
        reason = str(unreadable)
    reference = cells["out_refund_no"] or cells["transaction_id"] or f"#{number}"
    return OddRow(
        reference="".join(character for character in reference if character.isprintable())[:64],
        reason=reason,
        kind=None if amount_fen is None else kind,
        amount_fen=amount_fen,
    )


def _row(cells: Cells, kind: BillKind, amount_fen: int) -> BillRow:
    _moved(cells["received"], kind)
    return BillRow(
        kind=kind,
        out_trade_no=cells["out_trade_no"],
        transaction_id=cells["transaction_id"],
        out_refund_no=cells["out_refund_no"] if kind is BillKind.REFUND else "",
        amount_fen=amount_fen,
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


def _require_totals(notes: str, received: _Received) -> None:
    """The last notes of the rows' file count them and add up what the seller received and gave back.

    Where a row cannot be read at all they may say more, never less.
    """
    totals = {word: (int(count), sum_) for word, count, sum_ in re.findall(_words().words["totals"], notes)}
    for kind, word in _words().kinds.items():
        count, sum_ = totals[word]
        said, read_ = (count, _moved(sum_, kind)), (received.counts[kind], received.sums[kind])
        is_less = said[0] < read_[0] or said[1] < read_[1]
        if is_less or (received.is_whole and said != read_):
            raise BillDamaged("totals")


def _require_summary(summary: Iterable[Cells], rows: Sequence[BillRow], odd: Sequence[OddRow]) -> None:
    """The summary counts the same; its sum of orders is with or without what was refunded."""
    (total,) = (line for line in summary if line["name"] == _words().words["all"])
    every: list[BillRow | OddRow] = [*rows, *odd]
    paid, returned = _sum(every, BillKind.PAYMENT), _sum(every, BillKind.REFUND)
    counts = [sum(row.kind is kind for row in every) for kind in (BillKind.PAYMENT, BillKind.REFUND)]
    said, amount = [int(total["payments"]), int(total["refunds"])], _signed(total["amount"])
    if odd:
        is_sound = all(one >= other for one, other in zip(said, counts, strict=True))
    else:
        is_sound = said == counts and amount in (paid, paid - returned)
    if not is_sound:
        raise BillDamaged("summary")


def _sum(rows: Iterable[BillRow | OddRow], kind: BillKind) -> int:
    return sum(row.amount_fen or 0 for row in rows if row.kind is kind)
