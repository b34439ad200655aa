from __future__ import annotations

import httpx
import pytest

from guahao.identity.policy.permission import Role
from guahao.kernel.db import Sessions
from tests.factories.newcomer import PASSWORD, bearer
from tests.factories.office import Member, hire

pytestmark = pytest.mark.anyio


async def log_in(client: httpx.AsyncClient, username: str) -> dict[str, str]:
    body = {"username": username, "password": PASSWORD}
    return bearer((await client.post("/api/v1/staff/logins", json=body)).json()["token"])


async def entries(auditor: Member, actor: str) -> list[dict[str, object]]:
    answer = await auditor.get("/audit", actor=actor, sort="at")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, object]] = answer.json()["items"]
    return items


async def test_the_trail_tells_by_whose_hand_somebody_came_to_their_access(
    client: httpx.AsyncClient, sessions: Sessions
) -> None:
    admin = await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=7)
    auditor = await hire(client, sessions, Role.AUDITOR, hospital_id=7)
    clerk = await hire(client, sessions, Role.DESK, hospital_id=7)
    name = (await clerk.get("/me")).json()["username"]
    person = {"hospital_id": 7, "text": "13800001111"}
    await clerk.post("/desk/people", **person)
    code = (await admin.post(f"/members/{clerk.id}/invitation")).json()["code"]
    join = {"username": name, "code": code, "password": PASSWORD}
    assert (await client.post("/api/v1/staff/invitations", json=join)).status_code == 204
    header = await log_in(client, name)
    await client.post("/api/v1/staff/desk/people", json=person, headers=header)

    before, after = [
        entry for entry in await entries(auditor, clerk.actor) if entry["action"] == "person.miss"
    ]

    assert before["access"] is None
    access = after["access"]
    assert isinstance(access, dict)
    assert (access["by"], access["by_name"], access["action"]) == (admin.actor, "王工", "staff.invite")
