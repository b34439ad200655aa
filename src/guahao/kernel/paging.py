"""Lists in pages: an allow-listed order, an opaque cursor of where the next page begins, a total."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import GenericAlias
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Row,
    Select,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from guahao.kernel.db import read_in_parts
from guahao.kernel.errors import Problem

Position = TypeVar("Position")
Found = TypeVar("Found")
Item = TypeVar("Item")
Sortable = ColumnElement[Any] | InstrumentedAttribute[Any]

COUNTED_TO = 1000
"""Up to here a total is exact; counting further would make long lists slow."""

EXPORTED_TO = 50_000


class CursorInvalid(Problem):
    """The cursor was not given out by this list."""

    code = "cursor-invalid"
    status = 422


class SortUnknown(Problem):
    """The list cannot be sorted by this; `allowed` says by what it can."""

    code = "sort-unknown"
    status = 422


class ExportTooLarge(Problem):
    """More rows are wanted as a file than one file takes; `at_most` says how many it takes."""

    code = "export-too-large"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which page of a list: `sort` is a name or `-name` for falling order, None for the list's own."""

    sort: str | None = None
    cursor: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """How a list can be sorted: by columns that are never null, equal ones by `id`.

    Each needs an index on what the list is always filtered by, the column and the id, in this order.
    """

    by: Mapping[str, Sortable]
    id: Sortable
    default: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(Generic[Found]):
    """One page; `total` is None when there are more than `COUNTED_TO`."""

    rows: Sequence[Found]
    next_cursor: str | None
    total: int | None


async def page_of(db: AsyncSession, wanted: Select[Found], *, listing: Listing, asked: Asked) -> Read[Found]:
    """Read a page of a statement that selects one thing.

    Raises `SortUnknown` and `CursorInvalid`.
    """
    read = await page_of_rows(db, wanted, listing=listing, asked=asked)
    return Read(rows=[row[0] for row in read.rows], next_cursor=read.next_cursor, total=read.total)


async def page_of_rows(
    db: AsyncSession, wanted: Select[*tuple[Any, ...]], *, listing: Listing, asked: Asked
) -> Read[Row[Any]]:
    """Read a page of a statement that selects several things.

    Raises `SortUnknown` and `CursorInvalid`.
    """
    sort, column, is_falling = _order(listing, asked.sort)
    rows = wanted.add_columns(column.label("sort_key"), listing.id.label("sort_id"))
    rows = rows.order_by(*_ordered(column, listing.id, is_falling=is_falling))
    if asked.cursor is not None:
        rows = rows.where(_beyond(asked.cursor, sort, column, listing.id, is_falling=is_falling))
    found = (await db.execute(rows.limit(_written(asked.limit + 1)))).all()
    shown = found[: asked.limit]
    has_more = len(found) > asked.limit
    return Read(
        rows=shown,
        next_cursor=encode_cursor((sort, *shown[-1][-2:])) if has_more else None,
        total=await _total(db, wanted),
    )


async def parts_of(
    db: AsyncSession, wanted: Select[Found], *, listing: Listing, sort: str | None
) -> AsyncIterator[Sequence[Found]]:
    """Read the whole of a list for a file, one thing a row; as `parts_of_rows`."""
    async for part in parts_of_rows(db, wanted, listing=listing, sort=sort):
        yield [row[0] for row in part]


async def parts_of_rows(
    db: AsyncSession, wanted: Select[*tuple[Any, ...]], *, listing: Listing, sort: str | None
) -> AsyncIterator[Sequence[Row[Any]]]:
    """Read the whole of a list for a file, in parts, of which there is always one.

    Raises `SortUnknown`, and `ExportTooLarge` when it comes to a row too many.
    """
    _, column, is_falling = _order(listing, sort)
    rows = wanted.order_by(*_ordered(column, listing.id, is_falling=is_falling))
    read = 0
    async for part in read_in_parts(db, rows.limit(_written(EXPORTED_TO + 1))):
        read += len(part)
        if read > EXPORTED_TO:
            raise ExportTooLarge(at_most=EXPORTED_TO)
        yield part
    if read == 0:
        yield ()


def _order(listing: Listing, sort: str | None) -> tuple[str, Sortable, bool]:
    name = sort or listing.default
    column = listing.by.get(name.removeprefix("-"))
    if column is None:
        raise SortUnknown(allowed=list(listing.by))
    return name, column, name.startswith("-")


def _ordered(column: Sortable, id_: Sortable, *, is_falling: bool) -> list[ColumnElement[Any]]:
    keys = [column] if column is id_ else [column, id_]
    return [one.desc() if is_falling else one.asc() for one in keys]


def _beyond(
    cursor: str, sort: str, column: Sortable, id_: Sortable, *, is_falling: bool
) -> ColumnElement[bool]:
    shape: Any = GenericAlias(tuple, (str, _shape(column), _shape(id_)))
    was_sorted, key, id_key = decode_cursor(cursor, shape)
    if was_sorted != sort:
        raise CursorInvalid
    if column is id_:
        return id_ < _bound(id_key, id_) if is_falling else id_ > _bound(id_key, id_)
    start = tuple_(_bound(key, column), _bound(id_key, id_))
    return tuple_(column, id_) < start if is_falling else tuple_(column, id_) > start


def _shape(column: Sortable) -> Any:  # noqa: ANN401  # a type to decode into
    kind = column.type.python_type
    return Annotated[datetime, msgspec.Meta(tz=True)] if kind is datetime else kind


def _bound(value: object, of: Sortable) -> ColumnElement[Any]:
    is_number = isinstance(of.type, Integer)  # a cursor may be forged: any number must fit
    return literal(value, BigInteger() if is_number else of.type)


async def _total(db: AsyncSession, wanted: Select[*tuple[Any, ...]]) -> int | None:
    some: Select[Any] = wanted.with_only_columns(literal_column("1"), maintain_column_froms=True).order_by(
        None
    )
    counted = select(func.count()).select_from(some.limit(_written(COUNTED_TO + 1)).subquery())
    total = await db.scalar(counted)
    return None if total is None or total > COUNTED_TO else int(total)


def _written(limit: int) -> ColumnElement[int]:
    """A limit in the statement's text: servers plan a statement once, without looking at its values."""
    return literal_column(str(limit), Integer)


def split_page(rows: Sequence[Item], limit: int) -> tuple[list[Item], Item | None]:
    """Split `limit + 1` rows that were read into the page and its last row, None when nothing follows."""
    page = list(rows[:limit])
    return page, page[-1] if len(rows) > limit else None


def encode_cursor(position: object) -> str:
    """Wrap the last row's sort key, a tuple of plain values, into a cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def decode_cursor(cursor: str, shape: type[Position]) -> Position:
    """Unwrap a cursor into the shape that was encoded, such as `tuple[datetime, UUID]`.

    Raises CursorInvalid for anything else.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=shape)
    except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError) as error:
        raise CursorInvalid from error
