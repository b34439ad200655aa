"""What a booking depends on is read after it has waited for whoever was changing it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking import policy
from guahao.booking.models import Appointment
from guahao.booking.service.hold import write_holds
from guahao.booking.service.plan import plan_holds
from guahao.identity.models.consent import Consent, ConsentKind
from guahao.identity.models.person import DocumentType
from guahao.identity.policy.document import Identity
from guahao.identity.service.consents import withdraw_consent
from guahao.identity.service.patients import delete_patient
from guahao.identity.service.persons import keep_person
from guahao.kernel.clock import utc_now
from guahao.kernel.crypto import load_key_ring
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.sex import Sex
from tests.factories.booking import Booker, book, hold_once, make_booker, request_of
from tests.factories.scheduling import counters, make_clinic, make_slot
from tests.factories.waiting import until_somebody_waits

pytestmark = pytest.mark.anyio

Change = Callable[[AsyncSession, Booker], Awaitable[None]]


async def _delete(db: AsyncSession, booker: Booker) -> None:
    await delete_patient(db, account_id=booker.account_id, patient_id=booker.patient_id, now=utc_now())


async def _withdraw(db: AsyncSession, booker: Booker) -> None:
    consent_id = await db.scalar(
        select(Consent.id).where(
            Consent.account_id == booker.account_id,
            Consent.kind == ConsentKind.SENSITIVE_PERSONAL_INFORMATION,
        )
    )
    assert consent_id is not None
    await withdraw_consent(db, account_id=booker.account_id, consent_id=consent_id, now=utc_now())


@pytest.mark.parametrize(
    ("change", "refusal"),
    [(_delete, NotFound), (_withdraw, policy.PatientConsentWithdrawn)],
)
async def test_a_hold_that_waited_for_a_change_of_its_patient_is_judged_by_what_it_became(
    sessions: Sessions, db: AsyncSession, change: Change, refusal: type[Problem]
) -> None:
    booker, slot = await make_booker(db), await make_slot(db)
    await db.commit()
    async with transaction(sessions) as other:
        await change(other, booker)
        held = asyncio.create_task(hold_once(sessions, booker, slot.id))
        await until_somebody_waits(sessions)

    with pytest.raises(refusal):
        await held

    assert await db.scalar(select(func.count()).select_from(Appointment)) == 0


async def test_a_hold_that_waited_while_somebody_else_proved_the_document_finds_nobody(
    sessions: Sessions, db: AsyncSession, tmp_path: Path
) -> None:
    keys = load_key_ring(tmp_path / "keys", production=False)
    claimed, proved = (
        Identity(
            document_type=DocumentType.PASSPORT,
            number="E12345678",
            name=name,
            birth_date=date(1990, 1, 1),
            sex=Sex.FEMALE,
        )
        for name in ("张三", "李四")
    )
    person = await keep_person(db, key_ring=keys, identity=claimed, is_verified=False, now=utc_now())
    booker, slot = await make_booker(db, person=person), await make_slot(db)
    await db.commit()
    async with transaction(sessions) as other:
        await keep_person(other, key_ring=keys, identity=proved, is_verified=True, now=utc_now())
        held = asyncio.create_task(hold_once(sessions, booker, slot.id))
        await until_somebody_waits(sessions)

    with pytest.raises(NotFound):
        await held

    assert await db.scalar(select(func.count()).select_from(Appointment)) == 0
    assert await counters(db, slot.id) == {"free": 5}


async def test_a_visit_of_today_counts_though_it_is_over_and_was_booked_long_ago(db: AsyncSession) -> None:
    clinic = await make_clinic(db, rules={"per_day_hospital": 1})
    elsewhere = await make_clinic(db, hospital_id=clinic.hospital_id)
    booker = await make_booker(db)
    row = await book(db, booker, (await make_slot(db, clinic=clinic, days=1)).id)
    later = await make_slot(db, clinic=elsewhere, days=1, starts=time(14))
    await _let_it_be_long_ago(db, row)

    (planned,) = await plan_holds(db, [request_of(booker, later.id)])

    assert isinstance(planned, policy.DailyLimit)


async def test_a_batch_names_the_rule_that_an_index_would_defend(db: AsyncSession) -> None:
    clinic = await make_clinic(db)
    booker, other = await make_booker(db), await make_booker(db)
    row = await book(db, booker, (await make_slot(db, clinic=clinic, days=1)).id)
    later = await make_slot(db, clinic=clinic, days=1, starts=time(14))
    await _let_it_be_long_ago(db, row)

    planned = await plan_holds(db, [request_of(booker, later.id), request_of(other, later.id)])
    await write_holds(db, [plan for plan in planned if not isinstance(plan, Problem)])

    assert isinstance(planned[0], policy.DepartmentDayLimit)
    assert not isinstance(planned[1], Problem)


async def _let_it_be_long_ago(db: AsyncSession, row: Appointment) -> None:
    """Let a visit be over that was booked 31 days before; its day stays."""
    now = func.now()
    values = {
        "created_at": now - timedelta(days=31),
        "starts_at": now - timedelta(minutes=40),
        "ends_at": now - timedelta(minutes=10),
    }
    await db.execute(update(Appointment).where(Appointment.id == row.id).values(values))
