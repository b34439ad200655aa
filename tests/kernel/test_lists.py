from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import BigInteger, Column, Integer, MetaData, Select, Table, Text, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel import paging
from guahao.kernel.paging import (
    Asked,
    CursorInvalid,
    ExportTooLarge,
    Listing,
    SortUnknown,
    encode_cursor,
    page_of,
    page_of_rows,
    parts_of,
)

pytestmark = pytest.mark.anyio
_THING = Table(
    "thing",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    prefixes=["TEMPORARY"],
)
_LISTING = Listing(by={"size": _THING.c.size, "id": _THING.c.id}, id=_THING.c.id, default="-size")
_ALL: Select[int] = select(_THING.c.id)


async def things(db: AsyncSession, *sizes: int) -> None:
    await (await db.connection()).run_sync(_THING.create)
    rows = [{"id": number, "size": size, "name": f"n{number}"} for number, size in enumerate(sizes, 1)]
    await db.execute(insert(_THING), rows)


async def walk(db: AsyncSession, sort: str | None, wanted: Select[Any] = _ALL) -> list[list[int]]:
    pages: list[list[int]] = []
    cursor = None
    while True:
        asked = Asked(sort=sort, cursor=cursor, limit=2)
        read = await page_of(db, wanted, listing=_LISTING, asked=asked)
        pages.append(list(read.rows))
        cursor = read.next_cursor
        if cursor is None:
            return pages


@pytest.mark.parametrize(
    ("sort", "pages"),
    [
        (None, [[4, 3], [2, 5], [1]]),
        ("-size", [[4, 3], [2, 5], [1]]),
        ("size", [[1, 5], [2, 3], [4]]),
        ("id", [[1, 2], [3, 4], [5]]),
        ("-id", [[5, 4], [3, 2], [1]]),
    ],
)
async def test_pages_together_are_the_list_each_row_once(
    db: AsyncSession, sort: str | None, pages: list[list[int]]
) -> None:
    await things(db, 1, 3, 3, 3, 1)

    assert await walk(db, sort) == pages


async def test_a_row_that_comes_while_somebody_reads_moves_no_other(db: AsyncSession) -> None:
    await things(db, 10, 20, 30, 40)
    first = await page_of(db, _ALL, listing=_LISTING, asked=Asked(limit=2))
    await db.execute(insert(_THING).values(id=9, size=99, name="new"))

    second = await page_of(db, _ALL, listing=_LISTING, asked=Asked(cursor=first.next_cursor, limit=2))

    assert (first.rows, second.rows) == ([4, 3], [2, 1])


async def test_the_total_is_exact_until_it_would_cost_time(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    await things(db, 1, 2, 3)
    exact = await page_of(db, _ALL.where(_THING.c.size > 1), listing=_LISTING, asked=Asked(limit=1))
    monkeypatch.setattr(paging, "COUNTED_TO", 2)

    many = await page_of(db, _ALL, listing=_LISTING, asked=Asked(limit=1))

    assert (exact.total, many.total) == (2, None)


async def test_several_things_of_a_row_are_read_by_their_names(db: AsyncSession) -> None:
    await things(db, 1, 2)
    wanted = select(_THING.c.name, func.upper(_THING.c.name).label("loud"))

    read = await page_of_rows(db, wanted, listing=_LISTING, asked=Asked())

    assert [(row.name, row.loud) for row in read.rows] == [("n2", "N2"), ("n1", "N1")]


@pytest.mark.parametrize("sort", ["name", "-name", "--size", "-", "size;drop"])
async def test_a_list_is_sorted_by_what_it_allows_only(db: AsyncSession, sort: str) -> None:
    with pytest.raises(SortUnknown) as refused:
        await page_of(db, _ALL, listing=_LISTING, asked=Asked(sort=sort))

    assert refused.value.extra == {"allowed": ["size", "id"]}


@pytest.mark.parametrize("position", [("size", 1, 1), ("-size", "x", 1), ("-size", 1), ("-size", 1, 1, 1), 1])
async def test_a_cursor_of_another_order_or_shape_is_refused(db: AsyncSession, position: Any) -> None:
    with pytest.raises(CursorInvalid):
        await page_of(db, _ALL, listing=_LISTING, asked=Asked(sort="-size", cursor=encode_cursor(position)))


async def test_a_forged_number_reaches_no_column_it_does_not_fit(db: AsyncSession) -> None:
    await things(db, 1, 2)
    beyond = encode_cursor(("id", 2**62, 2**62))

    read = await page_of(db, _ALL, listing=_LISTING, asked=Asked(sort="id", cursor=beyond))

    assert read.rows == []


async def parts(db: AsyncSession, wanted: Select[int]) -> list[list[int]]:
    return [list(part) async for part in parts_of(db, wanted, listing=_LISTING, sort="size")]


async def test_a_file_is_read_in_small_parts_of_which_there_is_one_at_least(db: AsyncSession) -> None:
    await things(db, *range(250))

    assert [len(part) for part in await parts(db, _ALL)] == [100, 100, 50]
    assert await parts(db, _ALL.where(_THING.c.size < 0)) == [[]]


async def test_other_things_are_read_between_the_parts_of_a_file(db: AsyncSession) -> None:
    await things(db, *range(150))
    read = parts_of(db, _ALL, listing=_LISTING, sort="size")

    counts = [await db.scalar(select(func.count()).where(_THING.c.id.in_(part))) async for part in read]

    assert counts == [100, 50]


async def test_a_file_takes_the_whole_list_or_nothing(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    await things(db, 1, 3, 2)
    assert await parts(db, _ALL) == [[1, 3, 2]]
    monkeypatch.setattr(paging, "EXPORTED_TO", 2)

    with pytest.raises(ExportTooLarge) as refused:
        await parts(db, _ALL)

    assert refused.value.extra == {"at_most": 2}
