from __future__ import annotations

import asyncio
import hashlib
import re
from importlib.resources import files
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.models.consent import Consent, ConsentKind
from guahao.identity.queries import lock_patients
from guahao.identity.queries.consents import current_texts
from guahao.kernel.db import Sessions, constraint_of, transaction
from guahao.kernel.settings import Environment
from tests.factories.account import make_account, make_login
from tests.factories.newcomer import bearer
from tests.factories.person import patient_body

pytestmark = pytest.mark.anyio
CONSENTS = "/api/v1/consents"
SENSITIVE = {"kind": "sensitive_personal_information", "version": 1}


async def account(sessions: Sessions) -> tuple[UUID, dict[str, str]]:
    async with transaction(sessions) as db:
        made = await make_account(db)
        return made.id, bearer(await make_login(db, made))


async def test_everybody_reads_the_texts_and_their_digests(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/api/v1/consent-texts")).json()["items"]

    assert {text["kind"] for text in shown} == {kind.value for kind in ConsentKind}
    assert {text["kind"]: text["version"] for text in shown} == {
        "privacy": 3,
        "service": 1,
        "sensitive_personal_information": 1,
        "child_sensitive": 1,
    }
    for one in shown:
        assert hashlib.sha256(one["body"].encode()).hexdigest() == one["sha256"]
        assert one["body"].startswith(f"# {one['title']}\n")


def test_every_published_file_is_listed() -> None:
    folder = files("guahao.identity") / "texts"
    stored = {entry.name for entry in folder.iterdir() if entry.name.endswith(".md")}

    assert {f"{one.kind}.{one.version}.md" for one in current_texts().values()} <= stored
    assert {name.split(".")[0] for name in stored} == {kind.value for kind in ConsentKind}


def test_the_privacy_text_promises_no_page_that_does_not_exist() -> None:
    words = current_texts()[ConsentKind.PRIVACY].body

    assert set(re.findall("“(.+?)”", words)) == {"我的—就诊人", "我的—隐私", "我的—设置"}
    assert "可以导出我们保存的全部个人信息，也可以注销账号" in words


async def test_an_agreement_is_kept_with_its_words_and_place(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, who = await account(sessions)

    answer = await client.post(CONSENTS, json=SENSITIVE, headers=who)

    assert answer.status_code == 201
    (kept,) = answer.json()["items"]
    assert (kept["kind"], kept["version"], kept["channel"]) == (*SENSITIVE.values(), "online")
    assert kept["sha256"] == current_texts()[ConsentKind.SENSITIVE_PERSONAL_INFORMATION].sha256.hex()
    assert (kept["patient_id"], kept["ended_at"], kept["ending"]) == (None, None, None)
    assert (await client.get(CONSENTS, headers=who)).json()["items"] == [kept]


async def test_agreeing_ten_times_at_once_is_agreeing_once(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    _, who = await account(sessions)

    answers = await asyncio.gather(*(client.post(CONSENTS, json=SENSITIVE, headers=who) for _ in range(10)))

    assert {answer.status_code for answer in answers} == {201}
    assert await db.scalar(select(func.count()).select_from(Consent)) == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "privacy", "version": 1}, 409, "consent-version-outdated"),
        ({"kind": "privacy", "version": 4}, 409, "consent-version-outdated"),
        ({"kind": "privacy", "version": 0}, 422, "invalid-request"),
        ({"kind": "soul", "version": 1}, 422, "invalid-request"),
        ({"kind": "child_sensitive", "version": 1}, 422, "consent-needs-child"),
        ({"kind": "child_sensitive", "version": 1, "patient_id": "x"}, 404, "not-found"),
        (
            {"kind": "privacy", "version": 3, "patient_id": "00000000-0000-8000-8000-000000000001"},
            422,
            "consent-needs-child",
        ),
    ],
)
async def test_what_cannot_be_agreed_to_is_refused(  # noqa: PLR0917 - fixtures and parameters
    client: httpx.AsyncClient,
    sessions: Sessions,
    db: AsyncSession,
    body: dict[str, object],
    status: int,
    code: str,
) -> None:
    _, who = await account(sessions)

    refused = await client.post(CONSENTS, json=body, headers=who)

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await db.scalar(select(func.count()).select_from(Consent)) == 0


