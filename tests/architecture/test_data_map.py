from __future__ import annotations

import re
from pathlib import Path

import guahao.web.wiring
from guahao.kernel.db import Base

_ROW = re.compile(r"^\| ([a-z_]+)\.([a-z_]+) \|", re.MULTILINE)
_ROOT = Path(guahao.web.wiring.__file__).parents[3]


def listed() -> set[tuple[str, str]]:
    return set(_ROW.findall((_ROOT / "docs/compliance/data-map.md").read_text("utf-8")))


def columns() -> set[tuple[str, str]]:
    return {(table.name, column.name) for table in Base.metadata.tables.values() for column in table.c}


def test_every_sealed_column_is_in_the_data_map() -> None:
    sealed = {(table, column) for table, column in columns() if column.endswith("_sealed")}

    assert sealed >= {("person", "name_sealed"), ("account", "phone_sealed")}
    assert sealed - listed() == set()


def test_every_blind_index_and_hash_is_in_the_data_map() -> None:
    derived = {(t, c) for t, c in columns() if c.endswith(("_index", "password_hash", "token_hash"))}

    assert derived - listed() == set()


def test_the_data_map_lists_no_column_that_is_gone() -> None:
    assert listed() - columns() == set()
