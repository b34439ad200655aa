from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.models.consent import Consent
from guahao.identity.models.person import Patient, Person
from guahao.identity.policy.permission import Role
from guahao.identity.ports.verification import Verdict
from guahao.identity.queries import lock_patients
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import Unavailable
from guahao.kernel.i18n import text as chinese
from guahao.kernel.sex import Sex
from tests.factories.account import make_account, make_login
from tests.factories.days import today, years_before
from tests.factories.newcomer import bearer
from tests.factories.person import patient_body, resident_id
from tests.factories.staff import make_staff, staff_header

pytestmark = pytest.mark.anyio
PATIENTS = "/api/v1/patients"


def born(years: int, *, days: int = 0) -> date:
    return years_before(today(), years) + timedelta(days=days)


class Authority:
    """Answers one verdict, after doing what the test wants."""

    def __init__(
        self, first: Callable[[], Awaitable[None]] | None = None, verdict: Verdict = Verdict.MATCH
    ) -> None:
        self.first = first
        self.verdict = verdict
        self.asked: list[dict[str, object]] = []

    async def verify(self, **asked: object) -> Verdict:
        self.asked.append(asked)
        if self.first is not None:
            await self.first()
        return self.verdict


async def account(sessions: Sessions) -> tuple[UUID, dict[str, str]]:
    async with transaction(sessions) as db:
        made = await make_account(db)
        return made.id, bearer(await make_login(db, made))


async def add(client: httpx.AsyncClient, who: dict[str, str], **overrides: object) -> httpx.Response:
    return await client.post(PATIENTS, json=patient_body(**overrides), headers=who)


async def added(client: httpx.AsyncClient, who: dict[str, str], **overrides: object) -> str:
    answer = await add(client, who, **overrides)
    assert answer.status_code == 201, answer.text
    id_: str = answer.json()["id"]
    return id_


async def counts(db: AsyncSession) -> tuple[int, int, int]:
    found = [await db.scalar(select(func.count()).select_from(table)) for table in (Person, Patient, Consent)]
    return (found[0] or 0, found[1] or 0, found[2] or 0)


