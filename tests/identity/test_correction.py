from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.models.person import DocumentType, Patient, Person, PersonQuota
from guahao.identity.policy.correction import CorrectionIsAnotherPerson, require_same_human
from guahao.identity.policy.document import Identity
from guahao.identity.policy.permission import Role
from guahao.identity.ports.verification import Verdict
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.sex import Sex
from tests.factories.booking import Booker, book
from tests.factories.office import Member, hire, refusal
from tests.factories.person import patient_body, resident_id
from tests.factories.scheduling import make_clinic, make_slot
from tests.factories.waiting import until_somebody_waits
from tests.identity.test_patients import PATIENTS, Authority, account, add, added

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
SEEN = {"evidence": "household_register", "reason": "登记时姓名写错，已看户口簿"}
OLD = "birth-certificate-too-old"
PASSPORT = {"document_type": "passport", "birth_date": "1990-01-01", "sex": "female"}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A desk and somebody enrolled there under a wrong name."""

    desk: Member
    number: str
    patient: str
    hospital_id: int

    async def correct(self, **body: Any) -> httpx.Response:
        return await self.desk.post(f"/patients/{self.patient}/correction", **SEEN | body)

    async def found(self, text: str) -> list[str]:
        answer = await self.desk.post("/desk/people", hospital_id=self.hospital_id, text=text)
        assert answer.status_code == 200, answer.text
        return [one["patient_id"] for one in answer.json()["items"]]


async def enrolled(desk: Member, number: str, **more: Any) -> str:
    body = patient_body(document_number=number, **more)
    del body["relation"]
    answer = await desk.post("/patients", **body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.fixture
async def counter(client: httpx.AsyncClient, sessions: Sessions) -> Desk:
    async with transaction(sessions) as db:
        hospital_id = (await make_clinic(db)).hospital_id
    desk = await hire(client, sessions, Role.DESK, hospital_id=hospital_id)
    number = resident_id()
    patient = await enrolled(desk, number, name="张山")
    return Desk(desk=desk, number=number, patient=patient, hospital_id=hospital_id)


async def rows(db: AsyncSession) -> list[tuple[Any, ...]]:
    await db.rollback()
    wanted = select(
        Person.id, Person.document_index, Person.document_sealed, Person.name_sealed, Person.name_index
    )
    return [tuple(row) for row in await db.execute(wanted.order_by(Person.id))]


async def trail(db: AsyncSession, action: str) -> list[tuple[int | None, Json]]:
    await db.rollback()
    found = select(AuditEntryRow.hospital_id, AuditEntryRow.data).where(AuditEntryRow.action == action)
    return [(hospital_id, data) for hospital_id, data in await db.execute(found.order_by(AuditEntryRow.id))]


async def told(client: httpx.AsyncClient, who: dict[str, str]) -> list[tuple[str, str]]:
    items = (await client.get("/api/v1/me/security-events", headers=who)).json()["items"]
    return [(one["kind"], one["patient_name"]) for one in items]


async def listed(client: httpx.AsyncClient, who: dict[str, str]) -> list[tuple[str, str, bool]]:
    items = (await client.get(PATIENTS, headers=who)).json()["items"]
    return [(one["name"], one["document_number"], one["verified"]) for one in items]


async def test_a_corrected_person_is_found_by_the_new_number_and_not_by_the_old(
    counter: Desk, db: AsyncSession
) -> None:
    new = resident_id(date(1991, 2, 3), Sex.MALE)

    answer = await counter.correct(document_number=new)

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "corrected": ["document_number", "birth_date", "sex"],
            "name": "张*",
            "document_type": "resident_id",
            "document_number": f"{new[:3]}***********{new[-4:]}",
            "birth_date": "1991-02-03",
            "sex": "male",
        },
    )
    assert [await counter.found(text) for text in (new, counter.number)] == [[counter.patient], []]
    data = {**SEEN, "fields": ["document_number", "birth_date", "sex"]}
    assert await trail(db, "person.correct") == [(counter.hospital_id, data)]


async def test_a_corrected_name_is_the_name_of_the_bookings_that_stand(
    client: httpx.AsyncClient, counter: Desk, db: AsyncSession
) -> None:
    slot = await make_slot(db, fee_fen=0, clinic=await make_clinic(db, hospital_id=counter.hospital_id))
    await db.commit()
    made = await counter.desk.post("/appointments", slot_id=str(slot.id), patient_id=counter.patient)
    assert made.status_code == 201, made.text

    answer = await counter.correct(name="张三")

    assert (answer.status_code, answer.json()["corrected"]) == (200, ["name"])
    search = {"hospital_id": counter.hospital_id}
    old, new = [
        (await counter.desk.post("/appointments/people", **search, text=name)).json()["items"]
        for name in ("张山", "张三")
    ]
    assert (old, [one["patient_id"] for one in new]) == ([], [counter.patient])
    path = f"/appointments/{made.json()['id']}"
    file = (await counter.desk.get(f"{path}/file")).json()
    assert (file["appointment"]["state"], file["patient"]["is_verified"]) == ("booked", True)
    shown = await counter.desk.post(f"{path}/reveal", field="name", reason="核对")
    assert shown.json() == {"value": "张三"}


async def test_every_account_that_lists_the_person_is_told_and_shows_the_new_name(
    client: httpx.AsyncClient, sessions: Sessions, counter: Desk
) -> None:
    holders = [(await account(sessions))[1] for _ in range(2)]
    for who in holders:
        await added(client, who, name="张山", document_number=counter.number)
    _, stranger = await account(sessions)
    await added(client, stranger, name="张山")

    await counter.correct(name="张三")

    masked = f"{counter.number[:3]}***********{counter.number[-4:]}"
    for who in holders:
        assert await told(client, who) == [("patient_corrected", "张*")]
        assert await listed(client, who) == [("张三", masked, True)]
    assert await told(client, stranger) == []


async def test_somebody_who_only_booked_here_is_corrected_and_the_hospital_that_enrolled_them_sees_it(
    client: httpx.AsyncClient, sessions: Sessions, counter: Desk, db: AsyncSession
) -> None:
    clinic = await make_clinic(db)
    slot = await make_slot(db, clinic=clinic, fee_fen=0)
    await db.commit()
    account_id, who = await account(sessions)
    patient = await added(client, who, name="张山", document_number=counter.number)
    person_id = await db.scalar(select(Patient.person_id).where(Patient.id == UUID(patient)))
    assert person_id is not None
    other = await hire(client, sessions, Role.DESK, hospital_id=clinic.hospital_id)
    path = f"/patients/{patient}/correction"
    unseen = await other.post(path, **SEEN, name="张三")
    booker = Booker(account_id=account_id, patient_id=UUID(patient), person_id=person_id, token="")
    await book(db, booker, slot.id)
    await db.commit()

    seen = await other.post(path, **SEEN, name="张三")

    assert (refusal(unseen), seen.status_code) == ((404, "not-found"), 200)
    data = {**SEEN, "fields": ["name"]}
    assert await trail(db, "person.correct") == [
        (clinic.hospital_id, data),
        (counter.hospital_id, {**data, "by_hospital": clinic.hospital_id}),
    ]


async def test_another_hospital_a_nurse_and_an_unknown_patient_are_refused(
    client: httpx.AsyncClient, sessions: Sessions, counter: Desk, db: AsyncSession
) -> None:
    before = await rows(db)
    foreign = await hire(client, sessions, Role.DESK, hospital_id=2)
    nurse = await hire(client, sessions, Role.NURSE, hospital_id=counter.hospital_id)
    path = f"/patients/{counter.patient}/correction"

    assert refusal(await foreign.post(path, **SEEN, name="张三")) == (404, "not-found")
    assert refusal(await nurse.post(path, **SEEN, name="张三")) == (403, "permission-missing")
    unknown = await counter.desk.post("/patients/not-an-id/correction", **SEEN, name="张三")
    assert refusal(unknown) == (404, "not-found")
    assert await rows(db) == before


async def test_the_document_of_somebody_else_is_refused_counted_and_changes_nothing(
    counter: Desk, db: AsyncSession
) -> None:
    theirs = resident_id()
    await enrolled(counter.desk, theirs, name="李四")
    before = await rows(db)

    refused = await counter.correct(name="张三", document_number=theirs)

    assert refusal(refused) == (409, "document-of-another-person")
    assert await rows(db) == before
    assert (await trail(db, "person.correct"), len(await trail(db, "person.miss"))) == ([], 1)
    count = select(PersonQuota.count).where(PersonQuota.holder == "hospital")
    assert await db.scalar(count) == 1


async def test_guessing_a_name_by_corrections_is_counted_and_written_down(
    app: FastAPI, counter: Desk, db: AsyncSession
) -> None:
    app.state.settings = app.state.settings.model_copy(update={"look_ups_per_staff": 2})
    before = await rows(db)
    wrong = {"document_number": resident_id(date(1971, 2, 3), Sex.MALE)}

    answers = [await counter.correct(name=name, **wrong) for name in ("张一", "张二", "张三")]

    assert [refusal(answer) for answer in answers] == [
        (409, "correction-is-another-person"),
        (409, "correction-is-another-person"),
        (429, "person-quota-spent"),
    ]
    assert await trail(db, "person.miss") == [(counter.hospital_id, {})] * 2
    assert await rows(db) == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"document_number": "110101199001011234"}, "document-number-invalid"),
        ({"name": "张3"}, "person-name-invalid"),
        ({"birth_date": "1991-01-01"}, "birth-details-contradict"),
        (
            {"document_type": "birth_certificate", "document_number": "A123456789"},
            "birth-certificate-too-old",
        ),
        ({"name": "张三", "reason": "错"}, "invalid-request"),
        ({"name": "张三", "evidence": "a letter"}, "invalid-request"),
        ({"name": "李四", "document_number": resident_id(date(1985, 6, 7))}, "correction-is-another-person"),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_is_half_done(
    counter: Desk, db: AsyncSession, body: Json, code: str
) -> None:
    before = await rows(db)

    refused = await counter.correct(**body)

    assert refused.json()["code"] == code
    assert (await rows(db), await trail(db, "person.correct")) == (before, [])


async def test_a_lost_passport_is_replaced_and_its_birth_details_can_be_corrected(counter: Desk) -> None:
    moved = await counter.correct(document_type="passport", document_number="E12345678")
    born = await counter.correct(birth_date="1990-01-11")

    assert moved.json()["corrected"] == ["document_type", "document_number"]
    assert (born.json()["corrected"], born.json()["birth_date"]) == (["birth_date"], "1990-01-11")
    assert await counter.found("e 1234 5678") == [counter.patient]


async def test_the_same_values_again_change_count_and_tell_nothing(
    client: httpx.AsyncClient, sessions: Sessions, counter: Desk, db: AsyncSession
) -> None:
    _, who = await account(sessions)
    await added(client, who, name="张山", document_number=counter.number)
    await counter.correct(name="张三")
    before = await rows(db)

    again = [await counter.correct(name="张三"), await counter.correct()]

    assert [(one.status_code, one.json()["corrected"]) for one in again] == [(200, [])] * 2
    assert (await rows(db), len(await trail(db, "person.correct"))) == (before, 1)
    assert len(await told(client, who)) == 1
    assert await db.scalar(select(func.max(PersonQuota.count))) == 1


async def test_corrections_of_one_person_at_once_go_one_after_the_other(
    counter: Desk, db: AsyncSession
) -> None:
    numbers = [resident_id() for _ in range(4)]

    answers = await asyncio.gather(
        *(counter.correct(document_number=number) for number in numbers),
        *(counter.correct(name="张三") for _ in range(2)),
    )

    assert [answer.status_code for answer in answers] == [200] * 6
    assert sorted(answer.json()["corrected"] for answer in answers) == [
        [],
        *[["document_number"]] * 4,
        ["name"],
    ]
    found = [await counter.found(number) for number in numbers]
    assert sorted(found) == [[], [], [], [counter.patient]]
    assert len(await trail(db, "person.correct")) == 5


async def test_of_people_who_get_one_document_at_once_one_gets_it(counter: Desk, db: AsyncSession) -> None:
    others = [await enrolled(counter.desk, resident_id(), name="张山") for _ in range(3)]
    number = resident_id()

    answers = await asyncio.gather(
        *(
            counter.desk.post(f"/patients/{patient}/correction", **SEEN, document_number=number)
            for patient in (counter.patient, *others)
        )
    )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 3}
    assert len(await counter.found(number)) == 1


@pytest.mark.parametrize("is_committed", [True, False])
async def test_who_waits_for_the_same_document_gets_it_only_when_the_first_one_did_not(
    sessions: Sessions, counter: Desk, db: AsyncSession, is_committed: bool
) -> None:
    mine = resident_id()
    await enrolled(counter.desk, resident_id(), name="张山")
    one_index = (
        select(Person.document_index)
        .join(Patient, Patient.person_id == Person.id)
        .where(Patient.id == UUID(counter.patient))
    )
    await counter.correct(document_number=mine)
    wanted = await db.scalar(one_index)
    await counter.correct(document_number=counter.number)
    await db.rollback()
    present = await db.scalar(one_index)

    async with sessions() as first:
        await first.execute(
            update(Person).where(Person.document_index != present).values(document_index=wanted)
        )
        waiting = asyncio.create_task(counter.correct(document_number=mine))
        await until_somebody_waits(sessions)
        await (first.commit() if is_committed else first.rollback())
        second = await waiting

    if is_committed:
        assert refusal(second) == (409, "document-of-another-person")
        assert await counter.found(counter.number) == [counter.patient]
    else:
        assert (second.status_code, await counter.found(mine)) == (200, [counter.patient])


async def test_beyond_the_quota_of_the_day_nothing_is_corrected(
    app: FastAPI, counter: Desk, db: AsyncSession
) -> None:
    app.state.settings = app.state.settings.model_copy(update={"look_ups_per_staff": 1})
    await counter.correct(name="张三")
    before = await rows(db)

    refused = await counter.correct(name="张珊")

    assert refusal(refused) == (429, "person-quota-spent")
    assert await rows(db) == before


@pytest.mark.parametrize(("name", "changed"), [("李四", True), ("zhang san", True), ("张三", False)])
def test_name_document_and_birth_details_never_change_together(name: str, changed: bool) -> None:
    known = Identity(
        document_type=DocumentType.PASSPORT,
        number="E12345678",
        name="张三",
        birth_date=date(1990, 1, 1),
        sex=Sex.FEMALE,
    )
    new = Identity(
        document_type=DocumentType.PASSPORT,
        number="E12345679",
        name=name,
        birth_date=date(1990, 1, 2),
        sex=Sex.FEMALE,
    )
    if changed:
        with pytest.raises(CorrectionIsAnotherPerson):
            require_same_human(known, new)
    else:
        require_same_human(known, new)


async def own(client: httpx.AsyncClient, who: dict[str, str], patient: str, **body: Any) -> httpx.Response:
    return await client.post(f"{PATIENTS}/{patient}/correction", json=body, headers=who)


async def test_an_account_replaces_the_document_of_its_own_patient_once_in_seven_days(
    client: httpx.AsyncClient, sessions: Sessions, app: FastAPI, db: AsyncSession
) -> None:
    _, who = await account(sessions)
    patient = await added(client, who, **PASSPORT, document_number="E12345678")
    authority = app.state.identity_verifier = Authority()
    new = {"document_type": "resident_id", "document_number": resident_id()}

    done = await own(client, who, patient, **new)
    again = await own(client, who, patient, **new)
    soon = await own(client, who, patient, name="张叁")

    assert (done.status_code, done.json()["document_type"]) == (200, "resident_id")
    assert again.json() == done.json()
    assert refusal(soon) == (409, "correction-too-soon")
    assert authority.asked == [{"name": "张三", **new}]
    assert await told(client, who) == [("patient_corrected", "张*")]
    assert await trail(db, "patient.correct") == [(0, {"fields": ["document_type", "document_number"]})]
    _, other = await account(sessions)
    free = await add(client, other, **PASSPORT, document_number="E12345678", name="王五")
    assert free.status_code == 201


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(Verdict.MISMATCH, "identity-not-verified"), (Verdict.UNDECIDED, "correction-needs-desk")],
)
async def test_without_the_word_of_the_authority_nothing_changes(
    *,
    client: httpx.AsyncClient,
    sessions: Sessions,
    app: FastAPI,
    db: AsyncSession,
    verdict: Verdict,
    code: str,
) -> None:
    _, who = await account(sessions)
    patient = await added(client, who)
    before = await rows(db)
    app.state.identity_verifier = Authority(verdict=verdict)

    refused = await own(client, who, patient, name="张叁")

    assert (refused.json()["code"], await rows(db)) == (code, before)


@pytest.mark.parametrize("elsewhere", ["account", "former account", "desk", "nowhere"])
async def test_whom_others_rely_on_is_corrected_at_the_desk_only(
    *,
    client: httpx.AsyncClient,
    sessions: Sessions,
    app: FastAPI,
    counter: Desk,
    db: AsyncSession,
    elsewhere: str,
) -> None:
    _, who = await account(sessions)
    number = resident_id()
    patient = await added(client, who, document_number=number)
    if elsewhere == "desk":
        await enrolled(counter.desk, number)
    elif elsewhere != "nowhere":
        _, other = await account(sessions)
        theirs = await added(client, other, document_number=number)
        if elsewhere == "former account":
            await client.delete(f"{PATIENTS}/{theirs}", headers=other)
    before = await rows(db)

    answer = await own(client, who, patient, name="张叁")

    if elsewhere == "nowhere":
        assert (answer.status_code, answer.json()["name"]) == (200, "张叁")
    else:
        assert refusal(answer) == (409, "correction-needs-desk")
        assert await rows(db) == before


async def test_an_account_corrects_neither_name_and_document_together_nor_birth_details_nor_other_patients(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    _, who = await account(sessions)
    _, other = await account(sessions)
    patient = await added(client, who)
    taken = await added(client, other, document_number=(theirs := resident_id()))
    before = await rows(db)

    both = await own(client, who, patient, name="张叁", document_number=resident_id())
    born = await own(client, who, patient, document_number=resident_id(date(1990, 1, 2)))
    known = await own(client, who, patient, document_number=theirs)
    foreign = await own(client, who, taken, name="张叁")

    assert [refusal(answer) for answer in (both, born, known, foreign)] == [
        (409, "correction-needs-desk"),
        (409, "correction-needs-desk"),
        (409, "document-of-another-person"),
        (404, "not-found"),
    ]
    assert await rows(db) == before


async def test_a_person_who_was_listed_elsewhere_while_the_authority_was_asked_is_not_corrected(
    client: httpx.AsyncClient, sessions: Sessions, app: FastAPI, db: AsyncSession
) -> None:
    _, who = await account(sessions)
    patient = await added(client, who, document_number=(number := resident_id()))
    _, other = await account(sessions)
    before = await rows(db)

    async def listed_meanwhile() -> None:
        await added(client, other, document_number=number)

    app.state.identity_verifier = Authority(listed_meanwhile)
    refused = await own(client, who, patient, name="张叁")

    assert refusal(refused) == (409, "correction-needs-desk")
    assert await rows(db) == before


async def test_a_forgotten_person_is_not_corrected(counter: Desk, db: AsyncSession) -> None:
    await db.execute(update(Person).values(forgotten_at=func.now()))
    await db.commit()

    assert refusal(await counter.correct(name="张三")) == (404, "not-found")
