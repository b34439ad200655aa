"""What may be uploaded as a picture, what is kept of it, and who sees it."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from PIL import Image
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Picture
from guahao.catalog.service.picture import forget_unused_pictures
from guahao.kernel import upload
from guahao.kernel.db import Sessions, transaction
from tests.factories.catalog import make_doctor, make_hospital, staff_headers

pytestmark = pytest.mark.anyio

STAFF = "/api/v1/staff"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
GPS_IFD, MAKER = 0x8825, 0x010F


@dataclass(frozen=True, kw_only=True)
class Office:
    """Somebody who edits one hospital."""

    client: httpx.AsyncClient
    hospital_id: int
    headers: dict[str, str]

    async def upload(
        self, content: bytes, *, kind: str = "image/jpeg", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send a file."""
        sent = self.headers | {"Content-Type": kind} | (headers or {})
        url = f"{STAFF}/hospitals/{self.hospital_id}/pictures"
        return await self.client.post(url, content=content, headers=sent)

    async def stored(self, content: bytes) -> bytes:
        """Send a file and read what everybody sees."""
        made = await self.upload(content)
        assert made.status_code == 201, made.text
        return (await self.client.get(f"/{made.json()['path']}")).content


@pytest.fixture
async def office(client: httpx.AsyncClient, db: AsyncSession) -> Office:
    hospital_id = await make_hospital(db)
    headers = await staff_headers(db, hospital_id=hospital_id)
    await db.commit()
    return Office(client=client, hospital_id=hospital_id, headers=headers)


def picture(
    form: str = "JPEG", *, size: tuple[int, int] = (40, 20), mode: str = "RGB", exif: Image.Exif | None = None
) -> bytes:
    out = io.BytesIO()
    noted = {"exif": exif} if exif else {}
    Image.new(mode, size, "red" if mode != "RGBA" else (255, 0, 0, 0)).save(out, form, **noted)
    return out.getvalue()


