"""Tokens: opaque, random, stored as hashes; what a process remembers of them for a moment."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

TRUSTED_FOR = timedelta(seconds=0.8)
"""How long another process may go on accepting a token that was revoked here, or whose owner was disabled."""

DISTRUSTED_FOR = timedelta(seconds=60)
"""Longer than any transaction: while a revocation may still be uncommitted, the database is asked."""

_MAX_REMEMBERED = 50_000

T = TypeVar("T")


def new_token() -> str:
    """Make a bearer token of 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    """The key under which a token is stored."""
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True, slots=True)
class _Remembered(Generic[T]):
    owner: UUID
    who: T
    until: datetime


class TokenMemory(Generic[T]):
    """Who was recognised by which token lately, in this process only.

    A revocation distrusts its owner first: from then on every token of that owner is asked of
    the database, so that in this process the revocation counts from the moment it commits.
    """

    def __init__(self) -> None:
        """Start with nothing remembered."""
        self._known: dict[bytes, _Remembered[T]] = {}
        self._distrusted: dict[UUID, datetime] = {}

    def recall(self, token_hash: bytes, *, now: datetime) -> T | None:
        """Answer who the token belongs to, if that was found out a moment ago."""
        known = self._known.get(token_hash)
        if known is None or known.until <= now or self._is_distrusted(known.owner, now):
            return None
        return known.who

    def remember(self, token_hash: bytes, who: T, *, owner: UUID, until: datetime, now: datetime) -> None:
        """Trust the token for a moment, at most `until` its expiry."""
        if self._is_distrusted(owner, now):
            return
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        self._known[token_hash] = _Remembered(owner, who, min(until, now + TRUSTED_FOR))

    def distrust(self, owner: UUID, *, now: datetime) -> None:
        """Ask the database about every token of `owner` for a while; call it in the revoking transaction."""
        self._distrusted = {key: until for key, until in self._distrusted.items() if until > now}
        self._distrusted[owner] = now + DISTRUSTED_FOR

    def _is_distrusted(self, owner: UUID, now: datetime) -> bool:
        until = self._distrusted.get(owner)
        return until is not None and now < until
