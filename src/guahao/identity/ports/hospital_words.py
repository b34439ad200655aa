"""The port behind which the catalogue knows what the hospitals here are called."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession


class HospitalWords(Protocol):
    """What a guesser of passwords tries first at these hospitals; read in the caller's transaction."""

    async def __call__(self, db: AsyncSession) -> frozenset[str]:
        """Their names and cities, in whole and in part, in small letters, as they are typed."""
        ...
