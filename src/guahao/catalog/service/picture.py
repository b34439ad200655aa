"""Pictures of doctors and hospitals: decoded and made anew, so that nothing else comes along."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.catalog.models import Doctor, Hospital, Picture
from guahao.catalog.policy.drawing import MOST_PIXELS, SIZE, TOO_LARGE, UNREADABLE, draw_confined
from guahao.kernel.confined import ConfinedCrash, LimitExceeded, Limits, run_confined
from guahao.kernel.db import affected
from guahao.kernel.errors import Problem
from guahao.kernel.ids import new_id
from guahao.kernel.limit import Turns

_UNUSED_AFTER = timedelta(days=1)
_ONE_BATCH = 500

_turns = Turns(3)
_LIMITS = Limits(memory_mb=768, cpu_s=6, wall_s=60, output_mb=8)
"""The largest picture takes some 500 MB and 2 s; a progressive JPEG of 500 KB may ask for 40 s."""


class PictureUnreadable(Problem):
    """The file is no JPEG, PNG or WebP picture, or a damaged one."""

    code = "picture-unreadable"
    status = 422


class PictureTooLarge(Problem):
    """The picture has more than `limit_megapixels`; it is refused before it is unpacked."""

    code = "picture-too-large"
    status = 422


class PictureTooComplex(Problem):
    """Decoding the picture took more time or memory than one picture may take."""

    code = "picture-too-complex"
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


async def draw(content: bytes, *, hospital_id: int) -> Drawn:
    """Decode an uploaded file and make a JPEG of its pixels, at most 1200 on the longer side.

    In a process of its own, of each hospital one at a time, so that no picture delays another hospital's.
    For outside of any transaction: it may take a second. Raises PictureUnreadable, PictureTooLarge,
    PictureTooComplex.
    """
    async with _turns.turn(hospital_id):
        try:
            drawn = await run_confined(draw_confined, content, limits=_LIMITS)
        except LimitExceeded as error:
            raise PictureTooComplex from error
        except ConfinedCrash as error:
            raise PictureUnreadable from error
    if drawn == UNREADABLE:
        raise PictureUnreadable
    if drawn == TOO_LARGE:
        raise PictureTooLarge(limit_megapixels=MOST_PIXELS // 1_000_000)
    width, height = SIZE.unpack_from(drawn)
    return Drawn(content=drawn[SIZE.size :], width=width, height=height)


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