async def test_after_withdrawal_no_patient_is_added_or_booked_for(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    account_id, who = await account(sessions)
    added = await client.post("/api/v1/patients", json=patient_body(), headers=who)
    patient = UUID(added.json()["id"])
    (given,) = (await client.get(CONSENTS, headers=who)).json()["items"]

    first = await client.delete(f"{CONSENTS}/{given['id']}", headers=who)
    again = await client.delete(f"{CONSENTS}/{given['id']}", headers=who)

    assert [first.status_code, again.status_code] == [204, 204]
    (kept,) = (await client.get(CONSENTS, headers=who)).json()["items"]
    assert (kept["id"], kept["ending"]) == (given["id"], "withdrawn")
    refused = await client.post("/api/v1/patients", json=patient_body(consents=[]), headers=who)
    assert refused.json()["code"] == "consent-required"
    assert not (await lock_patients(db, [(account_id, patient)]))[account_id, patient].consented
    await db.rollback()
    assert (await client.post(CONSENTS, json=SENSITIVE, headers=who)).status_code == 201
    assert (await lock_patients(db, [(account_id, patient)]))[account_id, patient].consented
    actions = (
        await db.scalars(select(AuditEntryRow.action).where(AuditEntryRow.action.like("consent.%")))
    ).all()
    assert sorted(actions) == ["consent.give", "consent.give", "consent.withdraw"]


async def test_a_new_version_supersedes_the_old_one(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    _, who = await account(sessions)
    await client.post(CONSENTS, json=SENSITIVE, headers=who)
    await db.execute(update(Consent).values(version=0))
    await db.commit()

    required = await client.post("/api/v1/patients", json=patient_body(consents=[]), headers=who)
    renewed = (await client.post(CONSENTS, json=SENSITIVE, headers=who)).json()["items"]

    assert required.json()["code"] == "consent-required"
    assert [(one["version"], one["ending"]) for one in renewed] == [(1, None), (0, "superseded")]


async def test_consents_of_another_account_do_not_exist(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, mine = await account(sessions)
    _, other = await account(sessions)
    (given,) = (await client.post(CONSENTS, json=SENSITIVE, headers=mine)).json()["items"]

    refused = await client.delete(f"{CONSENTS}/{given['id']}", headers=other)

    assert refused.status_code == 404
    assert (await client.get(CONSENTS, headers=mine)).json()["items"] == [given]
    assert (await client.get(CONSENTS, headers=other)).json()["items"] == []


async def test_one_agreement_of_a_kind_stands_at_a_time(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, who = await account(sessions)
    await client.post(CONSENTS, json=SENSITIVE, headers=who)

    with pytest.raises(IntegrityError) as tripped:
        async with transaction(sessions) as db:
            await db.execute(
                text(
                    "INSERT INTO consent (id, account_id, kind, version, text_hash, channel)"
                    " SELECT gen_random_uuid(), account_id, kind, 2, text_hash, channel FROM consent"
                )
            )

    assert constraint_of(tripped.value) == "consent_account_kind_key"


async def test_in_the_demo_a_request_without_consents_counts_as_agreement(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, who = await account(sessions)
    body = patient_body()
    del body["consents"]

    answer = await client.post("/api/v1/patients", json=body, headers=who)

    assert answer.status_code == 201
    (given,) = (await client.get(CONSENTS, headers=who)).json()["items"]
    assert (given["kind"], given["version"]) == ("sensitive_personal_information", 1)


async def test_production_asks_for_the_agreement_by_name(
    app: FastAPI, client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, who = await account(sessions)
    app.state.settings = app.state.settings.model_copy(update={"environment": Environment.PRODUCTION})
    body = patient_body()
    del body["consents"]

    answer = await client.post("/api/v1/patients", json=body, headers=who)

    assert (answer.status_code, answer.json()["code"]) == (422, "consent-required")
    assert (await client.get(CONSENTS, headers=who)).json()["items"] == []
