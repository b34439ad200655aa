"""Those who watch over a desk see whom it took out of accounts of others, who did it and why."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.person import Patient
from guahao.identity.policy.permission import Role
from guahao.kernel.db import Sessions
from tests.factories.office import Member, hire, refusal
from tests.factories.person import patient_body, resident_id
from tests.identity.test_claims import enrolled, newcomer, strangers

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
REASON = "本人持证到窗口要求"


async def released(client: httpx.AsyncClient, desk: Member, *, reason: str = REASON) -> None:
    """Somebody enrolled at the desk is taken out of the three accounts of strangers that list them."""
    body = patient_body(document_number=resident_id(), relation="other")
    await strangers(client, body)
    patient = await enrolled(desk, body, "13800001111")
    listings = (await desk.get(f"/patients/{patient}/listings")).json()["items"]
    done = await desk.post(
        f"/patients/{patient}/releases", listing_ids=[one["id"] for one in listings], reason=reason
    )
    assert done.json() == {"released": 3}


async def listed(who: Member, **more: Any) -> Json:
    answer = await who.get("/releases", **{"hospital_id": 1} | more)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def test_each_account_somebody_was_taken_out_of_is_a_line_with_who_when_and_why(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    desk = await hire(client, sessions, Role.DESK)
    auditor = await hire(client, sessions, Role.AUDITOR)

    await released(client, desk)

    page = await listed(auditor)
    assert page["total"] == 3
    line = page["items"][0]
    assert set(line) == {
        *("id", "name", "relation", "phone", "released_at", "staff_id", "staff_name", "reason")
    }
    assert (line["name"], line["reason"], line["staff_id"]) == ("张*", REASON, str(desk.id))
    assert line["staff_name"]
    assert all("****" in one["phone"] for one in page["items"])


async def test_releases_are_paged_newest_first(client: httpx.AsyncClient, sessions: Sessions) -> None:
    desk = await hire(client, sessions, Role.DESK)
    admin = await hire(client, sessions, Role.HOSPITAL_ADMIN)
    for reason in ("先来的一位要求", "后来的一位要求"):
        await released(client, desk, reason=reason)

    first = await listed(admin, limit=4)
    second = await listed(admin, limit=4, cursor=first["next_cursor"])

    lines = [*first["items"], *second["items"]]
    assert [one["reason"][:1] for one in lines] == ["后"] * 3 + ["先"] * 3
    assert len({one["id"] for one in lines}) == 6
    assert (second["next_cursor"], first["total"]) == (None, 6)
    assert [one["id"] for one in (await listed(admin, sort="released_at"))["items"]] == [
        one["id"] for one in reversed(lines)
    ]


async def test_another_hospital_sees_none_of_them_and_a_desk_sees_no_list(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    desk = await hire(client, sessions, Role.DESK)
    foreign = await hire(client, sessions, Role.AUDITOR, hospital_id=2)
    platform = await hire(client, sessions, Role.AUDITOR, hospital_id=None)
    await released(client, desk)

    assert refusal(await foreign.get("/releases", hospital_id=1)) == (404, "not-found")
    assert refusal(await desk.get("/releases", hospital_id=1)) == (403, "permission-missing")
    assert (await listed(foreign, hospital_id=2))["items"] == []
    assert (await listed(platform))["total"] == 3


async def test_who_takes_themself_back_is_in_no_list_of_a_desk(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    body = patient_body(document_number=resident_id(), relation="other")
    await strangers(client, body)
    number, owner = await newcomer(client)
    desk = await hire(client, sessions, Role.DESK)
    auditor = await hire(client, sessions, Role.AUDITOR)
    await enrolled(desk, body, number)
    mine = {key: value for key, value in body.items() if key != "relation"}

    claimed = await client.post("/api/v1/patients/claims", json=mine, headers=owner)

    assert claimed.status_code == 201, claimed.text
    assert (await listed(auditor))["items"] == []


@pytest.mark.parametrize(
    "astray",
    [
        {"release_hospital_id": 1},
        {"release_staff_id": text("(SELECT id FROM staff LIMIT 1)")},
        {"released_by": "owner"},
    ],
)
async def test_the_database_knows_no_release_without_a_desk_and_a_member_of_staff(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession, astray: Json
) -> None:
    desk = await hire(client, sessions, Role.DESK)
    if "released_by" in astray:
        await released(client, desk)
    else:
        await client.post("/api/v1/patients", json=patient_body(), headers=(await newcomer(client))[1])

    with pytest.raises(IntegrityError, match="patient_release_desk_check"):
        await db.execute(update(Patient).where(Patient.account_id.is_not(None)).values(astray))
