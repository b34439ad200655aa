"""Identifiers that carry their hospital, so that a row can be found by its id inside one cell."""

from __future__ import annotations

import secrets
import time
from datetime import datetime
from uuid import UUID

from guahao.kernel.errors import NotFound

DIRECTORY = 0
"""Hospital number of rows that belong to no hospital: accounts, persons, patients, staff."""

_HOSPITAL_BITS = 24
_RANDOM_BITS = 38


def new_id(hospital_id: int = DIRECTORY) -> UUID:
    """Make an id: RFC 9562 version 8, 48 bits of Unix milliseconds, 24 bits of hospital, 50 random.

    Ids made later sort later (to the millisecond), so B-trees grow at their right edge.
    """
    value = time.time_ns() // 1_000_000 << 80
    value |= 8 << 76 | secrets.randbits(12) << 64
    value |= 2 << 62 | hospital_id << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    return UUID(int=value)


def first_id(moment: datetime) -> UUID:
    """The boundary between ids made before `moment` and from it on, to the millisecond."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def hospital_of(id_: UUID) -> int:
    """Tell the hospital whose row this id names; any UUID answers, made here or not."""
    return (id_.int >> _RANDOM_BITS) & ((1 << _HOSPITAL_BITS) - 1)


def parse_id(text: str) -> UUID:
    """Read an id from a path or body; what cannot be an id names nothing.

    Raises `NotFound`.
    """
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


def parse_hospital_id(text: str) -> int:
    """Read a hospital's number from a path or query; what cannot be one names nothing.

    Raises `NotFound`.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 8 and 0 < int(text) < 1 << _HOSPITAL_BITS):
        raise NotFound
    return int(text)
