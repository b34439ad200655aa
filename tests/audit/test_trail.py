from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import msgspec
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.adapters.anchors import AnchorNotKept, HttpAnchors, SyslogAnchors
from guahao.audit.jobs import AnchorFile, anchor_heads, jobs, seal_entries
from guahao.audit.models import AuditEntryRow, AuditSeal, AuditUnsealed
from guahao.audit.policy import GENESIS, fields_of, link_hash
from guahao.audit.ports import Anchor
from guahao.audit.queries import (
    SEARCH,
    BadRow,
    Damage,
    Search,
    Verification,
    entries,
    heads_of,
    read_anchors,
    verify,
)
from guahao.audit.service import AuditEntry, record
from guahao.kernel.db import Sessions, constraint_of, transaction
from guahao.kernel.paging import Asked, page_of_rows

pytestmark = pytest.mark.anyio
KEY = b"k" * 32


def deed(number: int, hospital_id: int = 1) -> AuditEntry:
    return AuditEntry(
        hospital_id=hospital_id,
        actor="staff:s",
        action="rule.change",
        subject=f"rule:{number}",
        data={"n": number, "a": [1, {"z": 1, "b": None}]},
    )


async def written(sessions: Sessions, count: int, hospital_id: int = 1) -> None:
    for number in range(count):
        async with transaction(sessions) as db:
            await record(db, deed(number, hospital_id))


async def seal(sessions: Sessions) -> int:
    async with transaction(sessions) as db:
        return await seal_entries(db, key=KEY)


async def anchor(sessions: Sessions, file: Path) -> int:
    return await anchor_heads(sessions, sinks=[AnchorFile(file)])


async def tamper(sessions: Sessions, *statements: str) -> None:
    async with transaction(sessions) as db:
        await db.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            await db.execute(text(statement))


async def check(sessions: Sessions, file: Path | None = None) -> BadRow | None:
    async with transaction(sessions) as db:
        (found,) = await verify(db, key=KEY, anchors=read_anchors(file) if file else [])
        return found.bad


async def entry_at(sessions: Sessions, seq: int) -> UUID:
    async with sessions() as db:
        found = await db.scalar(select(AuditSeal.entry_id).where(AuditSeal.seq == seq))
        assert found is not None
        return found


async def test_entries_are_chained_without_gaps_for_each_hospital(
    sessions: Sessions, db: AsyncSession
) -> None:
    await written(sessions, 3)
    await written(sessions, 2, hospital_id=2)

    assert await seal(sessions) == 5
    assert await seal(sessions) == 0
    await written(sessions, 1)
    assert await seal(sessions) == 1

    seqs = await db.execute(
        select(AuditSeal.hospital_id, AuditSeal.seq).order_by(AuditSeal.hospital_id, AuditSeal.seq)
    )
    assert [tuple(row) for row in seqs] == [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2)]
    assert await db.scalar(select(func.count()).select_from(AuditUnsealed)) == 0
    found = await verify(db, key=KEY, anchors=[])
    assert [(one.hospital_id, one.links, one.waiting, one.bad) for one in found] == [
        (1, 4, 0, None),
        (2, 2, 0, None),
    ]


async def test_the_deed_and_its_entry_stand_or_fall_together(sessions: Sessions, db: AsyncSession) -> None:
    async with sessions() as failing:
        await record(failing, deed(1))
        await failing.rollback()

    assert await db.scalar(select(func.count()).select_from(AuditEntryRow)) == 0
    assert await db.scalar(select(func.count()).select_from(AuditUnsealed)) == 0


