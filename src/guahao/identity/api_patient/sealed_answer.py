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
from guahao.kernel.http import Keys, Once, OnceClaim, OnceKey
from guahao.kernel.idempotency import KEEP, Claim, Replayed, keep_params

_FIELD = "idempotency_key.answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedOnceKey:
    """The request's Idempotency-Key, as `kernel.http.OnceKey`, for answers that name somebody."""

    once: OnceKey
    keys: KeyRing

    async def claim(self, db: AsyncSession, *, owner: str) -> OnceClaim:
        """Claim the key for `owner`; a repeated request raises `Replayed` with the opened answer."""
        try:
            return await self.once.claim(db, owner=owner)
        except Replayed as first:
            row = _row(owner, self.once.route, self.once.key or "")
            opened = self.keys.open(b64decode(first.answer), field=_FIELD, row=row)
            raise Replayed(status=first.status, answer=opened) from None

    async def answer(self, claim: OnceClaim, out: BaseModel, *, status: int) -> Response:
        """Store `out` sealed as the first answer and give it; the last thing a route does."""
        prepared = claim.prepared(out, status=status)
        if claim.claim is not None:
            sealed = self._seal(claim.claim, out)
            await claim.db.execute(KEEP, keep_params([(claim.claim, status, sealed)]))
        return prepared.response

    def _seal(self, claim: Claim, out: BaseModel) -> str:
        row = _row(claim.owner, claim.route, claim.key)
        return b64encode(self.keys.seal(out.model_dump_json(), field=_FIELD, row=row)).decode()


def _row(owner: str, route: str, key: str) -> UUID:
    return UUID(bytes=hashlib.sha256(f"{owner}\n{route}\n{key}".encode()).digest()[:16])


def _sealed_once(once: Once, keys: Keys) -> SealedOnceKey:
    return SealedOnceKey(once=once, keys=keys)


SealedOnce = Annotated[SealedOnceKey, Depends(_sealed_once)]
