"""Pictures of doctors and hospitals: decoded and made anew, so that nothing else comes along."""

from __future__ import annotations

import asyncio
import io
import warnings
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from PIL import Image, ImageOps
from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.catalog.models import Doctor, Hospital, Picture
from guahao.kernel.db import affected
from guahao.kernel.errors import Problem
from guahao.kernel.ids import new_id

LONGEST_SIDE = 1200
_MOST_PIXELS = 40_000_000
_READ = ("JPEG", "PNG", "WEBP")
"""What phones and office programs make; the decoder looks at the content, never at a name."""

_QUALITY = 85
_UNUSED_AFTER = timedelta(days=1)
_ONE_BATCH = 500

_decoder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="picture")
"""The largest picture takes 160 MB while it is decoded: one at a time in each process."""


class PictureUnreadable(Problem):
    """The file is no JPEG, PNG or WebP picture, or a damaged one."""

    code = "picture-unreadable"
    status = 422


class PictureTooLarge(Problem):
    """The picture has more than `limit_megapixels`; it is refused before it is unpacked."""

    code = "picture-too-large"
    status = 422


class PictureUnknown(Problem):
    """A picture that is named here is not one of this hospital."""

    code = "picture-unknown"
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A picture as it will be shown: a JPEG without any of the data that was beside its pixels."""

    content: bytes
    width: int
    height: int


async def draw(content: bytes) -> Drawn:
    """Decode an uploaded file and make a JPEG of its pixels, at most 1200 on the longer side.

    For outside of any transaction: it may take a second. Raises PictureUnreadable, PictureTooLarge.
    """
    return await asyncio.get_running_loop().run_in_executor(_decoder, _draw, content)


def _draw(content: bytes) -> Drawn:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sizes are judged below, and damaged notes beside pixels dropped
            with Image.open(io.BytesIO(content), formats=_READ) as picture:
                return _redrawn(picture)
    except Problem:
        raise
    except Exception as error:  # decoders raise whatever a damaged file makes them
        raise PictureUnreadable from error


def _redrawn(picture: Image.Image) -> Drawn:
    if picture.width * picture.height > _MOST_PIXELS:
        raise PictureTooLarge(limit_megapixels=_MOST_PIXELS // 1_000_000)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    upright = ImageOps.exif_transpose(picture)
    plain = _on_white(upright) if upright.has_transparency_data else upright.convert("RGB")
    fresh = Image.new("RGB", plain.size)
    fresh.paste(plain)
    out = io.BytesIO()
    fresh.save(out, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
    return Drawn(content=out.getvalue(), width=fresh.width, height=fresh.height)


def _on_white(picture: Image.Image) -> Image.Image:
    layered = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")


async def keep_picture(db: AsyncSession, drawn: Drawn, *, hospital_id: int, actor: str) -> Picture:
    """Store a picture of a hospital; one that nothing shows within a day is taken away again."""
    picture = Picture(
        hospital_id=hospital_id,
        id=new_id(hospital_id),
        content=drawn.content,
        width=drawn.width,
        height=drawn.height,
        created_by=actor,
    )
    db.add(picture)
    await db.flush()
    entry = AuditEntry(
        hospital_id=hospital_id,
        actor=actor,
        action="picture.create",
        subject=f"picture:{picture.id}",
        data={"bytes": len(drawn.content)},
    )
    await record(db, entry)
    return picture


async def require_pictures(db: AsyncSession, *, hospital_id: int, ids: Collection[UUID]) -> None:
    """Raise PictureUnknown unless all of these are pictures of the hospital; they stay until commit."""
    found = select(Picture.id).where(Picture.hospital_id == hospital_id, Picture.id.in_(ids))
    if set(await db.scalars(found.with_for_update(read=True, key_share=True))) != set(ids):
        raise PictureUnknown


async def forget_unused_pictures(db: AsyncSession) -> int:
    """Delete pictures older than a day that nothing shows; answers how many.

    Their hospitals are locked first, so that nobody begins to show one in between.
    """
    old = Picture.created_at < func.now() - _UNUSED_AFTER
    shown = select(func.unnest(Hospital.picture_ids)).where(Hospital.id == Picture.hospital_id)
    on_doctor = select(Doctor.id).where(
        Doctor.hospital_id == Picture.hospital_id, Doctor.photo_id == Picture.id
    )
    unused = (old, ~on_doctor.correlate(Picture).exists(), Picture.id.not_in(shown.correlate(Picture)))
    keys = select(Picture.hospital_id, Picture.id).where(*unused).limit(_ONE_BATCH)
    chosen = [tuple(row) for row in await db.execute(keys)]
    if not chosen:
        return 0
    owners = select(Hospital.id).where(Hospital.id.in_({hospital_id for hospital_id, _ in chosen}))
    await db.execute(owners.order_by(Hospital.id).with_for_update(key_share=True))
    named = tuple_(Picture.hospital_id, Picture.id).in_(chosen)
    return affected(await db.execute(delete(Picture).where(named, *unused)))
