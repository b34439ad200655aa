"""Each column of the workbook takes what the route's field takes, and reads it as the same value."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from enum import Enum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from guahao.catalog.api_staff.schemas import CampusIn, DepartmentIn, DoctorIn, FeeIn, HospitalIn
from guahao.kernel.sheet.markup import decoded
from guahao.kernel.sheet.table import Cell
from guahao.kernel.value import numbers
from guahao.kernel.value.words import split_words
from guahao.scheduling.api_staff.plan_schemas import TemplateIn
from guahao.web.workbook.cell import Bad
from guahao.web.workbook.columns import Column, definition, read_cell
from guahao.web.workbook.write import shown

BODIES: dict[str, type[BaseModel]] = {
    "hospital": HospitalIn,
    "campus": CampusIn,
    "department": DepartmentIn,
    "doctor": DoctorIn,
    "fee": FeeIn,
    "schedule": TemplateIn,
}
FIELDS = {
    ("department", "parent"): "parent_code",
    ("department", "campus"): "campus_code",
    ("doctor", "departments"): "department_codes",
    ("fee", "doctor"): "doctor_code",
}
"""Where the route calls a column otherwise; the rest have the same name."""

IN_THE_ADDRESS = {(sheet, "hospital") for sheet in BODIES if sheet != "hospital"}
BY_ID = {("schedule", name) for name in ("doctor", "department", "campus")}
OTHER_WORDS = {("hospital", "is_active")}
"""A route says with a state what the workbook says with 是 and 否."""

COLUMNS = [(sheet, column) for sheet, shape in definition().sheets.items() for column in shape.columns]
HELD = [
    (sheet, column)
    for sheet, column in COLUMNS
    if (sheet, column.key) not in IN_THE_ADDRESS | BY_ID | OTHER_WORDS
]
NOT_TAKEN = object()
NOTHING: tuple[object, ...] = ("", [], None)

SIGNS = (
    "·",
    "、",
    "，",
    '"',
    "'",
    "=",
    "@",
    "-",
    "/",
    "#",
    " ",
    "　",
    "Ａ",
    "１",
    "é",
    "𠮷",
    "€",
    "_x000D_",
    "\t",
)
UNSEEN = ("\n", "\x07", "\x7f", "\u200b", "\u202e", "\u2066", "\ufeff", "\uffff", "\u2028")


def texts() -> Iterator[str]:
    """Every limit of a length from both sides, with one sign in the middle, and what is no word."""
    for length in (1, 8, 9, 20, 21, 32, 33, 40, 41, 50, 51, 80, 81, 200, 201, 500, 501):
        yield "名" * length
    yield from ("名" * 2_000, "名" * 2_001, "名" * 5_000, "名" * 5_001)
    for sign in (*SIGNS, *UNSEEN):
        yield f"一{sign}二"
        yield f"一二{sign}"
        yield f"{sign}一二"
        yield f"057{sign}1"
    yield from ("0571-88888888转8001", "120", "12", "03.04", "1e5", "0012", "#REF!", "TRUE")


def numerals() -> Iterator[int]:
    limits = {
        limit
        for name in ("AGE_YEARS", "POSITION", "SLOT_MIN", "PLACES_OF_SLOT", "FEE_FEN")
        for limit in getattr(numbers, name)
    }
    yield from sorted({limit + step for limit in limits for step in (-1, 0, 1)})


def degrees() -> Iterator[float]:
    for limit in (*numbers.LATITUDE, *numbers.LONGITUDE):
        yield from (limit - 0.0001, float(limit), limit + 0.0001, limit + 0.123456789012345)


def days() -> Iterator[date]:
    for limit in numbers.DAY:
        yield from (limit + timedelta(days=step) for step in (-2, -1, 0, 1, 2))


def times() -> Iterator[str]:
    yield from ("00:00", "00:01", "8:30", "08:30:00", "0８：30", "23:59", "24:00", "24点", "24:01", "25:00")
    yield from ("08:00:30", "08:00:00.000001", "08:00+08:00", "08:60", "8", "-1:00", "")


PROBES: dict[str, list[Any]] = {
    "text": list(texts()),
    "int": list(numerals()),
    "float": list(degrees()),
    "date": list(days()),
    "time": list(times()),
}
KINDS = {
    "latitude": "float",
    "longitude": "float",
    "age": "int",
    "position": "int",
    "slot_min": "int",
    "capacity": "int",
    "money": "int",
    "date": "date",
    "last_day": "date",
    "time": "time",
    "end_time": "time",
}
LISTS = {"codes", "list", "lines", "phones"}


def field_of(sheet: str, column: Column) -> TypeAdapter[Any]:
    """What reads the route's field, limits and all."""
    field = BODIES[sheet].model_fields[FIELDS.get((sheet, column.key), column.key)]
    return TypeAdapter(Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation)


def by_route(sheet: str, column: Column, value: object) -> object:
    """The value as the route keeps it; a list of one where the field holds several."""
    if column.kind == "last_day":
        assert isinstance(value, date)
        if value < numbers.DAY[0]:
            return NOT_TAKEN  # no first day is before it
        value += timedelta(days=1)
    sent = [value] if column.kind in LISTS and isinstance(value, str) else value
    try:
        kept = field_of(sheet, column).validate_python(sent)
    except ValidationError:
        return NOT_TAKEN
    if column.kind == "last_day":
        kept -= timedelta(days=1)
    return list(kept) if column.kind in LISTS else kept


