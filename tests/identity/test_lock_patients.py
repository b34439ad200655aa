from __future__ import annotations

import asyncio
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.account import Account
from guahao.identity.models.consent import Consent, ConsentEnd
from guahao.identity.models.person import Patient
from guahao.identity.queries import PatientFacts, lock_patients
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.ids import new_id
from guahao.kernel.sex import Sex
from tests.factories.days import years_before
from tests.factories.person import make_patient, make_person
from tests.factories.waiting import until_somebody_waits

pytestmark = pytest.mark.anyio


async def make_account(db: AsyncSession) -> UUID:
    account = Account(id=new_id(), openid=str(new_id()))
    db.add(account)
    await db.flush()
    return account.id


async def test_the_facts_of_a_patient_are_told(db: AsyncSession) -> None:
    account = await make_account(db)
    patient = await make_patient(db, account, birth_date=date(2001, 2, 3), sex=Sex.MALE)

    told = await lock_patients(db, [(account, patient.id)])

    assert told == {
        (account, patient.id): PatientFacts(
            patient_id=patient.id,
            person_id=patient.person_id,
            birth_date=date(2001, 2, 3),
            sex=Sex.MALE,
            verified=True,
            consented=True,
        )
    }


async def test_patients_of_other_accounts_deleted_and_unknown_ones_are_absent(db: AsyncSession) -> None:
    mine, other = await make_account(db), await make_account(db)
    kept = await make_patient(db, mine)
    foreign = await make_patient(db, other)
    deleted = await make_patient(db, mine)
    await db.execute(update(Patient).where(Patient.id == deleted.id).values(deleted_at=utc_now()))

    told = await lock_patients(db, [(mine, p) for p in (kept.id, foreign.id, deleted.id, new_id())])

    assert set(told) == {(mine, kept.id)}


async def test_a_patient_enrolled_at_a_desk_goes_without_account(db: AsyncSession) -> None:
    account = await make_account(db)
    desk = await make_patient(db, None)

    assert set(await lock_patients(db, [(None, desk.id)])) == {(None, desk.id)}
    assert await lock_patients(db, [(account, desk.id)]) == {}


async def test_a_withdrawn_consent_is_told(db: AsyncSession) -> None:
    account = await make_account(db)
    patient = await make_patient(db, account)
    await db.execute(update(Consent).values(ended_at=utc_now(), ending=ConsentEnd.WITHDRAWN))

    assert not (await lock_patients(db, [(account, patient.id)]))[account, patient.id].consented


async def test_one_person_in_two_accounts_is_locked_once_for_both(sessions: Sessions) -> None:
    async with transaction(sessions) as db:
        first, second = await make_account(db), await make_account(db)
        person = await make_person(db)
        here = await make_patient(db, first, person=person)
        there = await make_patient(db, second, person=person)

    async def lock_there() -> None:
        async with transaction(sessions) as waiter:
            await lock_patients(waiter, [(second, there.id)])

    async with transaction(sessions) as holder:
        await lock_patients(holder, [(first, here.id)])
        waiting = asyncio.create_task(lock_there())
        await until_somebody_waits(sessions)
        assert not waiting.done()
    await waiting


async def test_callers_that_name_persons_in_opposite_order_do_not_block_each_other(
    sessions: Sessions,
) -> None:
    async with transaction(sessions) as db:
        account = await make_account(db)
        pairs = [(account, (await make_patient(db, account)).id) for _ in range(40)]

    async def lock(mine: list[tuple[UUID | None, UUID]]) -> int:
        async with transaction(sessions) as db:
            return len(await lock_patients(db, mine))

    forwards: list[tuple[UUID | None, UUID]] = [*pairs]
    found = await asyncio.gather(*(lock(forwards if turn % 2 else forwards[::-1]) for turn in range(30)))

    assert found == [40] * 30


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "UTC", "Pacific/Kiritimati"])
async def test_the_fourteenth_birthday_is_a_day_in_china_whatever_the_database_thinks(
    db: AsyncSession, zone: str
) -> None:
    account = await make_account(db)
    today = local_date(utc_now())
    grown = await make_patient(db, account, birth_date=years_before(today, 14))
    child = await make_patient(db, account, birth_date=years_before(today, 14) + timedelta(days=1))
    await db.execute(text(f"SET LOCAL TIME ZONE '{zone}'"))

    told = await lock_patients(db, [(account, grown.id), (account, child.id)])

    assert [told[account, one.id].consented for one in (grown, child)] == [True, False]
