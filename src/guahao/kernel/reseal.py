"""Seals values anew with the newest key, so that an older one can be taken out of the ring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Row, Table, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.crypto import KeyRing, SealBroken
from guahao.kernel.db import Base, Sessions, transaction

BATCH = 500
_SUFFIX = "_sealed"


@dataclass(slots=True, kw_only=True)
class ResealReport:
    """What became of one column, and how many of its values each key has sealed."""

    column: str
    by_key: Counter[int] = field(default_factory=Counter)
    resealed: int = 0
    broken: list[UUID] = field(default_factory=list)
    """Rows whose value does not open where it stands; they are left as they are."""


def sealed_columns() -> Iterator[tuple[Table, Column[bytes]]]:
    """Every column that holds sealed values: by the rule of their names, in tables whose key is `id`."""
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.name.endswith(_SUFFIX):
                yield table, column


async def count_by_key(db: AsyncSession) -> list[ResealReport]:
    """Count the sealed values of each column by the number of the key that sealed them."""
    reports = []
    for table, column in sealed_columns():
        number = _key_number(column)
        counts = await db.execute(
            select(number, func.count()).where(func.length(column) > 0).group_by(number).select_from(table)
        )
        by_key = Counter(dict(counts.all()))
        reports.append(ResealReport(column=f"{table.name}.{column.name}", by_key=by_key))
    return reports


async def reseal(
    sessions: Sessions, *, key_ring: KeyRing, progress: Callable[[str, int, int], None] = lambda *_: None
) -> list[ResealReport]:
    """Seal every value anew that an older key than the newest has sealed, in transactions of 500 rows.

    The product may run meanwhile: a row is locked while it is sealed anew. Interrupted and run again it goes
    on where values are left. `progress` gets a column, the values looked at so far, and those there were.
    """
    async with transaction(sessions) as db:
        waiting = {
            counted.column: counted.by_key.total() - counted.by_key[key_ring.newest]
            for counted in await count_by_key(db)
        }
    reports = []
    for table, column in sealed_columns():
        report = ResealReport(column=f"{table.name}.{column.name}")
        after: UUID | None = None
        seen = 0
        while True:
            async with transaction(sessions) as db:
                rows = await _batch(db, table, column, newest=key_ring.newest, after=after)
                await _seal_anew(db, table, column, rows, key_ring=key_ring, report=report)
            if not rows:
                break
            after = rows[-1][0]
            seen += len(rows)
            progress(report.column, seen, waiting[report.column])
        reports.append(report)
    async with transaction(sessions) as db:
        counts = {counted.column: counted.by_key for counted in await count_by_key(db)}
    for report in reports:
        report.by_key = counts[report.column]
    return reports


async def _batch(
    db: AsyncSession, table: Table, column: Column[bytes], *, newest: int, after: UUID | None
) -> Sequence[Row[UUID, bytes]]:
    statement = (
        select(table.c.id, column)
        .where(func.length(column) > 0, _key_number(column) != newest)
        .order_by(table.c.id)
        .limit(BATCH)
        .with_for_update(key_share=True)
    )
    if after is not None:
        statement = statement.where(table.c.id > after)
    return (await db.execute(statement)).all()


async def _seal_anew(
    db: AsyncSession,
    table: Table,
    column: Column[bytes],
    rows: Sequence[Row[UUID, bytes]],
    *,
    key_ring: KeyRing,
    report: ResealReport,
) -> None:
    for id_, token in rows:
        try:
            sealed = key_ring.reseal(token, field=f"{table.name}.{column.name}", row=id_)
        except SealBroken:
            report.broken.append(id_)
            continue
        await db.execute(update(table).where(table.c.id == id_).values({column.name: sealed}))
        report.resealed += 1


def _key_number(column: Column[bytes]) -> ColumnElement[int]:
    """The number of the key in a token's header, as SQL."""
    return func.get_byte(column, 2) * 256 + func.get_byte(column, 3)