async def test_a_newcomer_is_added_verified_and_shown_masked(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, who = await account(sessions)
    number = resident_id(date(1990, 3, 7), Sex.FEMALE)

    answer = await add(client, who, document_number=number, relation="self")

    assert answer.status_code == 201
    shown = answer.json()
    assert shown == {
        "id": shown["id"],
        "name": "张三",
        "document_type": "resident_id",
        "document_number": f"{number[:3]}***********{number[-4:]}",
        "phone": "138****8000",
        "relation": "self",
        "birth_date": "1990-03-07",
        "sex": "female",
        "verified": True,
        "guardian_patient_id": None,
        "created_at": shown["created_at"],
    }
    listed = await client.get(PATIENTS, headers=who)
    assert listed.json() == {"items": [shown], "next_cursor": None}


async def test_nothing_personal_is_readable_in_the_tables(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    _, who = await account(sessions)
    number = resident_id()
    await added(client, who | {"Idempotency-Key": "one"}, document_number=number)

    dump = ""
    for table in ("person", "patient", "consent", "audit_entry", "event", "idempotency_key"):
        dump += str((await db.execute(text(f"SELECT * FROM {table}"))).all())

    for secret in (number, "张三", "13812348000"):
        assert secret not in dump
        assert str(secret.encode())[2:-1] not in dump


async def test_a_value_moved_to_another_row_is_never_shown_and_the_auditor_sees_it(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    _, who = await account(sessions)
    await added(client, who)
    await added(client, who, name="李四")
    people = select(Person.id, Person.name_sealed).join(Patient, Patient.person_id == Person.id)
    async with transaction(sessions) as changing:
        first, second = (await changing.execute(people.order_by(Patient.id))).all()
        await changing.execute(
            update(Person).where(Person.id == second.id).values(name_sealed=first.name_sealed)
        )

    lists = [await client.get(PATIENTS, headers=who) for _ in range(2)]

    for answer in lists:
        assert answer.status_code == 200
        assert [patient["name"] for patient in answer.json()["items"]] == ["张三", "（无法读取）"]
    told = await db.scalars(select(AuditEntryRow.subject).where(AuditEntryRow.action == "seal.broken"))
    assert told.all() == [f"person.name_sealed:{second.id}"]


@pytest.mark.parametrize(
    ("overrides", "status", "code"),
    [
        ({"document_number": "110105194912310021"}, 422, "document-number-invalid"),
        ({"document_number": resident_id(today() + timedelta(days=2))}, 422, "birth-date-invalid"),
        ({"document_type": "passport", "document_number": "E12345678"}, 422, "birth-details-required"),
        ({"sex": "male"}, 422, "birth-details-contradict"),
        ({"name": "<script>alert(1)</script>"}, 422, "person-name-invalid"),
        ({"name": "'; DROP TABLE patient; --"}, 422, "person-name-invalid"),
        ({"phone": "12345678901"}, 422, "invalid-request"),
        ({"relation": "cousin"}, 422, "invalid-request"),
        ({"document_type": "library_card"}, 422, "invalid-request"),
        ({"birth_date": "1990-02-30"}, 422, "invalid-request"),
        ({"verified": True}, 422, "invalid-request"),
        ({"account_id": "1"}, 422, "invalid-request"),
        ({"consents": []}, 422, "consent-required"),
        (
            {"consents": [{"kind": "sensitive_personal_information", "version": 2}]},
            409,
            "consent-version-outdated",
        ),
        (
            {
                "consents": [
                    {"kind": "sensitive_personal_information", "version": 1},
                    {"kind": "child_sensitive", "version": 1},
                ]
            },
            422,
            "consent-needs-child",
        ),
        ({"guardian_patient_id": "00000000-0000-8000-8000-000000000001"}, 422, "guardian-unsuitable"),
        ({"guardian_patient_id": "x"}, 404, "not-found"),
        ({"document_number": resident_id(born(10))}, 422, "consent-required"),
        ({"document_number": resident_id(born(15))}, 422, "guardian-required"),
        ({"name": chinese("sandbox-identity.refused-name")}, 422, "identity-not-verified"),
    ],
)
async def test_a_refused_person_leaves_nothing_behind(  # noqa: PLR0917 - fixtures and parameters
    client: httpx.AsyncClient,
    sessions: Sessions,
    db: AsyncSession,
    overrides: dict[str, object],
    status: int,
    code: str,
) -> None:
    _, who = await account(sessions)

    answer = await add(client, who, **overrides)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await counts(db) == (0, 0, 0)


async def test_a_missing_consent_is_named_with_its_version(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, who = await account(sessions)

    refused = (await add(client, who, consents=[])).json()

    assert (refused["kind"], refused["version"]) == ("sensitive_personal_information", 1)
    assert "敏感个人信息单独同意书" in refused["title"]


async def test_a_second_patient_needs_no_second_consent(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    _, who = await account(sessions)
    await added(client, who)

    await added(client, who, consents=[], name="李四")

    assert await counts(db) == (2, 2, 1)


async def test_a_person_known_under_another_name_is_not_verified(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    number = resident_id()
    _, first = await account(sessions)
    _, second = await account(sessions)
    await added(client, first, document_number=number)

    refused = await add(client, second, document_number=number, name="李四")
    accepted = await add(client, second, document_number=number, name="张　三")

    assert (refused.status_code, refused.json()["code"]) == (422, "identity-not-verified")
    assert (accepted.status_code, accepted.json()["name"]) == (201, "张三")


async def test_a_sixth_patient_is_refused(client: httpx.AsyncClient, sessions: Sessions) -> None:
    _, who = await account(sessions)
    for _ in range(5):
        await added(client, who)

    refused = await add(client, who)

    assert (refused.status_code, refused.json()["code"], refused.json()["limit"]) == (
        409,
        "patient-limit-reached",
        5,
    )


async def test_six_at_once_make_five(client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession) -> None:
    _, who = await account(sessions)

    answers = await asyncio.gather(*(add(client, who) for _ in range(10)))

    assert Counter(answer.status_code for answer in answers) == {201: 5, 409: 5}
    assert await counts(db) == (5, 5, 1)


async def test_one_self_however_many_ask_at_once(client: httpx.AsyncClient, sessions: Sessions) -> None:
    _, who = await account(sessions)

    answers = await asyncio.gather(*(add(client, who, relation="self") for _ in range(6)))

    assert Counter(answer.json().get("code", "added") for answer in answers) == {
        "added": 1,
        "self-already-added": 5,
    }


async def test_one_person_is_in_three_accounts_however_many_ask_at_once(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    number = resident_id()
    callers = [(await account(sessions))[1] for _ in range(8)]

    answers = await asyncio.gather(*(add(client, who, document_number=number) for who in callers))

    assert Counter(answer.json().get("code", "added") for answer in answers) == {
        "added": 3,
        "person-in-too-many-accounts": 5,
    }
    assert await counts(db) == (1, 3, 3)


async def test_the_same_person_twice_at_once_is_added_once(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    _, who = await account(sessions)
    number = resident_id()

    answers = await asyncio.gather(*(add(client, who, document_number=number) for _ in range(6)))

    assert Counter(answer.json().get("code", "added") for answer in answers) == {
        "added": 1,
        "patient-already-added": 5,
    }
    assert await counts(db) == (1, 1, 1)


async def test_a_repeated_key_adds_once_and_asks_the_authority_once(
    client: httpx.AsyncClient, sessions: Sessions, app: FastAPI, db: AsyncSession
) -> None:
    authority = app.state.identity_verifier = Authority()
    _, who = await account(sessions)
    body = patient_body()
    who |= {"Idempotency-Key": "one"}

    first = await client.post(PATIENTS, json=body, headers=who)
    again = await client.post(PATIENTS, json=body, headers=who)
    other = await client.post(PATIENTS, json=body | {"relation": "child"}, headers=who)

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert [asked["name"] for asked in authority.asked] == ["张三"]
    assert await counts(db) == (1, 1, 1)


async def test_no_transaction_is_open_while_the_authority_is_asked(
    client: httpx.AsyncClient, sessions: Sessions, app: FastAPI
) -> None:
    open_transactions: list[int] = []

    async def look() -> None:
        async with sessions() as db:
            found = await db.scalar(
                text(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND state LIKE 'idle in%'"
                )
            )
        open_transactions.append(found or 0)

    app.state.identity_verifier = Authority(look)
    _, who = await account(sessions)

    await added(client, who)

    assert open_transactions == [0]


async def test_when_the_authority_is_away_nothing_is_added_and_the_client_may_retry(
    client: httpx.AsyncClient, sessions: Sessions, app: FastAPI, db: AsyncSession
) -> None:
    async def fail() -> None:
        raise Unavailable

    working = app.state.identity_verifier
    app.state.identity_verifier = Authority(fail)
    _, who = await account(sessions)
    who |= {"Idempotency-Key": "one"}
    body = patient_body()

    refused = await client.post(PATIENTS, json=body, headers=who)
    app.state.identity_verifier = working

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert await counts(db) == (0, 0, 0)
    assert (await client.post(PATIENTS, json=body, headers=who)).status_code == 201


async def test_a_deleted_patient_is_gone_and_returns_after_seven_days(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    account_id, who = await account(sessions)
    number = resident_id()
    first = await added(client, who, document_number=number)

    assert (await client.delete(f"{PATIENTS}/{first}", headers=who)).status_code == 204
    assert (await client.delete(f"{PATIENTS}/{first}", headers=who)).status_code == 404
    assert (await client.get(PATIENTS, headers=who)).json()["items"] == []
    assert await lock_patients(db, [(account_id, UUID(first))]) == {}
    refused = await add(client, who, document_number=number)
    assert (refused.status_code, refused.json()["code"]) == (409, "patient-readd-too-soon")
    await db.execute(update(Patient).values(deleted_at=utc_now() - timedelta(days=6, hours=23)))
    await db.commit()
    assert (await add(client, who, document_number=number)).status_code == 409
    await db.execute(update(Patient).values(deleted_at=utc_now() - timedelta(days=7)))
    await db.commit()
    assert (await add(client, who, document_number=number)).status_code == 201


async def test_deleting_waits_for_a_booking_of_the_same_person(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    account_id, who = await account(sessions)
    patient = await added(client, who)

    async with transaction(sessions) as booking:
        assert set(await lock_patients(booking, [(account_id, UUID(patient))])) == {
            (account_id, UUID(patient))
        }
        deleting = asyncio.create_task(client.delete(f"{PATIENTS}/{patient}", headers=who))
        done, _ = await asyncio.wait({deleting}, timeout=0.2)
        assert done == set()

    assert (await deleting).status_code == 204


async def test_phone_and_relation_change_and_nothing_else(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    _, who = await account(sessions)
    patient = await added(client, who)

    changed = await client.patch(
        f"{PATIENTS}/{patient}", json={"phone": "13900001111", "relation": "spouse"}, headers=who
    )

    assert changed.status_code == 200
    assert (changed.json()["phone"], changed.json()["relation"]) == ("139****1111", "spouse")
    for member in ("name", "document_number", "verified", "birth_date", "account_id"):
        refused = await client.patch(f"{PATIENTS}/{patient}", json={member: "x"}, headers=who)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid-request")
    assert (await client.get(PATIENTS, headers=who)).json()["items"] == [changed.json()]
    actions = (await db.scalars(select(AuditEntryRow.action).order_by(AuditEntryRow.at))).all()
    assert actions[-2:] == ["patient.add", "patient.change"]


async def test_a_second_self_by_change_is_refused(client: httpx.AsyncClient, sessions: Sessions) -> None:
    _, who = await account(sessions)
    await added(client, who, relation="self")
    others = [await added(client, who) for _ in range(2)]

    refused = [
        await client.patch(f"{PATIENTS}/{other}", json={"relation": "self"}, headers=who) for other in others
    ]

    assert [answer.json()["code"] for answer in refused] == ["self-already-added"] * 2


async def test_patients_of_another_account_do_not_exist(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, mine = await account(sessions)
    _, other = await account(sessions)
    patient = await added(client, mine)

    changed = await client.patch(f"{PATIENTS}/{patient}", json={"relation": "spouse"}, headers=other)
    deleted = await client.delete(f"{PATIENTS}/{patient}", headers=other)
    unknown = await client.delete(f"{PATIENTS}/nonsense", headers=other)

    assert [answer.status_code for answer in (changed, deleted, unknown)] == [404, 404, 404]
    assert (await client.get(PATIENTS, headers=mine)).json()["items"][0]["relation"] == "other"
    assert (await client.get(PATIENTS)).status_code == 401


async def test_a_child_is_added_by_its_guardian_with_consent(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    account_id, who = await account(sessions)
    guardian = await added(client, who, relation="self")
    child = {
        "name": "张小丰",
        "document_number": resident_id(born(13)),
        "relation": "child",
        "guardian_patient_id": guardian,
    }

    refused = await add(client, who, **child)
    consents = [{"kind": "child_sensitive", "version": 1}]
    accepted = await add(client, who, **child, consents=consents)

    assert (refused.json()["code"], refused.json()["kind"]) == ("consent-required", "child_sensitive")
    assert accepted.status_code == 201
    assert accepted.json()["guardian_patient_id"] == guardian
    id_ = UUID(accepted.json()["id"])
    assert (await lock_patients(db, [(account_id, id_)]))[account_id, id_].consented
    kept = await client.delete(f"{PATIENTS}/{guardian}", headers=who)
    assert (kept.status_code, kept.json()["code"]) == (409, "patient-is-guardian")


async def test_without_the_guardians_consent_a_child_is_not_booked_for(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    account_id, who = await account(sessions)
    guardian = await added(client, who, relation="self")
    child = UUID(
        await added(
            client,
            who,
            document_number=resident_id(born(5)),
            guardian_patient_id=guardian,
            consents=[{"kind": "child_sensitive", "version": 1}],
        )
    )
    given = (await client.get("/api/v1/consents", headers=who)).json()["items"]
    (consent,) = [one for one in given if one["kind"] == "child_sensitive"]

    assert (await client.delete(f"/api/v1/consents/{consent['id']}", headers=who)).status_code == 204

    assert consent["patient_id"] == str(child)
    facts = await lock_patients(db, [(account_id, child), (account_id, UUID(guardian))])
    assert {id_: found.consented for (_, id_), found in facts.items()} == {
        child: False,
        UUID(guardian): True,
    }


async def test_from_fourteen_no_consent_and_from_eighteen_no_guardian_is_needed(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, who = await account(sessions)
    guardian = await added(client, who)

    assert (
        await add(client, who, document_number=resident_id(born(14)), guardian_patient_id=guardian)
    ).status_code == 201
    assert (await add(client, who, document_number=resident_id(born(18)))).status_code == 201
    assert (await add(client, who, document_number=resident_id(born(18, days=1)))).json()[
        "code"
    ] == "guardian-required"


async def test_a_minor_is_no_guardian_nor_a_patient_of_another_account(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, who = await account(sessions)
    _, other = await account(sessions)
    guardian = await added(client, who)
    minor = await added(client, who, document_number=resident_id(born(16)), guardian_patient_id=guardian)
    foreign = await added(client, other)

    for unsuitable in (minor, foreign):
        refused = await add(
            client, who, document_number=resident_id(born(15)), guardian_patient_id=unsuitable
        )
        assert refused.json()["code"] == "guardian-unsuitable"


async def test_a_newborn_comes_with_a_birth_certificate(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, who = await account(sessions)
    guardian = await added(client, who)

    answer = await add(
        client,
        who,
        document_type="birth_certificate",
        document_number="t110108888",
        birth_date=today().isoformat(),
        sex="male",
        guardian_patient_id=guardian,
        consents=[{"kind": "child_sensitive", "version": 1}],
    )

    assert answer.status_code == 201
    assert (answer.json()["document_number"], answer.json()["sex"]) == ("T*******88", "male")


async def test_who_the_authority_does_not_know_is_listed_unverified_until_seen_at_a_desk(
    client: httpx.AsyncClient, sessions: Sessions, app: FastAPI, db: AsyncSession
) -> None:
    app.state.identity_verifier = Authority(verdict=Verdict.UNDECIDED)
    account_id, who = await account(sessions)
    number = resident_id()
    async with transaction(sessions) as hiring:
        desk = await staff_header(hiring, (await make_staff(hiring, Role.DESK, hospital_id=1)).id)
    listed = await add(client, who, document_number=number)
    id_ = UUID(listed.json()["id"])
    assert (listed.status_code, listed.json()["verified"]) == (201, False)
    assert not (await lock_patients(db, [(account_id, id_)]))[account_id, id_].verified
    await db.rollback()
    body = patient_body(document_number=number)

    seen = await client.post(
        "/api/v1/staff/patients", json={k: v for k, v in body.items() if k != "relation"}, headers=desk
    )

    assert seen.status_code == 201
    assert (await lock_patients(db, [(account_id, id_)]))[account_id, id_].verified


async def test_who_listed_a_document_under_a_false_name_loses_it_to_the_proof(
    client: httpx.AsyncClient, sessions: Sessions, app: FastAPI
) -> None:
    _, liar = await account(sessions)
    _, owner = await account(sessions)
    number = resident_id()
    working = app.state.identity_verifier
    app.state.identity_verifier = Authority(verdict=Verdict.UNDECIDED)
    await added(client, liar, document_number=number, name="李四")
    other_lie = await add(client, owner, document_number=number, name="王五")
    app.state.identity_verifier = working

    proven = await add(client, owner, document_number=number, name="张三")

    assert other_lie.json()["code"] == "identity-not-verified"
    assert (proven.status_code, proven.json()["name"], proven.json()["verified"]) == (201, "张三", True)
    assert (await client.get(PATIENTS, headers=liar)).json()["items"] == []
