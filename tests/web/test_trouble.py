"""An event that nobody could be told of, from giving up to an end that somebody answers for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.events import Event, EventRow, EventState, Reaction, publish
from guahao.kernel.relay import Relay
from tests.factories.catalog import make_hospital, staff_headers

pytestmark = pytest.mark.anyio

LETTERS = "/api/v1/staff/dead-letters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rang(Event):
    name: ClassVar[str] = "test.bell.rang"
    times: int


class Listener:
    def __init__(self, name: str, *, fails: bool) -> None:
        self.heard: list[int] = []
        self.fails = fails
        self.reaction = Reaction(name=name, event=Rang, handle=self.hear)

    async def hear(self, _db: AsyncSession, event: Rang) -> None:
        if self.fails:
            raise RuntimeError
        self.heard.append(event.times)


class Bell:
    """A relay with one listener that fails and one that does not, and an event that was given up."""

    def __init__(self, sessions: Sessions) -> None:
        self.deaf, self.fine = Listener("deaf", fails=True), Listener("fine", fails=False)
        self.reactions = (self.deaf.reaction, self.fine.reaction)
        self._sessions = sessions
        self._relay = Relay(sessions, self.reactions)

    async def ring_until_given_up(self, hospital_id: int) -> UUID:
        async with transaction(self._sessions) as db:
            await publish(db, Rang(hospital_id=hospital_id, times=3))
        for _ in range(Rang.attempts):
            await self.tell()
        async with transaction(self._sessions) as db:
            return (await db.scalars(select(EventRow.id).where(EventRow.state == EventState.DEAD))).one()

    async def tell(self) -> None:
        async with transaction(self._sessions) as db:
            pending = update(EventRow).where(EventRow.state == EventState.PENDING)
            await db.execute(pending.values(due_at=func.now()))
        await self._relay.tell_batch()


@dataclass(frozen=True, kw_only=True)
class Given:
    bell: Bell
    hospital_id: int
    letter: str
    headers: dict[str, str]


@pytest.fixture
async def given(app: FastAPI, sessions: Sessions, db: AsyncSession) -> Given:
    bell = Bell(sessions)
    app.state.reactions = bell.reactions
    hospital_id = await make_hospital(db)
    headers = await staff_headers(db, hospital_id=hospital_id, role="hospital_admin")
    await db.commit()
    letter = await bell.ring_until_given_up(hospital_id)
    return Given(bell=bell, hospital_id=hospital_id, letter=str(letter), headers=headers)


async def listed(client: httpx.AsyncClient, headers: dict[str, str], **query: Any) -> list[str]:
    answer = await client.get(LETTERS, params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


async def deeds(db: AsyncSession, letter: str) -> list[tuple[str, dict[str, Any]]]:
    rows = await db.scalars(select(AuditEntryRow).where(AuditEntryRow.subject == f"event:{letter}"))
    return [(row.action, row.data) for row in rows]


async def test_what_was_given_up_is_seen_with_who_heard_it(client: httpx.AsyncClient, given: Given) -> None:
    assert await listed(client, given.headers) == [given.letter]
    assert await listed(client, given.headers, name="another.event") == []

    seen = (await client.get(f"{LETTERS}/{given.letter}", headers=given.headers)).json()

    assert (seen["name"], seen["payload"]) == (
        "test.bell.rang",
        {"hospital_id": given.hospital_id, "times": 3},
    )
    assert (seen["attempts"], seen["last_error"]) == (Rang.attempts, "RuntimeError")
    assert (seen["heard_by"], seen["not_heard_by"]) == (["fine"], ["deaf"])


async def test_told_again_it_reaches_only_those_who_have_not_heard_it(
    client: httpx.AsyncClient, db: AsyncSession, given: Given
) -> None:
    given.bell.deaf.fails = False

    answer = await client.post(f"{LETTERS}/{given.letter}/retry", headers=given.headers)
    await given.bell.tell()

    assert (answer.status_code, answer.json()) == (200, {"id": given.letter})
    assert (given.bell.deaf.heard, given.bell.fine.heard) == ([3], [3])
    assert await listed(client, given.headers) == []
    assert await deeds(db, given.letter) == [("event.retry", {"name": "test.bell.rang"})]


async def test_told_again_in_vain_it_comes_back(client: httpx.AsyncClient, given: Given) -> None:
    await client.post(f"{LETTERS}/{given.letter}/retry", headers=given.headers)
    for _ in range(Rang.attempts):
        await given.bell.tell()

    assert await listed(client, given.headers) == [given.letter]
    assert given.bell.fine.heard == [3]


async def test_discarded_it_rests_with_a_reason_and_is_settled_once(
    client: httpx.AsyncClient, db: AsyncSession, given: Given
) -> None:
    given.bell.deaf.fails = False
    body = {"reason": "患者已到院办理"}
    mute = await client.post(f"{LETTERS}/{given.letter}/discard", json={}, headers=given.headers)
    assert (mute.status_code, mute.json()["code"]) == (422, "invalid-request")

    done = await client.post(f"{LETTERS}/{given.letter}/discard", json=body, headers=given.headers)
    again = await client.post(f"{LETTERS}/{given.letter}/retry", headers=given.headers)
    await given.bell.tell()

    assert done.status_code == 200
    assert (again.status_code, again.json()["code"]) == (409, "dead-letter-settled")
    assert given.bell.deaf.heard == []
    assert await deeds(db, given.letter) == [("event.discard", {"name": "test.bell.rang", **body})]


async def test_another_hospital_neither_sees_nor_settles_it(
    client: httpx.AsyncClient, db: AsyncSession, given: Given
) -> None:
    stranger = await staff_headers(db, hospital_id=await make_hospital(db), role="hospital_admin")
    everywhere = await staff_headers(db, hospital_id=None, role="platform_admin")
    await db.commit()

    foreign = await client.get(LETTERS, params={"hospital_id": given.hospital_id}, headers=stranger)
    settled = await client.post(f"{LETTERS}/{given.letter}/retry", headers=stranger)

    assert await listed(client, stranger) == []
    assert {foreign.status_code, settled.status_code} <= {403, 404}
    assert await listed(client, everywhere) == [given.letter]
    assert await deeds(db, given.letter) == []
