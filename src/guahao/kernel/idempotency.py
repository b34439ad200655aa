"""One request, one effect: the Idempotency-Key and the answer it stands for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Text,
    bindparam,
    cast,
    column,
    delete,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine

from guahao.kernel.db import Base, HotStatement, affected, table
from guahao.kernel.errors import Problem

KEPT_FOR = timedelta(hours=48)


class RequestInProgress(Problem):
    """The same request is being worked on right now; ask again for its answer."""

    code = "request-in-progress"
    status = 409
    retry_after_s = 1


class IdempotencyKeyReused(Problem):
    """The key was used with another body; a new intent needs a new key."""

    code = "idempotency-key-reused"
    status = 422


class IdempotencyKeyInvalid(Problem):
    """The key is not 1 to 128 printable ASCII characters."""

    code = "idempotency-key-invalid"
    status = 422


class Replayed(Exception):
    """Not an error: the stored first answer stands, nothing is done again."""

    def __init__(self, *, status: int, answer: str) -> None:
        """Carry the stored answer to the edge."""
        super().__init__(status)
        self.status = status
        self.answer = answer


class IdempotencyKey(Base):
    """A key of one owner on one route, with the first answer once there is one."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("idempotency_key_expiry_idx", "expires_at"),)

    owner: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int | None]
    answer: Mapped[str | None]
    expires_at: Mapped[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What identifies a request: who asks, on which route, with which key and body."""

    owner: str
    route: str
    key: str
    body: bytes

    @property
    def body_hash(self) -> bytes:
        """SHA-256 of what the body means: members in another order, or other spaces, change nothing."""
        try:
            meant = msgspec.json.encode(msgspec.json.decode(self.body), order="deterministic")
        except msgspec.DecodeError:  # a file, or nothing at all
            meant = self.body
        return hashlib.sha256(meant).digest()

    @property
    def bytes_hash(self) -> bytes:
        """SHA-256 of the body as it came, kept so by releases that did not read it."""
        return hashlib.sha256(self.body).digest()

    @property
    def lock(self) -> int:
        """A 64-bit advisory lock number for this owner, route and key."""
        digest = hashlib.sha256(f"{self.owner}\n{self.route}\n{self.key}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)


_FRESH = {"status": None, "answer": None}
_KEY = table(IdempotencyKey)


def _rows(name: str, **columns: TypeEngine[Any]) -> TableValuedAlias:
    arrays = [bindparam(f"{name}_{one}", type_=ARRAY(kind)) for one, kind in columns.items()]
    return func.unnest(*arrays).table_valued(*[column(one) for one in columns]).render_derived(name=name)


_asked = _rows("asked", owner=Text(), route=Text(), key=Text(), body_hash=LargeBinary(), lock=BigInteger())
_insert = insert(_KEY).from_select(
    ["owner", "route", "key", "body_hash", "expires_at"],
    select(
        _asked.c.owner,
        _asked.c.route,
        _asked.c.key,
        _asked.c.body_hash,
        cast(func.now() + KEPT_FOR, DateTime(timezone=True)),
    ).where(func.pg_try_advisory_xact_lock(_asked.c.lock)),
)
_CLAIM = HotStatement(
    _insert.on_conflict_do_update(
        index_elements=["owner", "route", "key"],
        set_={"body_hash": _insert.excluded.body_hash, "expires_at": _insert.excluded.expires_at, **_FRESH},
        where=_KEY.c.expires_at <= func.now(),
    ).returning(_KEY.c.owner, _KEY.c.route, _KEY.c.key)
)
_FIRST = select(IdempotencyKey).where(
    IdempotencyKey.owner == bindparam("owner"),
    IdempotencyKey.route == bindparam("route"),
    IdempotencyKey.key == bindparam("key"),
)
_answered = _rows("answered", owner=Text(), route=Text(), key=Text(), status=Integer(), answer=Text())
KEEP = (
    update(_KEY)
    .where(
        _KEY.c.owner == _answered.c.owner,
        _KEY.c.route == _answered.c.route,
        _KEY.c.key == _answered.c.key,
    )
    .values(status=_answered.c.status, answer=_answered.c.answer)
)
"""For statements that store first answers together with other rows; bind with `keep_params`."""


async def claim_free(db: AsyncSession, requests: Sequence[Claim]) -> set[Claim]:
    """Make this transaction the one that answers as many of `requests` as it can; answers which.

    The rows live and die with the caller's transaction: a crash before commit leaves the keys free,
    a crash after it leaves the answers. No two of `requests` may have the same owner, route and key.
    """
    params = {
        "asked_owner": [one.owner for one in requests],
        "asked_route": [one.route for one in requests],
        "asked_key": [one.key for one in requests],
        "asked_body_hash": [one.body_hash for one in requests],
        "asked_lock": [one.lock for one in requests],
    }
    mine = {tuple(row) for row in await _CLAIM.rows(db, params)}
    return {one for one in requests if (one.owner, one.route, one.key) in mine}


async def claim(db: AsyncSession, request: Claim) -> None:
    """Make this transaction the one that answers `request`, or raise.

    Raises `Replayed` with the first answer, `IdempotencyKeyReused` for another body,
    `RequestInProgress` while the first is running.
    """
    if await claim_free(db, [request]):
        return
    first = await db.scalar(_FIRST, {"owner": request.owner, "route": request.route, "key": request.key})
    if first is None or first.status is None or first.answer is None:
        raise RequestInProgress
    if first.body_hash not in (request.body_hash, request.bytes_hash):
        raise IdempotencyKeyReused
    raise Replayed(status=first.status, answer=first.answer)


def keep_params(answers: Sequence[tuple[Claim, int, str]]) -> dict[str, list[Any]]:
    """Bind first answers (claim, status, body) for KEEP."""
    return {
        "answered_owner": [request.owner for request, _, _ in answers],
        "answered_route": [request.route for request, _, _ in answers],
        "answered_key": [request.key for request, _, _ in answers],
        "answered_status": [status for _, status, _ in answers],
        "answered_answer": [answer for _, _, answer in answers],
    }


async def give_back(db: AsyncSession, requests: Sequence[Claim]) -> None:
    """Free keys that this transaction claimed and whose requests were refused: a refusal is not kept."""
    keys = [(one.owner, one.route, one.key) for one in requests]
    await db.execute(delete(_KEY).where(tuple_(_KEY.c.owner, _KEY.c.route, _KEY.c.key).in_(keys)))


async def forget_expired(db: AsyncSession) -> int:
    """Delete keys whose time is over; answers how many."""
    return affected(
        await db.execute(delete(IdempotencyKey).where(IdempotencyKey.expires_at <= text("now()")))
    )
