"""What routes share: the request's transaction, clock, idempotency key and documented problems."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel import idempotency
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import Problem
from guahao.kernel.export import File
from guahao.kernel.paging import Asked, Read
from guahao.kernel.settings import Settings

T = TypeVar("T")
F = TypeVar("F")


class UploadTooLarge(Problem):
    """The uploaded file is larger than the route takes; `limit_mb` tells how large it may be."""

    code = "upload-too-large"
    status = 413


class Body(BaseModel):
    """Base of request bodies: unknown members are refused, text is trimmed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Page(BaseModel, Generic[T]):
    """A list answer; `next_cursor` is null on the last page."""

    items: list[T]
    next_cursor: str | None = None


class CountedPage(Page[T], Generic[T]):
    """A page of a list that says how long it is: `total` is exact up to 1,000, null when there are more."""

    total: int | None

    @classmethod
    def of(cls, read: Read[F], show: Callable[[F], T]) -> CountedPage[T]:
        """Answer what was read, each row as `show` shows it."""
        return cls(items=[show(row) for row in read.rows], next_cursor=read.next_cursor, total=read.total)


class Listed(BaseModel):
    """Base of a list's query parameters: its order and which page of it."""

    sort: Annotated[str | None, Field(max_length=40, description="A field, `-field` for falling order")] = (
        None
    )
    cursor: Annotated[str | None, Field(max_length=400)] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50

    @property
    def asked(self) -> Asked:
        """Which page."""
        return Asked(sort=self.sort, cursor=self.cursor, limit=self.limit)

    @property
    def filters(self) -> dict[str, str | int | bool]:
        """What narrows the list, for the audit trail."""
        return self.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude={"sort", "cursor", "limit"}
        )


async def _request_transaction(request: Request) -> AsyncGenerator[AsyncSession]:
    """One request, one transaction, committed before the first byte of the answer."""
    sessions: Sessions = request.app.state.sessions
    async with transaction(sessions) as db:
        yield db


async def request_time(request: Request) -> datetime:
    """The moment a request is handled at; a coroutine, since plain functions cost a thread each."""
    now: datetime = request.app.state.clock()
    return now


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions


async def _key_ring(request: Request) -> KeyRing:
    key_ring: KeyRing = request.app.state.key_ring
    return key_ring


Db = Annotated[AsyncSession, Depends(_request_transaction, scope="function")]
Now = Annotated[datetime, Depends(request_time)]
AppSettings = Annotated[Settings, Depends(_settings)]
Keys = Annotated[KeyRing, Depends(_key_ring)]
AllSessions = Annotated[Sessions, Depends(_sessions)]
"""For routes that call a remote system, or hash a password, between two transactions of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyContext:
    """The request's Idempotency-Key, if the client sent one; once claimed it keeps the first answer."""

    key: str | None
    route: str
    body: bytes
    claimed: tuple[AsyncSession, idempotency.Claim] | None = None

    def of(self, owner: str) -> idempotency.Claim | None:
        """The claim that `owner` makes with this key, if there is one."""
        if self.key is None:
            return None
        return idempotency.Claim(owner=owner, route=self.route, key=self.key, body=self.body)

    async def claim(self, db: AsyncSession, *, owner: str) -> IdempotencyContext:
        """Claim the key for `owner` before doing anything else in the transaction.

        Raises what `idempotency.claim` raises; `Replayed` is answered by the edge.
        """
        request = self.of(owner)
        if request is None:
            return self
        await idempotency.claim(db, request)
        return replace(self, claimed=(db, request))

    async def answer(self, out: BaseModel, *, status: int = 200) -> Response:
        """Store `out` as the first answer and give it; the last thing a route does."""
        content = out.model_dump_json()
        await self.keep(content, status=status)
        return Response(content, status, media_type="application/json")

    async def keep(self, content: str, *, status: int) -> None:
        """Store the first answer where a key was claimed."""
        if self.claimed is not None:
            db, request = self.claimed
            await db.execute(idempotency.KEEP, idempotency.keep_params([(request, status, content)]))


async def idempotency_context(
    request: Request, idempotency_key: Annotated[str | None, Header(max_length=200)] = None
) -> IdempotencyContext:
    """Read the request's Idempotency-Key; raises `IdempotencyKeyInvalid`."""
    if idempotency_key is not None and not (
        0 < len(idempotency_key) <= 128 and idempotency_key.isascii() and idempotency_key.isprintable()
    ):
        raise idempotency.IdempotencyKeyInvalid
    return IdempotencyContext(
        key=idempotency_key, route=f"{request.method} {request.url.path}", body=await request.body()
    )


Once = Annotated[IdempotencyContext, Depends(idempotency_context)]


def problems(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """Document the problems a route may answer with, for its `responses=`."""
    documented: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        answer = documented.setdefault(
            kind.status, {"description": "", "content": {"application/problem+json": {}}}
        )
        answer["description"] = f"{answer['description']} `{kind.code}`".strip()
    return documented


def download(file: File) -> Response:
    """The HTTP answer of a file that is kept, not shown."""
    headers = {
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(file.content, media_type=file.media_type, headers=headers)


def render(problem: Problem) -> Response:
    """The HTTP answer of a problem."""
    headers = {"Retry-After": str(problem.extra.get("retry_after_s", problem.retry_after_s))}
    return Response(
        msgspec.json.encode(problem.document()),
        problem.status,
        headers=headers if problem.retry_after_s is not None else None,
        media_type="application/problem+json",
    )
