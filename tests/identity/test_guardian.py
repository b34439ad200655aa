from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.consent import Consent, ConsentKind
from guahao.identity.queries.consents import current_texts
from guahao.kernel.db import Sessions
from tests.factories.person import resident_id
from tests.identity.test_patients import PATIENTS, account, added, born

pytestmark = pytest.mark.anyio
Json = dict[str, Any]


def child_consent() -> Json:
    kind = ConsentKind.CHILD_SENSITIVE
    return {"kind": kind.value, "version": current_texts()[kind].version}


async def family(client: httpx.AsyncClient, who: dict[str, str], *, age: int) -> tuple[str, str, str]:
    """The holder, another grown-up and a minor of the holder."""
    first = await added(client, who, relation="self")
    second = await added(client, who, relation="spouse", document_number=resident_id(born(30)))
    sensitive = ConsentKind.SENSITIVE_PERSONAL_INFORMATION
    consents = [{"kind": sensitive.value, "version": current_texts()[sensitive].version}]
    minor = await added(
        client,
        who,
        relation="child",
        document_number=resident_id(born(age)),
        guardian_patient_id=first,
        consents=[*consents, child_consent()] if age < 14 else consents,
    )
    return first, second, minor


async def replace(
    client: httpx.AsyncClient, who: dict[str, str], minor: str, guardian: str, *consents: Json
) -> tuple[int, str | None]:
    body = {"guardian_patient_id": guardian, "consents": list(consents)}
    answer = await client.post(f"{PATIENTS}/{minor}/guardian", json=body, headers=who)
    return answer.status_code, answer.json().get("code")


async def guardian_of(client: httpx.AsyncClient, who: dict[str, str], minor: str) -> str | None:
    items = (await client.get(PATIENTS, headers=who)).json()["items"]
    found: str | None = next(one["guardian_patient_id"] for one in items if one["id"] == minor)
    return found


async def test_a_child_gets_another_guardian_who_agrees_anew(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    _, who = await account(sessions)
    first, second, child = await family(client, who, age=6)

    silent = await replace(client, who, child, second)
    assert silent == (422, "consent-required")
    assert await guardian_of(client, who, child) == first
    for _ in range(2):
        assert await replace(client, who, child, second, child_consent()) == (200, None)

    assert await guardian_of(client, who, child) == second
    kept = select(Consent.ending).where(Consent.kind == ConsentKind.CHILD_SENSITIVE).order_by(Consent.id)
    assert (await db.scalars(kept)).all() == ["superseded", None]
    assert (await client.delete(f"{PATIENTS}/{first}", headers=who)).status_code == 204
    assert (await client.delete(f"{PATIENTS}/{second}", headers=who)).status_code == 409


async def test_from_fourteen_on_no_consent_of_a_guardian_is_asked(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, who = await account(sessions)
    _, second, minor = await family(client, who, age=15)

    assert await replace(client, who, minor, second, child_consent()) == (422, "consent-needs-child")
    assert await replace(client, who, minor, second) == (200, None)
    assert await guardian_of(client, who, minor) == second


async def test_only_a_grown_up_of_the_account_becomes_guardian_of_a_minor_of_it(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    _, who = await account(sessions)
    _, other = await account(sessions)
    first, second, minor = await family(client, who, age=15)
    foreign = await added(client, other, document_number=resident_id(born(40)))

    assert await replace(client, who, minor, foreign) == (422, "guardian-unsuitable")
    assert await replace(client, who, minor, minor) == (422, "guardian-unsuitable")
    assert await replace(client, who, second, first) == (422, "guardian-unsuitable")
    assert await replace(client, other, minor, foreign) == (404, "not-found")
    assert await guardian_of(client, who, minor) == first
