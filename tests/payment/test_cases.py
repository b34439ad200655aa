from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import new_id
from guahao.payment.models import CaseKind, CaseState, FinanceCase
from guahao.payment.service.case import CaseResolved, NewCase, open_case, open_cases, resolve_case

pytestmark = pytest.mark.anyio


async def opened(db: AsyncSession, *, hospital_id: int = 1, subject: str = "payment:1") -> bool:
    return await open_case(
        db,
        hospital_id=hospital_id,
        kind=CaseKind.BILL_LONG,
        subject=subject,
        evidence={"bill_fen": 5000},
    )


async def trail(db: AsyncSession) -> list[tuple[int, str, str]]:
    rows = await db.scalars(select(AuditEntryRow).order_by(AuditEntryRow.at))
    return [(row.hospital_id, row.actor, row.action) for row in rows]


async def test_a_case_is_opened_with_its_evidence_and_stands_in_the_trail(db: AsyncSession) -> None:
    assert await opened(db)

    (case,) = await db.scalars(select(FinanceCase))
    assert (case.hospital_id, case.kind, case.subject) == (1, CaseKind.BILL_LONG, "payment:1")
    assert (case.state, case.evidence) == (CaseState.OPEN, {"bill_fen": 5000})
    assert await trail(db) == [(1, "system", "case.open")]


async def test_a_subject_is_a_case_once_for_each_hospital_and_kind(db: AsyncSession) -> None:
    assert await opened(db)
    assert not await opened(db)
    assert await opened(db, hospital_id=2)
    assert await opened(db, subject="payment:2")

    assert len(await trail(db)) == 3


async def test_the_same_case_opened_at_once_is_one(sessions: Sessions, db: AsyncSession) -> None:
    async def one() -> bool:
        async with transaction(sessions) as own:
            return await opened(own)

    assert sorted(await asyncio.gather(*(one() for _ in range(5)))) == [False] * 4 + [True]
    assert len(await trail(db)) == 1


async def test_many_cases_are_opened_at_once_and_known_ones_are_left_as_they_are(db: AsyncSession) -> None:
    await opened(db, subject="payment:7")
    cases = [
        NewCase(hospital_id=1, kind=CaseKind.BILL_LONG, subject=f"payment:{number}", evidence={})
        for number in range(2000)
    ]

    assert await open_cases(db, cases) == 1999
    assert await open_cases(db, []) == 0

    known = await db.scalar(select(FinanceCase).where(FinanceCase.subject == "payment:7"))
    assert known is not None
    assert known.evidence == {"bill_fen": 5000}
    assert len(await trail(db)) == 2000


async def test_resolving_says_who_did_what_and_when(db: AsyncSession) -> None:
    await opened(db)
    case_id = (await db.scalars(select(FinanceCase.id))).one()

    case = await resolve_case(db, case_id=case_id, resolution="Refunded by hand", by="staff:1")

    assert (case.state, case.resolution, case.resolved_by) == (
        CaseState.RESOLVED,
        "Refunded by hand",
        "staff:1",
    )
    assert case.resolved_at is not None
    assert (await trail(db))[-1] == (1, "staff:1", "case.resolve")


async def test_a_resolved_case_is_not_resolved_again_and_not_opened_again(db: AsyncSession) -> None:
    await opened(db)
    case_id = (await db.scalars(select(FinanceCase.id))).one()
    await resolve_case(db, case_id=case_id, resolution="Refunded by hand", by="staff:1")

    with pytest.raises(CaseResolved):
        await resolve_case(db, case_id=case_id, resolution="Another word", by="staff:2")
    assert not await opened(db)

    case = await db.get_one(FinanceCase, (1, case_id), populate_existing=True)
    assert (case.state, case.resolution) == (CaseState.RESOLVED, "Refunded by hand")
    assert len(await trail(db)) == 2


async def test_of_two_who_resolve_at_once_one_is_told(sessions: Sessions, db: AsyncSession) -> None:
    await opened(db)
    await db.commit()
    case_id = (await db.scalars(select(FinanceCase.id))).one()

    async def one(by: str) -> str:
        async with transaction(sessions) as own:
            try:
                await resolve_case(own, case_id=case_id, resolution="Refunded by hand", by=by)
            except CaseResolved:
                return "late"
            return "done"

    assert sorted(await asyncio.gather(one("staff:1"), one("staff:2"))) == ["done", "late"]


async def test_a_case_that_does_not_exist_cannot_be_resolved(db: AsyncSession) -> None:
    with pytest.raises(NotFound):
        await resolve_case(db, case_id=new_id(1), resolution="Nothing", by="staff:1")
