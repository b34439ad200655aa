"""A row as its owner gets it in a file: every column, opened, but for what only machines compare."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import inspect

from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Base, Json
from guahao.kernel.masking import shown

_SEALED = "_sealed"
_NO_CONTENT = ("_index", "_hash")
"""Blind indexes and hashes: they say nothing that the values beside them do not say."""


def rows_copy(rows: Iterable[Base], key_ring: KeyRing) -> list[Json]:
    """Every column of some rows of the directory, by name; new columns are in it without being told."""
    return [_copy(row, key_ring) for row in rows]


def _copy(row: Base, key_ring: KeyRing) -> Json:
    names = [
        attribute.key
        for attribute in inspect(type(row)).column_attrs
        if not attribute.key.endswith(_NO_CONTENT)
    ]
    return {name.removesuffix(_SEALED): _value(row, name, key_ring) for name in names}


def _value(row: Base, name: str, key_ring: KeyRing) -> object:
    value: object = getattr(row, name)
    if isinstance(value, bytes) and name.endswith(_SEALED):
        row_id = inspect(row).identity
        assert row_id is not None
        return shown(key_ring.open_shown(value, field=f"{row.__tablename__}.{name}", row=row_id[-1]))
    return value
