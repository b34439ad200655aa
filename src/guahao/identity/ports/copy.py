"""The port behind which the domains above give what they hold about an account."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Json


class AccountCopy(Protocol):
    """Everything about an account, by table; read in the caller's transaction."""

    async def __call__(
        self, db: AsyncSession, *, account_id: UUID, key_ring: KeyRing
    ) -> dict[str, list[Json]]:
        """List the rows of each table, also of those where there are none."""
        ...
