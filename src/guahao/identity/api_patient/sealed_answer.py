"""Answers with personal data under an Idempotency-Key: kept sealed, given as they were."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.crypto import KeyRing
from guahao.kernel.http import IdempotencyContext, Keys, Once
from guahao.kernel.idempotency import Claim, Replayed

_FIELD = "idempotency_key.answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedIdempotencyContext:
    """The request's Idempotency-Key, as `kernel.http.IdempotencyContext`, for answers that name somebody."""

    once: IdempotencyContext
    keys: KeyRing

    async def claim(self, db: AsyncSession, *, owner: str) -> IdempotencyContext:
        """Claim the key for `owner`; a repeated request raises `Replayed` with the opened answer."""
        try:
            return await self.once.claim(db, owner=owner)
        except Replayed as first:
            row = _row(owner, self.once.route, self.once.key or "")
            opened = self.keys.open(b64decode(first.answer), field=_FIELD, row=row)
            raise Replayed(status=first.status, answer=opened) from None

    async def answer(self, claimed: IdempotencyContext, out: BaseModel, *, status: int) -> Response:
        """Store `out` sealed as the first answer and give it; the last thing a route does."""
        content = out.model_dump_json()
        if claimed.claimed is not None:
            await claimed.keep(self._seal(claimed.claimed[1], content), status=status)
        return Response(content, status, media_type="application/json")

    def _seal(self, claim: Claim, content: str) -> str:
        row = _row(claim.owner, claim.route, claim.key)
        return b64encode(self.keys.seal(content, field=_FIELD, row=row)).decode()


def _row(owner: str, route: str, key: str) -> UUID:
    return UUID(bytes=hashlib.sha256(f"{owner}\n{route}\n{key}".encode()).digest()[:16])


def _sealed_once(once: Once, keys: Keys) -> SealedIdempotencyContext:
    return SealedIdempotencyContext(once=once, keys=keys)


SealedOnce = Annotated[SealedIdempotencyContext, Depends(_sealed_once)]
