"""Names of the staff behind audit actors, for histories."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.staff import Staff

_STAFF = "staff:"


async def actor_names(db: AsyncSession, actors: Collection[str]) -> dict[str, str]:
    """Actor (`staff:<id>`) -> name of that member of staff, disabled ones too; other actors are left out."""
    ids = {UUID(actor.removeprefix(_STAFF)): actor for actor in actors if _is_staff(actor)}
    if not ids:
        return {}
    rows = await db.execute(select(Staff.id, Staff.name).where(Staff.id.in_(ids)))
    return {ids[id_]: name for id_, name in rows}


def _is_staff(actor: str) -> bool:
    try:
        UUID(actor.removeprefix(_STAFF))
    except ValueError:
        return False
    return actor.startswith(_STAFF)