def png_bomb(side: int) -> bytes:
    """A PNG that says it has `side` x `side` pixels, and unpacks to as many."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    line = zlib.compressobj(9)
    packed = b"".join(line.compress(bytes(side * 3 + 1)) for _ in range(side)) + line.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


async def count(db: AsyncSession) -> int:
    return await db.scalar(select(func.count()).select_from(Picture)) or 0


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
async def test_a_picture_is_drawn_anew_as_a_small_jpeg(office: Office, form: str) -> None:
    made = await office.upload(picture(form, size=(2400, 600)), kind="application/octet-stream")

    assert (made.status_code, made.json()["width"], made.json()["height"]) == (201, 1200, 300)
    shown = await office.client.get(f"/{made.json()['path']}")
    assert shown.status_code == 200
    with Image.open(io.BytesIO(shown.content)) as seen:
        assert (seen.format, seen.size) == ("JPEG", (1200, 300))
    assert {name: shown.headers[name] for name in ("content-type", "x-content-type-options")} == {
        "content-type": "image/jpeg",
        "x-content-type-options": "nosniff",
    }
    assert shown.headers["content-security-policy"].startswith("sandbox;")
    assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_what_is_see_through_becomes_white_and_colours_stay(office: Office) -> None:
    shown = await office.stored(picture("PNG", mode="RGBA"))

    with Image.open(io.BytesIO(shown)) as seen:
        assert seen.convert("RGB").getpixel((5, 5)) == (255, 255, 255)


async def test_where_and_with_what_a_photo_was_taken_is_not_kept_but_its_turn_is(office: Office) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter
    exif[MAKER] = "SecretPhone"
    exif.get_ifd(GPS_IFD)[1] = "N"
    exif.get_ifd(GPS_IFD)[2] = (30.0, 15.0, 7.0)
    sent = picture(size=(400, 200), exif=exif)
    assert b"SecretPhone" in sent

    shown = await office.stored(sent)

    with Image.open(io.BytesIO(shown)) as seen:
        assert (dict(seen.getexif()), seen.size) == ({}, (200, 400))
    assert b"SecretPhone" not in shown
    assert b"Exif" not in shown


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
async def test_of_a_polyglot_only_the_pixels_stay(office: Office, form: str) -> None:
    payload = b"PK\x03\x04<script>alert(1)</script>MZ"

    shown = await office.stored(picture(form) + payload)

    assert b"<script>" not in shown
    assert b"PK\x03\x04" not in shown


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"MZ\x90\x00" + bytes(500),
        SVG,
        b"GIF89a" + bytes(100),
        b"%PDF-1.7" + bytes(100),
        picture()[:200],
        b"\xff\xd8\xff\xe0" + bytes(1000),
    ],
    ids=["nothing", "exe", "svg", "gif", "pdf", "cut off", "only a head"],
)
async def test_what_is_no_picture_is_refused_whatever_it_is_called(
    office: Office, db: AsyncSession, content: bytes
) -> None:
    refused = await office.upload(content)

    assert (refused.status_code, refused.json()["code"]) == (422, "picture-unreadable")
    assert await count(db) == 0


@pytest.mark.parametrize(
    "kind", ["image/svg+xml", "text/html", "application/json", "multipart/form-data", ""]
)
async def test_what_does_not_even_say_that_it_is_a_picture_is_not_read(office: Office, kind: str) -> None:
    refused = await office.upload(SVG, kind=kind)

    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported-media-type")


async def test_a_bomb_is_refused_before_it_is_unpacked(office: Office, db: AsyncSession) -> None:
    bomb = png_bomb(10_000)
    assert len(bomb) < 1_000_000

    refused = await office.upload(bomb, kind="image/png")

    assert (refused.status_code, refused.json()["code"]) == (422, "picture-too-large")
    assert await count(db) == 0


@pytest.mark.parametrize("says_so", [True, False])
async def test_a_file_of_eleven_megabytes_is_refused(office: Office, db: AsyncSession, says_so: bool) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield bytes(1024 * 1024)

    headers = office.headers | {"Content-Type": "image/jpeg"}
    content = bytes(11 * 1024 * 1024) if says_so else parts()
    url = f"{STAFF}/hospitals/{office.hospital_id}/pictures"
    refused = await office.client.post(url, content=content, headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (413, "upload-too-large")
    assert "10 MB" in refused.json()["title"]
    assert await count(db) == 0


async def test_only_a_few_files_are_in_memory_at_once(office: Office, db: AsyncSession) -> None:
    reading, may_end = asyncio.Queue[None](), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        await reading.put(None)
        await may_end.wait()
        yield picture()

    url = f"{STAFF}/hospitals/{office.hospital_id}/pictures"
    headers = office.headers | {"Content-Type": "image/jpeg"}
    sent = [asyncio.create_task(office.client.post(url, content=slow(), headers=headers)) for _ in range(4)]
    for _ in sent:
        await reading.get()

    refused = await office.upload(picture())
    may_end.set()

    assert (refused.status_code, refused.json()["code"]) == (503, "temporarily-unavailable")
    assert refused.headers["retry-after"] == "5"
    assert [(await one).status_code for one in sent] == [201] * 4
    assert (await office.upload(picture())).status_code == 201


async def test_a_file_that_does_not_end_is_given_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "_SENT_WITHIN_S", 0.05)

    async def endless() -> AsyncIterator[bytes]:
        yield b"\xff\xd8"
        await asyncio.Event().wait()

    url = f"{STAFF}/hospitals/{office.hospital_id}/pictures"
    headers = office.headers | {"Content-Type": "image/jpeg"}
    refused = await office.client.post(url, content=endless(), headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (503, "temporarily-unavailable")


async def test_names_are_not_taken_from_the_sender(office: Office) -> None:
    named = {"Content-Disposition": 'attachment; filename="../../../etc/passwd"'}

    made = await office.upload(picture(), headers=named)

    assert made.json()["path"] == f"api/v1/pictures/{made.json()['id']}"
    for path in ("..%2F..%2Fetc%2Fpasswd", "../doctors", "passwd", made.json()["id"][:-1]):
        assert (await office.client.get(f"/api/v1/pictures/{path}")).status_code == 404


async def test_nobody_uploads_without_leave_or_for_another_hospital(office: Office, db: AsyncSession) -> None:
    other = await make_hospital(db)
    desk = await staff_headers(db, hospital_id=office.hospital_id, role="desk")
    await db.commit()
    url = f"{STAFF}/hospitals/{office.hospital_id}/pictures"
    kind = {"Content-Type": "image/jpeg"}

    answers = [
        await office.client.post(url, content=picture(), headers=kind),
        await office.client.post(url, content=picture(), headers=kind | desk),
        await office.client.post(
            f"{STAFF}/hospitals/{other}/pictures", content=picture(), headers=kind | office.headers
        ),
    ]

    assert [answer.status_code for answer in answers] in ([401, 403, 404], [401, 403, 403])
    assert await count(db) == 0


async def test_a_doctors_photo_and_a_hospitals_pictures_are_seen_by_patients(
    office: Office, db: AsyncSession
) -> None:
    doctor_id = await make_doctor(db, hospital_id=office.hospital_id, name="王建国")
    await db.commit()
    photo = (await office.upload(picture())).json()
    doctor = (await office.client.get(f"{STAFF}/doctors/{doctor_id}", headers=office.headers)).json()
    hospital_url = f"{STAFF}/hospitals/{office.hospital_id}"
    hospital = (await office.client.get(hospital_url, headers=office.headers)).json()
    del doctor["id"], hospital["id"]

    saved = await office.client.put(
        f"{STAFF}/doctors/{doctor_id}", json=doctor | {"photo_id": photo["id"]}, headers=office.headers
    )
    shown = await office.client.put(
        hospital_url, json=hospital | {"picture_ids": [photo["id"]]}, headers=office.headers
    )

    assert (saved.status_code, saved.json()["photo_id"]) == (200, photo["id"]), saved.text
    assert (shown.status_code, shown.json()["picture_ids"]) == (200, [photo["id"]]), shown.text
    seen = (await office.client.get(f"/api/v1/doctors/{doctor_id}")).json()
    assert seen["photo_path"] == photo["path"]
    page = (await office.client.get(f"/api/v1/hospitals/{office.hospital_id}")).json()
    assert page["picture_paths"] == [photo["path"]]


async def test_another_hospitals_picture_is_not_taken(office: Office, db: AsyncSession) -> None:
    other = await make_hospital(db)
    headers = await staff_headers(db, hospital_id=other)
    await db.commit()
    theirs = Office(client=office.client, hospital_id=other, headers=headers)
    photo = (await theirs.upload(picture())).json()["id"]
    doctor = {"code": "D1", "name": "王建国", "level": "expert", "photo_id": photo}
    url = f"{STAFF}/hospitals/{office.hospital_id}"
    hospital = (await office.client.get(url, headers=office.headers)).json()
    del hospital["id"]

    on_doctor = await office.client.post(f"{url}/doctors", json=doctor, headers=office.headers)
    on_page = await office.client.put(url, json=hospital | {"picture_ids": [photo]}, headers=office.headers)

    assert (on_doctor.status_code, on_doctor.json()["code"]) == (422, "picture-unknown")
    assert (on_page.status_code, on_page.json()["code"]) == (422, "picture-unknown")


async def test_pictures_that_nothing_shows_are_taken_away_after_a_day(
    office: Office, db: AsyncSession, sessions: Sessions
) -> None:
    doctor, page, unused, fresh = [(await office.upload(picture())).json()["id"] for _ in range(4)]
    body = {"code": "D1", "name": "王建国", "level": "expert", "photo_id": doctor}
    url = f"{STAFF}/hospitals/{office.hospital_id}"
    assert (await office.client.post(f"{url}/doctors", json=body, headers=office.headers)).is_success
    hospital = (await office.client.get(url, headers=office.headers)).json()
    del hospital["id"]
    await office.client.put(url, json=hospital | {"picture_ids": [page]}, headers=office.headers)
    old = func.now() - timedelta(days=2)
    await db.execute(update(Picture).where(Picture.id != fresh).values(created_at=old))
    await db.commit()

    async with transaction(sessions) as other:
        assert await forget_unused_pictures(other) == 1
        assert await forget_unused_pictures(other) == 0

    left = {str(id_) for id_ in await db.scalars(select(Picture.id))}
    assert left == {doctor, page, fresh}
    assert unused not in left