def by_workbook(column: Column, cell: Cell) -> object:
    """The value as the workbook reads it from a cell."""
    try:
        value = read_cell(column, cell)
    except Bad:
        return NOT_TAKEN
    return NOT_TAKEN if value in ("", [], None) and column.required else value


def exported(column: Column, value: object) -> Cell:
    """What an export writes for a value, as it is read from the file."""
    cell = shown(column, tuple(value) if isinstance(value, list) else value)
    if isinstance(cell, str):
        return decoded(cell)
    return float(cell) if isinstance(cell, int) else cell


def typed(column: Column, value: object) -> Cell:
    """What somebody types for a value: a text as it is, a single item without quotation marks."""
    if isinstance(value, str):
        return value
    return exported(column, value)


def is_separated(column: Column, value: str) -> bool:
    """Whether these are several items in a cell, and one in a route's list."""
    items = value.split("\n") if column.kind == "lines" else split_words(value)
    return column.kind in LISTS and items != [value]


def test_every_column_is_a_field_of_the_routes_body() -> None:
    unknown = [
        (sheet, column.key)
        for sheet, column in HELD
        if FIELDS.get((sheet, column.key), column.key) not in BODIES[sheet].model_fields
    ]

    assert unknown == []


def test_every_field_of_the_routes_bodies_is_a_column() -> None:
    """But pictures, which no workbook holds, and the ids of what the workbook names by its code."""
    elsewhere = {"picture_ids", "photo_id", "state", "doctor_id", "department_id", "campus_id"}
    columns = {(sheet, FIELDS.get((sheet, column.key), column.key)) for sheet, column in COLUMNS}

    missing = {
        (sheet, name)
        for sheet, body in BODIES.items()
        for name in body.model_fields
        if name not in elsewhere and (sheet, name) not in columns
    }

    assert missing == set()


@pytest.mark.parametrize(("sheet", "column"), HELD, ids=[f"{sheet}-{column.key}" for sheet, column in HELD])
def test_a_column_takes_what_the_routes_field_takes_and_reads_the_same(sheet: str, column: Column) -> None:
    words = definition().choices.get(column.kind)
    if words is not None:
        taken = {value for value in words.values() if by_route(sheet, column, value) is not NOT_TAKEN}
        assert taken == set(words.values())
        return
    apart = []
    for value in PROBES[KINDS.get(column.kind, "text")]:
        if isinstance(value, str) and is_separated(column, value):
            continue
        route, read = by_route(sheet, column, value), by_workbook(column, typed(column, value))
        if route != read and not (route in NOTHING and read in NOTHING):
            apart.append((value, route, read))

    assert apart == []


@pytest.mark.parametrize(("sheet", "column"), HELD, ids=[f"{sheet}-{column.key}" for sheet, column in HELD])
def test_what_the_routes_field_keeps_comes_back_from_an_export(sheet: str, column: Column) -> None:
    words = definition().choices.get(column.kind)
    values = PROBES[KINDS.get(column.kind, "text")] if words is None else list(words.values())
    kept = [value for value in (by_route(sheet, column, value) for value in values) if value is not NOT_TAKEN]

    assert kept
    for value in kept:
        back = by_workbook(column, exported(column, value))
        assert back == value or (back in NOTHING and value in NOTHING)


@pytest.mark.parametrize(
    ("sheet", "column"),
    [(sheet, column) for sheet, column in HELD if column.kind in LISTS],
    ids=lambda value: value if isinstance(value, str) else value.key,
)
def test_a_column_takes_as_many_items_as_the_routes_field(sheet: str, column: Column) -> None:
    for count in (10, 11, 20, 21, 100, 101):
        items = [f"0571-{number:08}" for number in range(count)]
        assert by_workbook(column, exported(column, items)) == by_route(sheet, column, items)


@pytest.mark.parametrize(
    ("sheet", "column"),
    [(sheet, column) for sheet, column in HELD if column.kind in definition().choices],
    ids=lambda value: value if isinstance(value, str) else value.key,
)
def test_a_choice_has_a_word_for_each_value_that_the_route_knows(sheet: str, column: Column) -> None:
    annotation = field_of(sheet, column).core_schema
    meant = set(definition().choices[column.kind].values())

    assert {value.value if isinstance(value, Enum) else value for value in _values(annotation)} <= meant


def _values(schema: Any) -> set[object]:
    """Everything a closed set of a pydantic schema holds; nothing of other types."""
    if schema["type"] == "enum":
        return set(schema["members"])
    return _values(schema["schema"]) if "schema" in schema else set()


def test_what_is_required_in_a_column_is_required_by_the_route() -> None:
    """And the other way round, so that a row made by either door is complete at the other."""
    apart = [
        (sheet, column.key)
        for sheet, column in HELD
        if column.required
        is not BODIES[sheet].model_fields[FIELDS.get((sheet, column.key), column.key)].is_required()
    ]

    assert apart == [("fee", "kind"), ("schedule", "slot_min"), ("schedule", "level")], (
        "a route's default for the kind of a price, the workbook's for the length and level of a clinic"
    )
