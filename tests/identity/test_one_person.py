"""However a person's name, number and phone are written, there is one person, and it is found."""

from __future__ import annotations

from datetime import date

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.models.person import DocumentType, Patient, Person
from guahao.identity.policy.finding import VALUE_FORMS, document_index, name_index
from guahao.identity.queries.people import people_anywhere
from guahao.identity.service.value_forms import index_persons
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.ids import new_id
from guahao.kernel.sex import Sex
from tests.factories.account import make_account, make_login
from tests.factories.newcomer import bearer
from tests.factories.person import patient_body, resident_id

pytestmark = pytest.mark.anyio
BORN = {"birth_date": "1980-05-06", "sex": "male"}


async def add(client: httpx.AsyncClient, sessions: Sessions, **overrides: object) -> httpx.Response:
    """Each time another account lists a person."""
    async with transaction(sessions) as db:
        who = bearer(await make_login(db, await make_account(db)))
    return await client.post("/api/v1/patients", json=patient_body(**overrides), headers=who)


async def persons(sessions: Sessions) -> int:
    async with transaction(sessions) as db:
        return await db.scalar(select(func.count()).select_from(Person)) or 0


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("hk_macao_permit", ("H5566778801", "H5566778802", "H55667788")),
        ("hk_macao_permit", ("M12345678(01)", "m12345678", "Ｍ１２３４５６７８（02）")),
        ("hk_macao_permit", ("HA1234567", "ha1234567", "HA1234567(02)")),
        ("taiwan_permit", ("0123456701(B)", "01234567", "0123456702")),
        ("passport", ("E12345678", "e 1234 5678", "Ｅ１２３４５６７８")),
    ],
)
async def test_every_writing_of_a_number_is_one_person(
    client: httpx.AsyncClient, sessions: Sessions, kind: str, numbers: tuple[str, ...]
) -> None:
    for number in numbers:
        answer = await add(client, sessions, document_type=kind, document_number=number, **BORN)
        assert answer.status_code == 201, answer.text

    assert await persons(sessions) == 1


async def test_every_writing_of_a_name_is_one_person(client: httpx.AsyncClient, sessions: Sessions) -> None:
    number = resident_id()
    for dot in ("\u00b7", ".", "\uff0e"):
        answer = await add(client, sessions, name=f"阿卜杜拉{dot}买买提", document_number=number)
        assert (answer.status_code, answer.json()["name"]) == (201, "阿卜杜拉·买买提")

    assert await persons(sessions) == 1


async def test_a_name_of_fifty_characters_is_taken_and_one_more_refused_by_the_limit(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    longest = await add(client, sessions, name="买" * 50)
    longer = await add(client, sessions, name="买" * 51)

    assert longest.status_code == 201
    assert (longer.status_code, await persons(sessions)) == (422, 1)
    (error,) = longer.json()["errors"]
    assert (error["field"], "50" in error["message"]) == ("name", True), error


@pytest.mark.parametrize(
    "overrides",
    [
        {"name": "\u202d张三\u202c"},
        {"name": "张\u200b三"},
        {"name": "张〇"},
        {"name": "王\U00031350"},
        {"name": "张\U0002ebf0"},
        {"name": "张\ue863"},
        {"name": "吐尔逊\u2022艾力"},
        {"phone": "\u202d+86 138 0013 8000\u202c"},
        {"phone": "8613800138000"},
        {"phone": "138-0013-8000"},
        {"phone": "１３８００１３８０００"},
        {"document_number": "\u202d11010519491231002X\u202c"},
        {"document_number": "110105 1949\u200b1231 002x"},
    ],
)
async def test_what_is_pasted_from_elsewhere_is_read(
    client: httpx.AsyncClient, sessions: Sessions, overrides: dict[str, str]
) -> None:
    answer = await add(client, sessions, **overrides)

    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("number", "part"),
    [
        ("911124198108030024", "永久居留证号码"),
        ("11O10519491231002X", "第 3 位是字母 O，应为数字 0"),
        ("71010519491231002X", "前两位 71"),
        ("1101051949123100ZX", "第 17 位是字母 Z"),
        ("110105491231002", "15 位"),
        ("11010519491231002", "共 17 位，少 1 位"),
    ],
)
async def test_a_refused_number_names_its_cause_and_its_field(
    client: httpx.AsyncClient, sessions: Sessions, number: str, part: str
) -> None:
    answer = await add(client, sessions, document_number=number)

    assert (answer.status_code, answer.json()["code"]) == (422, "document-number-invalid")
    assert part in answer.json()["title"]
    assert answer.json()["errors"][0]["field"] == "document_number"
    assert await persons(sessions) == 0


async def test_a_person_is_found_by_number_and_phone_however_they_are_typed(
    app: FastAPI, client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    number = "H55667788"
    body = {"document_type": "hk_macao_permit", "document_number": number, "phone": "13800138000", **BORN}
    assert (await add(client, sessions, **body)).status_code == 201

    for text in (
        "h5566778801",
        "H55667788(03)",
        "Ｈ55667788",
        "+86 138-0013-8000",
        "\u202d13800138000\u202c",
    ):
        found = await people_anywhere(db, text=text, hospital_id=1, key_ring=app.state.key_ring)
        assert len(found.people) == 1, text


async def old_person(db: AsyncSession, keys: KeyRing, *, number: str, name: str) -> Person:
    """A person as they were stored before: number and name as typed, found by just that."""
    person = Person(
        id=new_id(),
        document_type=DocumentType.HK_MACAO_PERMIT,
        document_index=keys.blind_index("person.document", f"hk_macao_permit|{number}"),
        document_sealed=b"",
        name_sealed=b"",
        name_index=keys.blind_index("person.name", name.casefold()),
        birth_date=date(1980, 5, 6),
        sex=Sex.MALE,
    )
    person.document_sealed = keys.seal(number, field="person.document_sealed", row=person.id)
    person.name_sealed = keys.seal(name, field="person.name_sealed", row=person.id)
    db.add(person)
    await db.flush()
    return person


async def test_persons_of_before_are_indexed_anew_and_two_that_are_one_are_reported(
    app: FastAPI, db: AsyncSession
) -> None:
    keys: KeyRing = app.state.key_ring
    first = await old_person(db, keys, number="H5566778801", name="阿卜杜拉.買買提")
    second = await old_person(db, keys, number="H5566778802", name="阿卜杜拉.買買提")
    db.add(Patient(id=new_id(), account_id=None, person_id=second.id, relation="self"))
    await db.flush()
    before = second.document_index

    assert await index_persons(db, key_ring=keys) == 2
    assert await index_persons(db, key_ring=keys) == 0

    assert first.document_index == document_index(keys, DocumentType.HK_MACAO_PERMIT, "H55667788")
    assert first.name_index == second.name_index == name_index(keys, "阿卜杜拉·买买提")
    number = keys.open(first.document_sealed, field="person.document_sealed", row=first.id)
    name = keys.open(first.name_sealed, field="person.name_sealed", row=first.id)
    assert (number, name) == ("H55667788", "阿卜杜拉·買買提")
    assert (second.document_index, second.value_forms) == (before, VALUE_FORMS)
    entry = await db.scalar(select(AuditEntryRow).where(AuditEntryRow.action == "person.duplicate"))
    assert entry is not None
    assert (entry.subject, entry.data) == (f"person:{second.id}", {"other": f"person:{first.id}"})
