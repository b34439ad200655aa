"""Password hashes: argon2id in a bounded pool of threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from guahao.kernel.errors import Unavailable

T = TypeVar("T")

_HASHER = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
"""ASVS 5.0, appendix C: the least memory allowed with one pass; about 90 ms of one core."""

_DUMMY_HASH = (
    "$argon2id$v=19$m=47104,t=1,p=1$Hl7F5UIfgxxQqBGlhrDRMw$kdTZYDuqCvsEl6/yfHJYi7Q0Y4AGpH0JdfGRykLgG5s"
)
"""Hash of nothing anybody knows: makes the answer for an unknown name as slow as for a known one."""

_THREADS = 2
_MOST_WAITING = 300


class _Pool:
    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="argon2")
        self._waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MOST_WAITING:
            raise Unavailable
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


_POOL = _Pool()


async def hash_password(password: str) -> str:
    """Hash a new password; never inside a transaction, it takes 90 ms.

    Raises `Unavailable` when too many are waiting.
    """
    return await _POOL.run(lambda: _HASHER.hash(password))


async def is_password(password: str, *, password_hash: str | None) -> bool:
    """Whether `password` is the one; None takes as long and is always false. Raises as `hash_password`."""
    return await _POOL.run(lambda: _matches(password, password_hash))


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than those of today."""
    return _HASHER.check_needs_rehash(password_hash)


def _matches(password: str, password_hash: str | None) -> bool:
    try:
        _HASHER.verify(password_hash or _DUMMY_HASH, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None
