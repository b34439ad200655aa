"""The port behind which the catalogue knows who a hospital's doctors are."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession


class DoctorDirectory(Protocol):
    """Whom an account can be bound to; read in the caller's transaction."""

    async def __call__(self, db: AsyncSession, *, doctor_id: UUID) -> bool:
        """Tell whether this is a doctor of the hospital that the id names."""
        ...
