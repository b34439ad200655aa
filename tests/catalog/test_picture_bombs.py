"""Pictures made to cost more than they weigh: refused in words, and no other hospital waits for them."""

from __future__ import annotations

import asyncio
import io
from itertools import pairwise

import httpx
import pytest
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Picture
from tests.factories.catalog import make_hospital, staff_headers

pytestmark = pytest.mark.anyio


def photo(form: str = "JPEG", size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, form, **options)
    return out.getvalue()


def many_scans(count: int) -> bytes:
    """A progressive JPEG that is sent again so many times, as if it became sharper."""
    plain = photo(size=(5000, 5000), progressive=True)
    starts = [place for place in range(len(plain)) if plain.startswith(b"\xff\xda", place)]
    scans = [plain[start:end] for start, end in pairwise([*starts, len(plain) - 2])]
    smallest = min(scans, key=len)
    return plain[:-2] + smallest * count + plain[-2:]


def frames(count: int) -> bytes:
    out = io.BytesIO()
    first, *others = [Image.new("RGB", (600, 600), (shade % 255, 0, 0)) for shade in range(count)]
    first.save(out, "WEBP", save_all=True, append_images=others, duration=10)
    return out.getvalue()


async def upload(client: httpx.AsyncClient, db: AsyncSession, content: bytes) -> httpx.Response:
    """Upload as a hospital of its own."""
    hospital_id = await make_hospital(db)
    headers = await staff_headers(db, hospital_id=hospital_id)
    await db.commit()
    return await client.post(
        f"/api/v1/staff/hospitals/{hospital_id}/pictures",
        content=content,
        headers=headers | {"Content-Type": "image/jpeg"},
    )


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (photo("GIF"), "picture-unreadable"),
        (photo("TIFF"), "picture-unreadable"),
        (photo("BMP"), "picture-unreadable"),
        (photo("PNG", size=(7000, 6000)), "picture-too-large"),
        (photo("WEBP", size=(7000, 6000)), "picture-too-large"),
    ],
    ids=["gif", "tiff", "bmp", "huge png", "huge webp"],
)
async def test_other_kinds_and_sizes_are_refused(
    client: httpx.AsyncClient, db: AsyncSession, content: bytes, code: str
) -> None:
    refused = await upload(client, db, content)

    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert "请" in refused.json()["title"]
    assert await db.scalar(select(func.count()).select_from(Picture)) == 0


async def test_of_many_frames_the_first_is_the_picture(client: httpx.AsyncClient, db: AsyncSession) -> None:
    made = await upload(client, db, frames(60))

    assert (made.status_code, made.json()["width"]) == (201, 600)


async def test_a_costly_picture_is_refused_and_another_hospitals_is_drawn_meanwhile(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    bomb = many_scans(30_000)
    assert len(bomb) < 10 << 20
    ended: list[str] = []

    async def send(name: str, content: bytes) -> httpx.Response:
        answer = await client.post(
            f"/api/v1/staff/hospitals/{hospitals[name]}/pictures",
            content=content,
            headers=headers[name] | {"Content-Type": "image/jpeg"},
        )
        ended.append(name)
        return answer

    hospitals = {name: await make_hospital(db) for name in ("bomber", "other")}
    headers = {name: await staff_headers(db, hospital_id=id_) for name, id_ in hospitals.items()}
    await db.commit()

    costly, ordinary = await asyncio.gather(send("bomber", bomb), send("other", photo()))

    assert (costly.status_code, costly.json()["code"]) == (422, "picture-too-complex")
    assert costly.json()["title"].startswith("这张图片太复杂")
    assert ordinary.status_code == 201
    assert ended == ["other", "bomber"]
