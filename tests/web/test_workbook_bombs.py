"""Files made to cost more than they weigh: each is refused in words, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import zipfile
from pathlib import Path

import httpx
import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.confined import Limits
from guahao.kernel.db import Sessions
from guahao.kernel.sheet.archive import SourceFile, read_files
from guahao.kernel.sheet.table import Unreadable
from guahao.web.imports.job import JOBS, import_next
from guahao.web.imports.models import WorkbookImport
from guahao.web.workbook.reading import read_workbook
from tests.factories.catalog import make_hospital, staff_headers
from tests.factories.ooxml import edit_sheet, replace_part, with_strings, workbook

pytestmark = pytest.mark.anyio

STAFF = "/api/v1/staff"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TIGHT = Limits(memory_mb=320, cpu_s=4, wall_s=120, output_mb=16)
"""A tenth of what a real file may use, so that the limits are met soon."""

_LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 10))
LAUGHS = b'<!DOCTYPE x [<!ENTITY l0 "ha">' + _LAUGHS + b"]><x>&l9;</x>"
PARTS = (
    "[Content_Types].xml",
    "_rels/.rels",
    "docProps/app.xml",
    "docProps/core.xml",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/styles.xml",
    "xl/worksheets/sheet2.xml",
    "xl/theme/theme1.xml",
    "xl/worksheets/sheet1.xml",
)


async def codes(content: bytes, name: str = "a.xlsx", limits: Limits = _TIGHT) -> list[str]:
    """The codes of the faults, whose sentences say what to do."""
    reading = await read_workbook([SourceFile(name=name, data=content)], limits=limits)
    assert all("请" in str(fault) for fault in reading.faults)
    assert not reading.is_usable
    return [fault.code for fault in reading.faults]


def zipped(*parts: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts:
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    "prolog",
    [
        b"",
        b"<!--" + b"x" * 5_000 + b"-->",
        b"<?pi " + b"x" * 5_000 + b"?>" + b" " * 5_000,
    ],
    ids=["at once", "after a comment", "after an instruction"],
)
def test_entities_are_refused_in_every_part(tmp_path: Path, part: str, prolog: bytes) -> None:
    for data in (prolog + LAUGHS, (prolog + LAUGHS).decode().encode("utf-16")):
        with pytest.raises(Unreadable) as refused:
            read_files([SourceFile(name="a.xlsx", data=replace_part(workbook(tmp_path), part, data))])
        assert refused.value.reason == "doctype"


async def test_what_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    assert await codes(zipped(*((f"{number}.csv", bytes(60 << 20)) for number in range(2))), "a.zip") == [
        "file-bomb"
    ]
    assert await codes(zipped(*((f"{number}.csv", b"") for number in range(2_001))), "a.zip") == [
        "file-too_heavy"
    ]
    inner = zipped(("b.zip", zipped(("医生.csv", bytes(10 << 20)))))
    assert await codes(inner, "a.zip") == ["file-packed"]


async def test_strings_that_claim_to_be_short_are_not_unpacked(tmp_path: Path) -> None:
    strings = b"<sst><si><t>" + b"x" * (30 << 20) + b"</t></si></sst>"
    content = with_strings(workbook(tmp_path), strings)
    lying = content.replace(len(strings).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lying != content

    assert await codes(lying) == ["file-damaged"]


@pytest.mark.parametrize(
    "data",
    [
        b"<styleSheet><cellXfs>" + b"<xf/>" * 4_000_000 + b"</cellXfs></styleSheet>",
        b"<styleSheet><numFmts>" + b"<a>" * 9_000_000,
        b"<styleSheet " + b" ".join(b'a%d=""' % number for number in range(2_000_000)) + b"/>",
        b"<sst>" + b"<si><t>x</t></si>" * 5_000_000 + b"</sst>",
    ],
    ids=["20 MB of formats", "depth", "attributes", "strings"],
)
async def test_xml_that_grows_in_memory_or_time_ends_at_a_limit(tmp_path: Path, data: bytes) -> None:
    plain = workbook(tmp_path)
    bomb = (
        with_strings(plain, data) if data.startswith(b"<sst>") else replace_part(plain, "xl/styles.xml", data)
    )

    assert await codes(bomb) == ["file-too_heavy"]


async def test_rows_of_all_columns_end_at_a_limit(tmp_path: Path) -> None:
    row = b'<row r="%d">' + b"<c><v>1</v></c>" * 16_384 + b"</row>"
    rows = b"".join(row % number for number in range(300_000, 300_150))
    content = edit_sheet(
        workbook(tmp_path), 4, lambda xml: xml.replace(b"</sheetData>", rows + b"</sheetData>")
    )

    assert await codes(content) == ["file-too_heavy"]


def children() -> set[int]:
    """The confined processes that this one has started, by id."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    lines = [line.split(maxsplit=2) for line in listing.stdout.splitlines()]
    return {
        int(pid)
        for pid, parent, *command in lines
        if int(parent) == os.getpid() and "guahao.kernel.confined" in "".join(command)
    }


async def new_child(before: set[int]) -> int:
    while not (fresh := await asyncio.to_thread(children) - before):  # noqa: ASYNC110  # the system tells
        await asyncio.sleep(0.01)
    return fresh.pop()


async def test_another_hospitals_import_and_picture_are_done_while_a_bomb_is_read(
    client: httpx.AsyncClient, db: AsyncSession, sessions: Sessions, tmp_path: Path
) -> None:
    bomber_id, other_id = await make_hospital(db, code="B1"), await make_hospital(db, code="H1")
    bomber = await staff_headers(db, hospital_id=bomber_id)
    other = await staff_headers(db, hospital_id=other_id)
    await db.commit()
    bomb = replace_part(workbook(tmp_path), "xl/styles.xml", b"<styleSheet>" + b"<a>" * 9_000_000)

    async def send(hospital_id: int, headers: dict[str, str], content: bytes) -> str:
        url = f"{STAFF}/hospitals/{hospital_id}/imports"
        sent = await client.post(url, content=content, headers=headers | {"Content-Type": XLSX})
        return str(sent.json()["id"])

    async def state(id_: str) -> str:
        found = await db.scalar(select(WorkbookImport.state).where(WorkbookImport.id == id_))
        await db.rollback()  # a bomb is read for longer than a transaction may rest
        return str(found)

    first, second = [await send(bomber_id, bomber, bomb) for _ in range(2)]
    theirs = await send(other_id, other, workbook(tmp_path))
    before = children()
    reading = asyncio.create_task(import_next(sessions))
    child = await new_child(before)
    os.kill(child, signal.SIGSTOP)

    assert await import_next(sessions) == 1
    assert await import_next(sessions) == 0
    picture = await client.post(
        f"{STAFF}/hospitals/{other_id}/pictures",
        content=_photo(),
        headers=other | {"Content-Type": "image/jpeg"},
    )

    assert [await state(id_) for id_ in (first, second, theirs)] == ["running", "waiting", "done"]
    assert picture.status_code == 201
    os.kill(child, signal.SIGCONT)
    assert await reading == 1
    assert await state(first) == "refused"
    assert len({job.name for job in JOBS}) > 1


def _photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30)).save(out, "JPEG")
    return out.getvalue()