@pytest.mark.parametrize("table", ["audit_entry", "audit_seal", "audit_anchor"])
@pytest.mark.parametrize("change", ["UPDATE {} SET hospital_id = 2", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_rows_of_the_trail_cannot_be_changed_or_deleted(
    sessions: Sessions, table: str, change: str
) -> None:
    await written(sessions, 1)
    await seal(sessions)

    with pytest.raises(IntegrityError, match="append-only"):
        async with transaction(sessions) as db:
            await db.execute(text(change.format(table)))

    assert await check(sessions) is None


async def test_deeds_of_one_hospital_do_not_wait_for_each_other(sessions: Sessions) -> None:
    async with transaction(sessions) as slow:
        await record(slow, deed(1))
        async with transaction(sessions) as quick:
            await quick.execute(text("SET LOCAL lock_timeout = '100ms'"))
            await record(quick, deed(2))
        assert await seal(sessions) == 1
    assert await seal(sessions) == 1
    assert await check(sessions) is None


async def test_sealers_at_once_make_one_chain(sessions: Sessions) -> None:
    await written(sessions, 30)

    await asyncio.gather(*(seal(sessions) for _ in range(8)))
    await seal(sessions)

    async with sessions() as db:
        (found,) = await verify(db, key=KEY, anchors=[])
    assert (found.hospital_id, found.links, found.waiting, found.bad) == (1, 30, 0, None)


@pytest.mark.parametrize(
    "edit",
    [
        "data = '{\"n\": 99}'",
        "actor = 'staff:x'",
        "action = 'rule.read'",
        "subject = 'rule:9'",
        "at = at + interval '1 microsecond'",
    ],
)
async def test_an_edited_entry_is_named(sessions: Sessions, edit: str) -> None:
    await written(sessions, 4)
    await seal(sessions)
    third = await entry_at(sessions, 3)

    await tamper(sessions, f"UPDATE audit_entry SET {edit} WHERE id = '{third}'")

    assert await check(sessions) == BadRow(damage=Damage.ENTRY_CHANGED, seq=3, entry_id=third)


async def test_a_deleted_entry_is_named(sessions: Sessions) -> None:
    await written(sessions, 4)
    await seal(sessions)
    second = await entry_at(sessions, 2)

    await tamper(sessions, f"DELETE FROM audit_entry WHERE id = '{second}'")

    assert await check(sessions) == BadRow(damage=Damage.ENTRY_MISSING, seq=2, entry_id=second)


async def test_a_deleted_link_is_named(sessions: Sessions) -> None:
    await written(sessions, 4)
    await seal(sessions)

    await tamper(sessions, "DELETE FROM audit_seal WHERE seq = 2")

    assert await check(sessions) == BadRow(damage=Damage.LINK_MISSING, seq=2, entry_id=None)


async def test_links_that_changed_places_are_named(sessions: Sessions) -> None:
    await written(sessions, 4)
    await seal(sessions)
    second, third = await entry_at(sessions, 2), await entry_at(sessions, 3)

    await tamper(
        sessions,
        "UPDATE audit_seal SET entry_id = gen_random_uuid() WHERE seq = 2",
        f"UPDATE audit_seal SET entry_id = '{second}' WHERE seq = 3",
        f"UPDATE audit_seal SET entry_id = '{third}' WHERE seq = 2",
    )

    assert await check(sessions) == BadRow(damage=Damage.ENTRY_CHANGED, seq=2, entry_id=third)


async def test_an_entry_put_in_beside_the_sealer_is_named(sessions: Sessions) -> None:
    await written(sessions, 2)
    await seal(sessions)
    stray = "00000000-0000-8000-8000-000000000001"

    await tamper(
        sessions,
        "INSERT INTO audit_entry (hospital_id, id, actor, action, subject, data)"
        f" VALUES (1, '{stray}', 'system', 'x.y', 'z:1', '{{}}')",
    )

    assert await check(sessions) == BadRow(damage=Damage.NEVER_CHAINED, seq=None, entry_id=UUID(stray))


async def test_a_line_torn_by_a_crash_costs_no_other_anchor(sessions: Sessions, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    await written(sessions, 1)
    await seal(sessions)
    await anchor(sessions, file)
    whole = read_anchors(file)
    with file.open("ab") as out:
        out.write(b'{"hospital_id":1,"se')
    await written(sessions, 1)
    await seal(sessions)
    await anchor(sessions, file)

    assert [found.seq for found in whole] == [1]
    assert [found.seq for found in read_anchors(file)] == [1, 2]


@pytest.mark.parametrize("forgotten", ["the file", "the table"])
async def test_a_cut_tail_is_seen_by_either_anchor(
    sessions: Sessions, tmp_path: Path, forgotten: str
) -> None:
    file = tmp_path / "anchors" / "audit.jsonl"
    await written(sessions, 4)
    await seal(sessions)
    assert await anchor(sessions, file) == 1
    assert await anchor(sessions, file) == 0

    await tamper(
        sessions,
        "DELETE FROM audit_entry WHERE id IN (SELECT entry_id FROM audit_seal WHERE seq > 2)",
        "DELETE FROM audit_seal WHERE seq > 2",
        *(["DELETE FROM audit_anchor"] if forgotten == "the table" else []),
    )

    found = await check(sessions, file if forgotten == "the table" else None)
    assert found == BadRow(damage=Damage.CUT_OFF, seq=4, entry_id=None)


async def test_a_chain_rebuilt_with_the_key_is_seen_by_the_anchor_file(
    sessions: Sessions, tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    await written(sessions, 3)
    await seal(sessions)
    await anchor(sessions, file)
    third = await entry_at(sessions, 3)
    await tamper(sessions, f"UPDATE audit_entry SET actor = 'staff:x' WHERE id = '{third}'")
    async with sessions() as db:
        entry = await db.get_one(AuditEntryRow, (1, third))
        second = await db.scalar(select(AuditSeal.hash).where(AuditSeal.seq == 2))
        assert second is not None
    forged = link_hash(KEY, previous=second, seq=3, entry=fields_of(entry))

    await tamper(
        sessions,
        f"UPDATE audit_seal SET hash = '\\x{forged.hex()}' WHERE seq = 3",
        f"UPDATE audit_anchor SET hash = '\\x{forged.hex()}'",
    )

    assert await check(sessions) is None
    assert await check(sessions, file) == BadRow(damage=Damage.REBUILT, seq=3, entry_id=third)


async def test_a_chain_rebuilt_without_the_key_does_not_fit(sessions: Sessions) -> None:
    await written(sessions, 1)
    await seal(sessions)
    first = await entry_at(sessions, 1)
    async with sessions() as db:
        entry = await db.get_one(AuditEntryRow, (1, first))
    forged = link_hash(b"guess" * 8, previous=GENESIS, seq=1, entry=fields_of(entry))

    await tamper(sessions, f"UPDATE audit_seal SET hash = '\\x{forged.hex()}'")

    assert await check(sessions) == BadRow(damage=Damage.ENTRY_CHANGED, seq=1, entry_id=first)


async def test_a_seal_has_one_entry_of_its_own(sessions: Sessions) -> None:
    await written(sessions, 2)
    await seal(sessions)
    first = await entry_at(sessions, 1)

    with pytest.raises(IntegrityError) as tripped:
        async with transaction(sessions) as db:
            await db.execute(
                text("INSERT INTO audit_seal (hospital_id, seq, entry_id, hash) VALUES (1, 3, :id, '')"),
                {"id": first},
            )

    assert constraint_of(tripped.value) == "audit_seal_entry_key"


async def test_entries_are_listed_newest_first_in_pages(sessions: Sessions) -> None:
    await written(sessions, 5)
    await written(sessions, 1, hospital_id=2)
    await seal(sessions)

    async with sessions() as db:
        first = await page_of_rows(db, entries(Search(hospital_id=1)), listing=SEARCH, asked=Asked(limit=3))
        asked = Asked(limit=3, cursor=first.next_cursor)
        rest = await page_of_rows(db, entries(Search(hospital_id=1)), listing=SEARCH, asked=asked)
        one = await page_of_rows(
            db, entries(Search(hospital_id=1, subject="rule:2")), listing=SEARCH, asked=Asked()
        )

    assert [len(first.rows), len(rest.rows), rest.next_cursor] == [3, 2, None]
    assert [row.AuditEntryRow.subject for row in [*first.rows, *rest.rows]] == [
        f"rule:{n}" for n in (4, 3, 2, 1, 0)
    ]
    assert [row.seq for row in [*first.rows, *rest.rows]] == [5, 4, 3, 2, 1]
    assert [row.AuditEntryRow.subject for row in one.rows] == ["rule:2"]


async def test_verifying_reads_each_link_and_each_anchor_a_fixed_number_of_times(sessions: Sessions) -> None:
    await written(sessions, 20)
    await seal(sessions)
    async with sessions() as db:
        head = (await heads_of(db, [1]))[1]
        asked = 0

        class Counted(int):
            def __hash__(self) -> int:
                nonlocal asked
                asked += 1
                return super().__hash__()

            def __eq__(self, other: object) -> bool:
                nonlocal asked
                asked += 1
                return super().__eq__(other)

        old = [Anchor(hospital_id=1, seq=Counted(20), hash=head.hash) for _ in range(2000)]
        (found,) = await verify(db, key=KEY, anchors=old)

    assert found.bad is None
    assert asked < 5 * (2000 + 20)


async def test_intact_is_said_of_what_an_anchor_vouches_for_and_of_nothing_else(
    sessions: Sessions, tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"

    async def found() -> Verification:
        async with transaction(sessions) as db:
            (verification,) = await verify(db, key=KEY, anchors=read_anchors(file))
            return verification

    await written(sessions, 2)
    await seal(sessions)
    never = await found()
    await anchor(sessions, file)
    whole = await found()
    await written(sessions, 1)
    await seal(sessions)
    later = await found()

    assert (never.is_intact, never.anchored, never.bad) == (False, 0, None)
    assert never.unanchored_since is not None
    assert (whole.is_intact, whole.anchored, whole.unanchored_since) == (True, 2, None)
    assert (later.is_intact, later.anchored) == (False, 2)
    assert later.unanchored_since is not None
    assert later.unanchored_since > never.unanchored_since


async def test_anchors_are_made_every_five_minutes() -> None:
    made = {job.name: job.every for job in jobs(key=KEY, sinks=[])}

    assert made["audit.anchor_heads"] <= timedelta(minutes=5)


class _Full:
    """A place that takes nothing at first."""

    def __init__(self) -> None:
        self.kept: list[Anchor] = []
        self.is_full = True

    async def keep(self, anchors: Sequence[Anchor]) -> None:
        if self.is_full:
            raise AnchorNotKept
        self.kept += anchors


async def test_a_place_that_took_no_anchor_is_given_it_again(sessions: Sessions, tmp_path: Path) -> None:
    place = _Full()
    sinks = [AnchorFile(tmp_path / "audit.jsonl"), place]
    await written(sessions, 1)
    await seal(sessions)

    with pytest.raises(AnchorNotKept):
        await anchor_heads(sessions, sinks=sinks)
    place.is_full = False
    assert await anchor_heads(sessions, sinks=sinks) == 1
    assert await anchor_heads(sessions, sinks=sinks) == 0

    assert [kept.seq for kept in place.kept] == [1]
    assert await check(sessions, tmp_path / "audit.jsonl") is None


ANCHORS = [Anchor(hospital_id=1, seq=9, hash=b"a" * 32), Anchor(hospital_id=2, seq=3, hash=b"b" * 32)]


async def test_syslog_hears_each_anchor_over_tcp() -> None:
    heard = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.read())
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        await SyslogAnchors(f"{host}:{port}").keep(ANCHORS)
        said: bytes = await heard

    for kept in ANCHORS:
        length, _, rest = said.partition(b" ")
        line, said = rest[: int(length)], rest[int(length) :]
        assert line.startswith(b"<109>1 ")
        assert b" guahao - audit-anchor - {" in line
        assert line.endswith(kept.line().rstrip())
    assert said == b""


async def test_syslog_hears_anchors_at_a_local_socket_and_silence_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(path)
        await SyslogAnchors(path).keep(ANCHORS)
        assert [listening.recv(4096).endswith(kept.line().rstrip()) for kept in ANCHORS] == [True, True]

    for nowhere in (path, "127.0.0.1:1"):
        with pytest.raises(AnchorNotKept):
            await SyslogAnchors(nowhere).keep(ANCHORS)


@pytest.mark.parametrize("status", [204, 200, 500, 302])
async def test_an_http_service_keeps_anchors_when_it_says_so(status: int) -> None:
    posted: list[bytes] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        posted.append(request.content)
        return httpx.Response(status)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        sink = HttpAnchors(http, url="https://keeper.example.cn/anchors")
        if status < 300:
            await sink.keep(ANCHORS)
        else:
            with pytest.raises(AnchorNotKept):
                await sink.keep(ANCHORS)

    assert msgspec.json.decode(posted[0], type=list[Anchor]) == ANCHORS
