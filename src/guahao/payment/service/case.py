"""Use cases of finance cases: open one for what was found, resolve it when somebody has dealt with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.kernel.db import Json, table
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import hospital_of, new_id
from guahao.payment.models import CaseKind, CaseState, FinanceCase

SYSTEM = "system"


class CaseResolved(Problem):
    """Somebody has resolved this case before."""

    code = "case-resolved"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCase:
    """A case to open; `evidence` holds identifiers and numbers, never personal data."""

    hospital_id: int
    kind: CaseKind
    subject: str
    evidence: Json


async def open_case(
    db: AsyncSession, *, hospital_id: int, kind: CaseKind, subject: str, evidence: Json
) -> bool:
    """Open a case, once for each hospital, kind and subject, also when that one is resolved by now.

    Answers whether it is new. `evidence` holds identifiers and numbers, never personal data.
    """
    case = NewCase(hospital_id=hospital_id, kind=kind, subject=subject, evidence=evidence)
    return bool(await open_cases(db, [case]))


async def open_cases(db: AsyncSession, cases: Sequence[NewCase]) -> int:
    """Open cases as `open_case` does, many at once; answers how many are new."""
    if not cases:
        return 0
    once = insert(table(FinanceCase)).on_conflict_do_nothing(constraint="finance_case_once_per_subject")
    rows = [
        {
            "hospital_id": case.hospital_id,
            "id": new_id(case.hospital_id),
            "kind": case.kind,
            "subject": case.subject,
            "evidence": case.evidence,
        }
        for case in cases
    ]
    columns = table(FinanceCase).c
    written = await db.execute(
        once.returning(columns.hospital_id, columns.id, columns.kind, columns.subject), rows
    )
    entries = [
        AuditEntry(
            hospital_id=row.hospital_id,
            actor=SYSTEM,
            action="case.open",
            subject=f"case:{row.id}",
            data={"kind": row.kind.value, "about": row.subject},
        )
        for row in written
    ]
    await record(db, *entries)
    return len(entries)


async def resolve_case(db: AsyncSession, *, case_id: UUID, resolution: str, by: str) -> FinanceCase:
    """Record what was done about a case; `by` is an audit actor.

    Raises `NotFound` and `CaseResolved`.
    """
    case = await db.scalar(
        update(FinanceCase)
        .where(FinanceCase.hospital_id == hospital_of(case_id), FinanceCase.id == case_id)
        .where(FinanceCase.state == CaseState.OPEN)
        .values(
            state=CaseState.RESOLVED,
            resolved_at=func.clock_timestamp(),
            resolved_by=by,
            resolution=resolution,
        )
        .returning(FinanceCase)
        .execution_options(populate_existing=True)
    )
    if case is None:
        if await db.get(FinanceCase, (hospital_of(case_id), case_id)) is None:
            raise NotFound
        raise CaseResolved
    await record(
        db,
        AuditEntry(
            hospital_id=case.hospital_id,
            actor=by,
            action="case.resolve",
            subject=f"case:{case_id}",
            data={"kind": case.kind.value, "about": case.subject},
        ),
    )
    return case
