"""The port behind which the domains above say what keeps an account from being closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """One thing that has to be settled first; `text` says in Chinese what it is and what to do."""

    kind: str
    text: str


class Hindrances(Protocol):
    """What has to be settled first; read in the caller's transaction."""

    async def __call__(self, db: AsyncSession, *, account_id: UUID) -> Sequence[Hindrance]:
        """List it; nothing when the account may be closed."""
        ...
