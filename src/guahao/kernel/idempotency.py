"""One request, one effect: the Idempotency-Key and the answer it stands for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import DateTime, Index, LargeBinary, Text, bindparam, cast, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

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
        """SHA-256 of the body."""
        return hashlib.sha256(self.body).digest()

    @property
    def lock(self) -> int:
        """A 64-bit advisory lock number for this owner, route and key."""
        digest = hashlib.sha256(f"{self.owner}\n{self.route}\n{self.key}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)


_FRESH = {"status": None, "answer": None}
_KEY = table(IdempotencyKey)
_insert = insert(_KEY).from_select(
    ["owner", "route", "key", "body_hash", "expires_at"],
    select(
        cast(bindparam("owner"), Text),
        cast(bindparam("route"), Text),
        cast(bindparam("key"), Text),
        cast(bindparam("body_hash"), LargeBinary),
        cast(func.now() + KEPT_FOR, DateTime(timezone=True)),
    ).where(func.pg_try_advisory_xact_lock(bindparam("lock"))),
)
_CLAIM = HotStatement(
    _insert.on_conflict_do_update(
        index_elements=["owner", "route", "key"],
        set_={"body_hash": _insert.excluded.body_hash, "expires_at": _insert.excluded.expires_at, **_FRESH},
        where=_KEY.c.expires_at <= func.now(),
    ).returning(_KEY.c.key)
)
_FIRST = select(IdempotencyKey).where(
    IdempotencyKey.owner == bindparam("owner"),
    IdempotencyKey.route == bindparam("route"),
    IdempotencyKey.key == bindparam("key"),
)
KEEP = (
    update(_KEY)
    .where(
        _KEY.c.owner == bindparam("kept_owner"),
        _KEY.c.route == bindparam("kept_route"),
        _KEY.c.key == bindparam("kept_key"),
    )
    .values(status=bindparam("kept_status"), answer=bindparam("kept_answer"))
)
"""For statements that store the first answer together with other rows; bind with `keep_params`."""


async def claim(db: AsyncSession, request: Claim) -> None:
    """Make this transaction the one that answers `request`, or raise.

    The row lives and dies with the caller's transaction: a crash before commit leaves the key
    free, a crash after it leaves the answer. Raises `Replayed` with the first answer,
    `IdempotencyKeyReused` for another body, `RequestInProgress` while the first is running.
    """
    bound = {"owner": request.owner, "route": request.route, "key": request.key}
    mine = await _CLAIM.rows(db, {**bound, "body_hash": request.body_hash, "lock": request.lock})
    if mine:
        return
    first = await db.scalar(_FIRST, bound)
    if first is None or first.status is None or first.answer is None:
        raise RequestInProgress
    if first.body_hash != request.body_hash:
        raise IdempotencyKeyReused
    raise Replayed(status=first.status, answer=first.answer)


def keep_params(request: Claim, *, status: int, answer: str) -> dict[str, str | int]:
    """Bind the first answer of `request` for KEEP."""
    return {
        "kept_owner": request.owner,
        "kept_route": request.route,
        "kept_key": request.key,
        "kept_status": status,
        "kept_answer": answer,
    }


async def forget_expired(db: AsyncSession) -> int:
    """Delete keys whose time is over; answers how many."""
    return affected(
        await db.execute(delete(IdempotencyKey).where(IdempotencyKey.expires_at <= text("now()")))
    )
