from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Account
from guahao.identity.models.person import Patient, Person
from guahao.identity.models.staff import Staff
from guahao.identity.policy.permission import Role
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.reseal import count_by_key, reseal, sealed_columns
from tests.factories.account import make_account
from tests.factories.person import make_patient
from tests.factories.staff import make_staff

pytestmark = pytest.mark.anyio


def ring(*numbers: int) -> KeyRing:
    return KeyRing(
        sealing={number: bytes([number]) * 32 for number in numbers},
        blind=b"b" * 32,
        pepper=b"p" * 32,
        audit=b"a" * 32,
        made_for_trying_out=False,
    )


async def fill(db: AsyncSession, keys: KeyRing) -> dict[str, UUID]:
    """Seal a text in every sealed column, by the row of each table that is made here."""
    account = await make_account(db)
    patient = await make_patient(db, account.id)
    rows = {"account": account.id, "patient": patient.id, "person": patient.person_id}
    rows["staff"] = (await make_staff(db, Role.PLATFORM_ADMIN)).id
    for table, column in sealed_columns():
        name = f"{table.name}.{column.name}"
        token = keys.seal(f"text of {name}", field=name, row=rows[table.name])
        values = {column.name: token}
        if table.name != "person" and column.name == "phone_sealed":
            values["phone_index"] = keys.blind_index("account.phone", str(rows[table.name]))
        await db.execute(update(table).where(table.c.id == rows[table.name]).values(values))
    return rows


async def opened(db: AsyncSession, keys: KeyRing, rows: dict[str, UUID]) -> dict[str, str]:
    texts = {}
    for table, column in sealed_columns():
        name = f"{table.name}.{column.name}"
        token = await db.scalar(select(column).where(table.c.id == rows[table.name]))
        texts[name] = keys.open(token, field=name, row=rows[table.name])
    return texts


async def test_after_sealing_anew_the_newest_key_alone_opens_every_column(
    sessions: Sessions, db: AsyncSession
) -> None:
    async with transaction(sessions) as writing:
        rows = await fill(writing, ring(1))
    columns = {f"{table.name}.{column.name}" for table, column in sealed_columns()}

    reports = await reseal(sessions, key_ring=ring(1, 2))

    assert {report.column: (report.resealed, report.broken) for report in reports} == dict.fromkeys(
        columns, (1, [])
    )
    assert {report.column: report.by_key for report in reports} == {name: Counter({2: 1}) for name in columns}
    assert await opened(db, ring(2), rows) == {name: f"text of {name}" for name in columns}
    assert [report.resealed for report in await reseal(sessions, key_ring=ring(1, 2))] == [0] * len(columns)


async def test_a_value_that_does_not_open_is_named_and_stays_while_the_others_go_on(
    sessions: Sessions, db: AsyncSession
) -> None:
    async with transaction(sessions) as writing:
        rows = await fill(writing, ring(1))
        moved = ring(1).seal("of another row", field="person.name_sealed", row=rows["account"])
        await writing.execute(update(Person).where(Person.id == rows["person"]).values(name_sealed=moved))

    reports = {report.column: report for report in await reseal(sessions, key_ring=ring(1, 2))}

    assert reports["person.name_sealed"].broken == [rows["person"]]
    assert await db.scalar(select(Person.name_sealed).where(Person.id == rows["person"])) == moved
    assert reports["person.name_sealed"].by_key == Counter({1: 1})
    assert sum(report.resealed for report in reports.values()) == len(reports) - 1


async def test_counting_changes_nothing(sessions: Sessions, db: AsyncSession) -> None:
    async with transaction(sessions) as writing:
        rows = await fill(writing, ring(1))
    before = await opened(db, ring(1), rows)

    counted = await count_by_key(db)

    assert {report.by_key[1] for report in counted} == {1}
    assert await opened(db, ring(1), rows) == before


def test_sealed_columns_are_found_by_the_rule_of_their_names() -> None:
    found = {(table.name, column.name) for table, column in sealed_columns()}

    assert found >= {
        (model.__tablename__, column)
        for model, column in (
            (Account, "phone_sealed"),
            (Patient, "phone_sealed"),
            (Person, "document_sealed"),
            (Person, "name_sealed"),
            (Staff, "totp_sealed"),
        )
    }
