"""A row in any table, made from the table's description alone: what tests of every table and route need."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import CheckConstraint, Column, Table, insert, select, text, types
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.ids import new_id
from guahao.kernel.value.hours import EndTime
from guahao.scheduling.models.ends import EndColumn

_CHOICE = re.compile(r"(\w+) IN \(([^)]*)\)")
_LATER = re.compile(r"^(ends|until|valid_until|expires|closes)|_(until|ends)")
_NUMBERS = (1, 5)
"""A weekday, a count; minutes of a slot."""


async def any_row(db: AsyncSession, table: Table, *, hospital_id: int, mark: str) -> None:
    """Insert one row of this hospital whose texts hold `mark`, with the first closed values that fit.

    Rows that it must refer to are made too. Raises LookupError when no combination passes the table's checks.
    """
    for is_apart in (False, True):
        references = await _references(db, table, hospital_id=hospital_id, mark=mark, is_apart=is_apart)
        if await _inserted(db, table, references, hospital_id=hospital_id, mark=mark):
            return
    message = f"no row fits {table.name}: add one by hand"
    raise LookupError(message)


async def _inserted(
    db: AsyncSession, table: Table, references: dict[str, Any], *, hospital_id: int, mark: str
) -> bool:
    needed = [column for column in table.c if _is_needed(column) or column.name == "hospital_id"]
    sets = (needed, [*needed, *(table.c[name] for name in references)], list(table.c))
    for columns, number in itertools.product(sets, _NUMBERS):
        given = {column.name: _plain(column, hospital_id, mark) for column in columns}
        given |= {column.name: number for column in columns if isinstance(column.type, types.Integer)}
        given |= {name: value for name, value in references.items() if name in given}
        given |= {"hospital_id": hospital_id} if "hospital_id" in given else {}
        for closed in _choices(table, set(given)):
            if await _fits(db, table, given | closed):
                return True
    return False


async def _fits(db: AsyncSession, table: Table, values: dict[str, Any]) -> bool:
    # of two tables that name each other, one row has to come first
    is_in_circle = any(reference.use_alter for reference in table.foreign_key_constraints)
    try:
        async with db.begin_nested():
            if is_in_circle:
                await db.execute(text("SET LOCAL session_replication_role = replica"))
            await db.execute(insert(table).values(**values))
            await db.execute(text("SET LOCAL session_replication_role = origin"))
    except IntegrityError:
        return False
    return True


def _is_needed(column: Column[Any]) -> bool:
    return not column.nullable and column.server_default is None and column.default is None


async def _references(
    db: AsyncSession, table: Table, *, hospital_id: int, mark: str, is_apart: bool
) -> dict[str, Any]:
    """Rows to refer to; `is_apart` takes two of one table where two columns refer to it."""
    found: dict[str, Any] = {}
    seen: list[Table] = []
    for reference in table.foreign_key_constraints:
        if reference.use_alter:
            continue
        target = reference.referred_table
        columns = [element.column for element in reference.elements]
        statement = select(*columns).order_by(*columns).limit(1)  # ids of two must be in their order
        if "hospital_id" in target.c:
            statement = statement.where(target.c.hospital_id == hospital_id)
        if is_apart:
            statement = statement.offset(seen.count(target))
            seen.append(target)
        row = (await db.execute(statement)).first()
        if row is None and all(_is_needed(element.parent) for element in reference.elements):
            await any_row(db, target, hospital_id=hospital_id, mark=mark)
            row = (await db.execute(statement)).one()
        if row is not None:
            names = [element.parent.name for element in reference.elements]
            found |= dict(zip(names, row, strict=True))
    return found


def _choices(table: Table, needed: set[str]) -> Iterator[dict[str, Any]]:
    closed: dict[str, list[Any]] = {}
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint):
            for name, values in _CHOICE.findall(str(constraint.sqltext)):
                closed[name] = re.findall(r"'([^']*)'", values)
    for column in table.c:
        if isinstance(column.type, types.Enum) and column.type.enum_class is not None:
            closed[column.name] = list(column.type.enum_class)
    names = sorted(closed.keys() & needed)
    for chosen in itertools.product(*(closed[name] for name in names)):
        yield dict(zip(names, chosen, strict=True))


def _plain(column: Column[Any], hospital_id: int, mark: str) -> Any:
    if column.name == "hospital_id":
        return hospital_id
    later = dt.timedelta(hours=1 if _LATER.search(column.name) else 0)
    for kind, make in _MAKERS.items():
        if isinstance(column.type, kind):
            return make(hospital_id, later)
    said = f"{mark} {column.name}"
    return said.encode() if isinstance(column.type, types.LargeBinary) else said


_MAKERS: dict[Any, Callable[[int, dt.timedelta], Any]] = {
    types.Uuid: lambda hospital_id, _: new_id(hospital_id),
    types.Boolean: lambda *_: True,
    types.DateTime: lambda _, later: utc_now() + later,
    types.Date: lambda _, later: local_date(utc_now() + 24 * later),
    types.Time: lambda _, later: dt.time(9 if later else 8),
    EndColumn: lambda *_: EndTime(dt.timedelta(hours=9)),
    types.ARRAY: lambda *_: [],
    types.JSON: lambda *_: {},
}
