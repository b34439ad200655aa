"""Identifiers that carry their hospital, so that a row can be found by its id inside one cell."""

from __future__ import annotations

import secrets
import threading
import time
from datetime import datetime
from uuid import UUID

from guahao.kernel.errors import NotFound

DIRECTORY = 0
"""Hospital number of rows that belong to no hospital: accounts, persons, patients, staff."""

_HOSPITAL_BITS = 24
_RANDOM_BITS = 38
_COUNTER_BITS = 12
_SET_BACK_MS = 10_000


class _Ticks:
    """Milliseconds and a counter within them: each pair is later than the one before, in this process.

    As RFC 9562, 6.2, method 1 says: the counter begins each millisecond at a random number, and when it is
    used up the milliseconds run ahead of the clock. A clock that was set back is followed once it is
    `_SET_BACK_MS` behind; until then ids go on from where they were.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ms = 0
        self._count = 0

    def next(self, now_ms: int) -> tuple[int, int]:
        with self._lock:
            if now_ms > self._ms or now_ms < self._ms - _SET_BACK_MS:
                self._ms, self._count = now_ms, secrets.randbits(_COUNTER_BITS - 2)
            elif self._count + 1 < 1 << _COUNTER_BITS:
                self._count += 1
            else:
                self._ms, self._count = self._ms + 1, 0
            return self._ms, self._count


_ticks = _Ticks()


def new_id(hospital_id: int = DIRECTORY) -> UUID:
    """Make an id: RFC 9562 version 8, 48 bits of Unix milliseconds, 12 counter, 24 hospital, 38 random.

    Ids made later sort later, so B-trees grow at their right edge and lists keep the order of making: exactly
    within a process, to the millisecond between processes.
    """
    ms, count = _ticks.next(time.time_ns() // 1_000_000)
    value = ms << 80 | 8 << 76 | count << 64
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
