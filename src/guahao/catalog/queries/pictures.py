"""Pictures as they are shown."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Picture
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of


def picture_path(id_: UUID) -> str:
    """Where everybody can see a picture, to be continued after the server's address."""
    return f"api/v1/pictures/{id_}"


async def picture_content(db: AsyncSession, *, picture_id: UUID) -> bytes:
    """The JPEG; raises NotFound."""
    found: bytes | None = await db.scalar(
        select(Picture.content).where(
            Picture.hospital_id == hospital_of(picture_id), Picture.id == picture_id
        )
    )
    if found is None:
        raise NotFound
    return found
