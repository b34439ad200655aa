from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.jobs import anchor_heads, seal_entries
from guahao.audit.models import AuditEntryRow, AuditSeal, AuditUnsealed
from guahao.audit.policy import GENESIS, fields_of, link_hash
from guahao.audit.queries import (
    SEARCH,
    Anchor,
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
    async with transaction(sessions) as db:
        return await anchor_heads(db, file=file)


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
    assert await verify(db, key=KEY, anchors=[]) == [
        Verification(hospital_id=1, links=4, waiting=0, bad=None),
        Verification(hospital_id=2, links=2, waiting=0, bad=None),
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
        assert await verify(db, key=KEY, anchors=[]) == [
            Verification(hospital_id=1, links=30, waiting=0, bad=None)
        ]


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
