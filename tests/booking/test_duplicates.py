"""The desk works off reports of two persons who have one document."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.models.duplicate import DuplicateCheck, PersonDuplicate
from guahao.identity.models.person import Patient, Person
from guahao.identity.policy.permission import Role
from guahao.identity.service.value_forms import index_persons
from guahao.kernel.clock import utc_now
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions
from guahao.kernel.ids import new_id
from tests.booking.test_retention import forget_all
from tests.factories.booking import book, make_booker
from tests.factories.office import Member, hire, refusal
from tests.factories.scheduling import make_clinic, make_slot
from tests.identity.test_one_person import old_person

pytestmark = pytest.mark.anyio
NOTE = "已电话核实是同一人，以新证件为准"


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report: one of the two persons booked at `booked_at`, the other is enrolled at `enrolled_at`."""

    id: UUID
    persons: tuple[UUID, UUID]
    appointment: UUID
    booked_at: int
    enrolled_at: int


@pytest.fixture
def keys(app: FastAPI) -> KeyRing:
    ring: KeyRing = app.state.key_ring
    return ring


@pytest.fixture
async def report(db: AsyncSession, keys: KeyRing) -> Report:
    return await reported(db, keys)


async def reported(db: AsyncSession, keys: KeyRing, permit: str = "H55667788") -> Report:
    first = await old_person(db, keys, number=f"{permit}01", name="王建国")
    second = await old_person(db, keys, number=f"{permit}02", name="王建国")
    first.verified_at = utc_now()
    booked, enrolled = [await make_clinic(db) for _ in range(2)]
    row = await book(
        db, await make_booker(db, person=first), (await make_slot(db, fee_fen=0, clinic=booked)).id
    )
    at_desk = Patient(
        id=new_id(),
        account_id=None,
        hospital_id=enrolled.hospital_id,
        person_id=second.id,
        relation="self",
    )
    db.add(at_desk)
    await db.flush()
    await index_persons(db, key_ring=keys)
    id_ = await db.scalar(select(PersonDuplicate.id).where(PersonDuplicate.person_id == second.id))
    assert id_ is not None
    await db.commit()
    return Report(
        id=id_,
        persons=(first.id, second.id),
        appointment=row.id,
        booked_at=booked.hospital_id,
        enrolled_at=enrolled.hospital_id,
    )


async def listed(desk: Member, hospital_id: int, **more: Any) -> list[dict[str, Any]]:
    answer = await desk.get("/duplicates", hospital_id=hospital_id, **more)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def check(desk: Member, report: Report, hospital_id: int, note: str = NOTE) -> httpx.Response:
    return await desk.post(f"/duplicates/{report.id}/check", hospital_id=hospital_id, note=note)


async def test_each_hospital_is_shown_whom_of_the_two_it_knows(
    client: httpx.AsyncClient, sessions: Sessions, report: Report
) -> None:
    booked = await hire(client, sessions, Role.DESK, hospital_id=report.booked_at)
    enrolled = await hire(client, sessions, Role.DESK, hospital_id=report.enrolled_at)
    neither = await hire(client, sessions, Role.DESK, hospital_id=report.enrolled_at + 1)

    ((one,), (two,)) = [
        (await listed(desk, at))[0]["people"]
        for desk, at in ((booked, report.booked_at), (enrolled, report.enrolled_at))
    ]

    assert (one["person_id"], one["appointment_id"]) == (str(report.persons[0]), str(report.appointment))
    assert (one["name"], one["document_number"][0], one["patient_id"]) == ("王*国", "H", None)
    assert (two["person_id"], two["appointment_id"]) == (str(report.persons[1]), None)
    assert two["patient_id"]
    assert await listed(neither, report.enrolled_at + 1) == []


async def test_what_one_desk_has_looked_at_waits_at_another(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession, report: Report
) -> None:
    booked = await hire(client, sessions, Role.DESK, hospital_id=report.booked_at)
    enrolled = await hire(client, sessions, Role.DESK, hospital_id=report.enrolled_at)

    done = await check(booked, report, report.booked_at)

    assert done.status_code == 204
    assert await listed(booked, report.booked_at, is_checked=False) == []
    (seen,) = await listed(booked, report.booked_at, is_checked=True)
    assert (seen["note"], bool(seen["checked_at"]), bool(seen["checked_by_name"])) == (NOTE, True, True)
    (waiting,) = await listed(enrolled, report.enrolled_at, is_checked=False)
    assert (waiting["note"], waiting["checked_at"], waiting["checked_by_name"]) == (None, None, None)
    entries = select(AuditEntryRow.hospital_id, AuditEntryRow.actor, AuditEntryRow.subject).where(
        AuditEntryRow.action == "person.duplicate_check"
    )
    assert [tuple(row) for row in await db.execute(entries)] == [
        (report.booked_at, booked.actor, f"duplicate:{report.id}")
    ]


