"""What the data map says is kept for a time is gone afterwards, and not before."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.booking.models import Appointment, BookingBlock, CreditEvent, CreditKind
from guahao.booking.service.retention import count_due, forget_due
from guahao.identity.models.consent import Consent, ConsentChannel, ConsentEnd, ConsentKind
from guahao.identity.models.duplicate import PersonDuplicate
from guahao.identity.models.person import Patient, Person
from guahao.identity.models.security_event import SecurityEventKind
from guahao.identity.service.security_event import Owner, tell
from guahao.identity.service.value_forms import index_persons
from guahao.kernel.clock import utc_now
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Base, Sessions
from guahao.kernel.ids import new_id
from tests.factories.booking import Booker, appointment, book, make_booker
from tests.factories.scheduling import make_clinic, make_slot
from tests.factories.waiting import until_somebody_waits

pytestmark = pytest.mark.anyio
NOTHING = {
    "patient.phone": 0,
    "consent": 0,
    "person": 0,
    "person.identity": 0,
    "credit_event": 0,
    "booking_block": 0,
}


@pytest.fixture
def keys(app: FastAPI) -> KeyRing:
    ring: KeyRing = app.state.key_ring
    return ring


async def forget_all(
    db: AsyncSession, sessions: Sessions, keys: KeyRing, *, at_once: int = 500
) -> dict[str, int]:
    """In transactions of its own: what the test has made is committed first."""
    await db.commit()
    return await forget_due(sessions, key_ring=keys, now=utc_now(), at_once=at_once)


async def delete_patient(db: AsyncSession, booker: Booker, *, ago: timedelta = timedelta()) -> None:
    values = {"deleted_at": utc_now() - ago, "phone_sealed": b"sealed", "phone_index": b"index"}
    await db.execute(update(Patient).where(Patient.id == booker.patient_id).values(values))
    await db.execute(
        update(Person).where(Person.id == booker.person_id).values(created_at=utc_now() - ago * 2)
    )


async def let_end(db: AsyncSession, appointment_id: UUID, *, ago: timedelta) -> None:
    values = {"starts_at": utc_now() - ago - timedelta(minutes=10), "ends_at": utc_now() - ago}
    await db.execute(update(Appointment).where(Appointment.id == appointment_id).values(values))


async def phone_of(db: AsyncSession, booker: Booker) -> bytes | None:
    return await db.scalar(select(Patient.phone_index).where(Patient.id == booker.patient_id))


async def test_the_phone_of_a_deleted_patient_goes_once_no_visit_is_to_come(
    db: AsyncSession, sessions: Sessions, keys: KeyRing
) -> None:
    booker, listed = await make_booker(db), await make_booker(db)
    row = await book(db, booker, (await make_slot(db)).id)
    await delete_patient(db, booker)
    await db.execute(
        update(Patient).where(Patient.id == listed.patient_id).values(phone_sealed=b"x", phone_index=b"x")
    )

    before = await forget_all(db, sessions, keys)
    kept = await phone_of(db, booker)
    await let_end(db, row.id, ago=timedelta(seconds=1))
    counted = await count_due(db, key_ring=keys, now=utc_now())
    still = await phone_of(db, booker)
    done = await forget_all(db, sessions, keys)

    assert (before, kept, still) == (NOTHING, b"index", b"index")
    assert counted == done == NOTHING | {"patient.phone": 1}
    assert (await phone_of(db, booker), await phone_of(db, listed)) == (None, b"x")
    entry = (await db.scalars(select(AuditEntryRow).where(AuditEntryRow.action == "retention.forget"))).one()
    assert entry.data == {"patient.phone": 1}


async def test_somebody_who_never_booked_is_forgotten_a_month_after_the_last_listing(
    db: AsyncSession, sessions: Sessions, keys: KeyRing
) -> None:
    gone, recent, listed, booked = [await make_booker(db) for _ in range(4)]
    await book(db, booked, (await make_slot(db)).id)
    await delete_patient(db, gone, ago=timedelta(days=31))
    await delete_patient(db, recent, ago=timedelta(days=29))
    await delete_patient(db, booked, ago=timedelta(days=31))

    done = await forget_all(db, sessions, keys)

    assert done["person"] == 1
    assert set(await db.scalars(select(Person.id))) == {one.person_id for one in (recent, listed, booked)}
    assert await db.get(Patient, gone.patient_id, populate_existing=True) is None


HAVE_BOOKED = {"appointment", "booking_block"}


def references(*, to: str) -> set[tuple[str, str]]:
    """Every table and column that points at patients or persons, but those of who booked."""
    return {
        (key.parent.table.name, key.parent.name)
        for table in Base.metadata.tables.values()
        if table.name not in HAVE_BOOKED
        for key in table.foreign_keys
        if key.column.table.name == to
    }


async def pointing_at(db: AsyncSession, booker: Booker) -> set[tuple[str, str]]:
    """Where the database knows a patient or their person by id."""
    found = set()
    for to, id_ in (("patient", booker.patient_id), ("person", booker.person_id)):
        for table, column in references(to=to):
            wanted = text(f"SELECT count(*) FROM {table} WHERE {column} = :id")  # own names
            if await db.scalar(wanted, {"id": id_}):
                found.add((table, column))
    return found


async def test_nothing_that_knows_a_person_by_id_keeps_them_from_being_forgotten(
    db: AsyncSession, sessions: Sessions, keys: KeyRing
) -> None:
    gone, ward, other = [await make_booker(db) for _ in range(3)]
    await db.execute(
        update(Patient).where(Patient.id == ward.patient_id).values(guardian_patient_id=gone.patient_id)
    )
    owner = Owner(account_id=gone.account_id)
    for kind in (SecurityEventKind.PATIENT_RELEASED, SecurityEventKind.PATIENT_CORRECTED):
        await tell(db, owner=owner, kind=kind, patient_id=gone.patient_id, now=utc_now())
    for first, second in ((gone, other), (other, gone)):
        db.add(PersonDuplicate(id=new_id(), person_id=first.person_id, other_id=second.person_id))
    await consent_of(db, gone, ended=THREE_YEARS + MINUTE)
    await delete_patient(db, gone, ago=timedelta(days=31))
    await delete_patient(db, ward)
    before = await pointing_at(db, gone)
    counted = await count_due(db, key_ring=keys, now=utc_now())

    done = await forget_all(db, sessions, keys)

    assert before == references(to="patient") | references(to="person")
    assert (counted["person"], done["person"]) == (1, 1)
    assert await pointing_at(db, gone) == set()


THREE_YEARS = timedelta(days=3 * 366)
MINUTE = timedelta(minutes=1)


async def consent_of(
    db: AsyncSession, booker: Booker, *, ended: timedelta | None = None, is_of_account: bool = False
) -> UUID:
    """A consent for the patient alone, as a guardian or a person at the desk gives it, or for the account."""
    row = Consent(
        id=new_id(),
        account_id=booker.account_id,
        patient_id=None if is_of_account else booker.patient_id,
        kind=ConsentKind.PRIVACY if is_of_account else ConsentKind.CHILD_SENSITIVE,
        version=1,
        text_hash=b"",
        channel=ConsentChannel.ONLINE,
        ended_at=ended and utc_now() - ended,
        ending=ended and ConsentEnd.SUPERSEDED,
    )
    db.add(row)
    await db.flush()
    return row.id


async def test_a_consent_is_kept_as_long_as_it_permits_something_and_three_years(
    db: AsyncSession, sessions: Sessions, keys: KeyRing
) -> None:
    listed, deleted, long_deleted = [await make_booker(db) for _ in range(3)]
    for booker in (listed, deleted, long_deleted):
        await book(db, booker, (await make_slot(db)).id)
    await delete_patient(db, deleted, ago=THREE_YEARS - MINUTE)
    await delete_patient(db, long_deleted, ago=THREE_YEARS + MINUTE)
    gone = [
        await consent_of(db, listed, ended=THREE_YEARS + MINUTE),
        await consent_of(db, long_deleted),
        await consent_of(db, listed, ended=THREE_YEARS + MINUTE, is_of_account=True),
    ]
    kept = [
        await consent_of(db, listed, ended=THREE_YEARS - MINUTE),
        await consent_of(db, listed),
        await consent_of(db, deleted),
    ]
    counted = await count_due(db, key_ring=keys, now=utc_now())

    done = await forget_all(db, sessions, keys)

    assert (counted["consent"], done["consent"]) == (3, 3)
    left = set(await db.scalars(select(Consent.id).where(Consent.id.in_([*gone, *kept]))))
    assert (left, left & set(gone)) == (set(kept), set())


async def test_who_never_booked_is_kept_for_as_long_as_a_consent_must_be_proven(
    db: AsyncSession, sessions: Sessions, keys: KeyRing
) -> None:
    proven, withdrawn, over = [await make_booker(db) for _ in range(3)]
    for booker, ago in ((proven, THREE_YEARS - MINUTE), (over, THREE_YEARS + MINUTE)):
        await delete_patient(db, booker, ago=ago)
        await consent_of(db, booker)
    await delete_patient(db, withdrawn, ago=timedelta(days=31))
    await consent_of(db, withdrawn, ended=THREE_YEARS - MINUTE)
    counted = await count_due(db, key_ring=keys, now=utc_now())

    done = await forget_all(db, sessions, keys)

    assert (counted["person"], done["person"]) == (1, 1)
    assert set(await db.scalars(select(Person.id))) == {proven.person_id, withdrawn.person_id}


@pytest.mark.parametrize(("years", "is_forgotten"), [(14.9, False), (15.1, True)])
async def test_an_identity_is_kept_as_long_as_its_visits_and_no_longer(
    db: AsyncSession, sessions: Sessions, keys: KeyRing, years: float, is_forgotten: bool
) -> None:
    booker = await make_booker(db)
    row = await book(db, booker, (await make_slot(db)).id)
    ago = timedelta(days=366 * years)
    await let_end(db, row.id, ago=ago)
    await delete_patient(db, booker, ago=ago)
    before = (await db.get_one(Person, booker.person_id)).document_index

    done = await forget_all(db, sessions, keys)
    again = await count_due(db, key_ring=keys, now=utc_now())

    person = await db.get_one(Person, booker.person_id, populate_existing=True)
    assert done["person.identity"] == int(is_forgotten)
    assert again == NOTHING
    assert (person.document_index != before) is is_forgotten
    assert (person.forgotten_at is not None) is is_forgotten
    assert (await appointment(db, row.id)).person_id == person.id
    if is_forgotten:
        assert keys.open(person.name_sealed, field="person.name_sealed", row=person.id) == "已到期删除"
        await db.execute(update(Person).values(value_forms=0))
        index = person.document_index
        await index_persons(db, key_ring=keys)
        assert (await db.get_one(Person, person.id, populate_existing=True)).document_index == index


async def test_a_hospital_that_keeps_visits_longer_is_heeded(db: AsyncSession, keys: KeyRing) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db, rules={"keep_record_years": 30})
    row = await book(db, booker, (await make_slot(db, clinic=clinic)).id)
    ago = timedelta(days=366 * 20)
    await let_end(db, row.id, ago=ago)
    await delete_patient(db, booker, ago=ago)

    assert (await count_due(db, key_ring=keys, now=utc_now()))["person.identity"] == 0


async def test_what_counted_against_somebody_a_year_ago_is_gone(
    db: AsyncSession, sessions: Sessions, keys: KeyRing
) -> None:
    booker = await make_booker(db)
    for days in (367, 365):
        row = await book(db, booker, (await make_slot(db, days=days // 100)).id)
        at = utc_now() - timedelta(days=days)
        db.add(
            CreditEvent(
                hospital_id=row.hospital_id,
                appointment_id=row.id,
                person_id=booker.person_id,
                kind=CreditKind.CANCELLED,
                occurred_at=at,
            )
        )
        db.add(
            BookingBlock(
                hospital_id=row.hospital_id,
                id=new_id(row.hospital_id),
                person_id=booker.person_id,
                reason="test",
                starts_at=at - timedelta(days=1),
                ends_at=at,
            )
        )
        await db.flush()
        await db.execute(update(Appointment).where(Appointment.id == row.id).values(ends_at=at, starts_at=at))

    done = await forget_all(db, sessions, keys)

    assert done == NOTHING | {"credit_event": 1, "booking_block": 1}
    assert await db.scalar(select(func.count()).select_from(CreditEvent)) == 1
    assert await db.scalar(select(func.count()).select_from(BookingBlock)) == 1


async def test_many_rows_go_in_transactions_of_a_bounded_size_each_with_its_entry(
    db: AsyncSession, sessions: Sessions, keys: KeyRing
) -> None:
    for _ in range(5):
        await delete_patient(db, await make_booker(db))
    kept = await make_booker(db)

    done = await forget_all(db, sessions, keys, at_once=2)
    again = await forget_all(db, sessions, keys, at_once=2)

    entries = select(AuditEntryRow.data).where(AuditEntryRow.action == "retention.forget")
    assert (done, again) == (NOTHING | {"patient.phone": 5}, NOTHING)
    assert (await db.scalars(entries.order_by(AuditEntryRow.id))).all() == [
        {"patient.phone": count} for count in (2, 2, 1)
    ]
    assert await db.get(Patient, kept.patient_id) is not None


async def test_what_was_forgotten_before_a_failure_stays_forgotten(
    db: AsyncSession, sessions: Sessions, keys: KeyRing
) -> None:
    bookers = [await make_booker(db) for _ in range(3)]
    for booker in bookers:
        await delete_patient(db, booker)
    last = max(booker.patient_id for booker in bookers)
    await db.commit()

    async with sessions() as other:
        await other.execute(select(Patient.id).where(Patient.id == last).with_for_update())
        work = asyncio.create_task(forget_due(sessions, key_ring=keys, now=utc_now(), at_once=2))
        await until_somebody_waits(sessions)
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work

    gone = select(func.count()).where(Patient.phone_index.is_(None))
    assert await db.scalar(gone) == 2
    assert (await db.scalars(select(AuditEntryRow.data))).all() == [{"patient.phone": 2}]
    assert await forget_all(db, sessions, keys) == NOTHING | {"patient.phone": 1}