async def test_of_two_who_look_at_once_the_first_word_counts(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession, report: Report
) -> None:
    desks = [await hire(client, sessions, Role.DESK, hospital_id=report.booked_at) for _ in range(4)]

    answers = await asyncio.gather(*(check(desk, report, report.booked_at) for desk in desks))
    again = await check(desks[0], report, report.booked_at, "后来又改了主意")

    assert {answer.status_code for answer in (*answers, again)} == {204}
    assert (await db.scalars(select(DuplicateCheck.note))).all() == [NOTE]
    entries = select(func.count()).where(AuditEntryRow.action == "person.duplicate_check")
    assert await db.scalar(entries) == 1


async def test_a_report_is_checked_with_a_word_by_a_desk_that_it_concerns(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession, report: Report
) -> None:
    elsewhere = report.enrolled_at + 1
    desk = await hire(client, sessions, Role.DESK, hospital_id=report.booked_at)
    neither = await hire(client, sessions, Role.DESK, hospital_id=elsewhere)
    admin = await hire(client, sessions, Role.HOSPITAL_ADMIN, hospital_id=report.booked_at)

    assert refusal(await check(neither, report, elsewhere)) == (404, "not-found")
    assert refusal(await check(neither, report, report.booked_at)) == (404, "not-found")
    assert refusal(await check(admin, report, report.booked_at)) == (403, "permission-missing")
    assert (await check(desk, report, report.booked_at, "好")).status_code == 422
    assert await db.scalar(select(func.count()).select_from(DuplicateCheck)) == 0


async def test_reports_are_paged_and_told_on_the_day(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession, keys: KeyRing
) -> None:
    first, second = [await reported(db, keys, f"H5566770{place}") for place in range(2)]
    await db.execute(
        update(Patient).where(Patient.hospital_id.is_not(None)).values(hospital_id=first.booked_at)
    )
    await db.commit()
    desk = await hire(client, sessions, Role.DESK, hospital_id=first.booked_at)

    page = (await desk.get("/duplicates", hospital_id=first.booked_at, limit=1)).json()
    rest = await listed(desk, first.booked_at, limit=1, cursor=page["next_cursor"])
    day = (await desk.get(f"/hospitals/{first.booked_at}/today")).json()

    assert (page["total"], [one["id"] for one in (*page["items"], *rest)]) == (
        2,
        [str(second.id), str(first.id)],
    )
    assert {need["kind"]: need["count"] for need in day["needs"]}["duplicate_persons"] == 2
    assert len(page["items"][0]["people"]) == 1


async def test_a_report_goes_with_a_person_who_is_forgotten(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession, keys: KeyRing, report: Report
) -> None:
    desk = await hire(client, sessions, Role.DESK, hospital_id=report.booked_at)
    await check(desk, report, report.booked_at)
    long_ago = utc_now() - timedelta(days=31)
    mine = Patient.person_id == report.persons[1]
    await db.execute(update(Patient).where(mine).values(deleted_at=long_ago))
    await db.execute(update(Person).values(created_at=long_ago))

    done = await forget_all(db, sessions, keys)

    assert done["person"] == 1
    assert await db.scalar(select(func.count()).select_from(PersonDuplicate)) == 0
    assert await db.scalar(select(func.count()).select_from(DuplicateCheck)) == 0


async def test_of_a_person_whose_identity_is_forgotten_nothing_is_shown(
    client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession, report: Report
) -> None:
    desk = await hire(client, sessions, Role.DESK, hospital_id=report.booked_at)
    await db.execute(update(Person).where(Person.id == report.persons[0]).values(forgotten_at=func.now()))
    await db.commit()

    assert await listed(desk, report.booked_at) == []


async def test_nobody_is_reported_as_their_own_duplicate(db: AsyncSession, report: Report) -> None:
    with pytest.raises(IntegrityError, match="person_duplicate_two_check"):
        await db.execute(update(PersonDuplicate).values(other_id=PersonDuplicate.person_id))
