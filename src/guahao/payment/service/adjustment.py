"""Manual entries in the books: proposed by one person of finance, booked when another approves."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import NotFound, Problem, SamePerson
from guahao.kernel.ids import hospital_of, new_id
from guahao.payment.models import Adjustment, AdjustmentState, LedgerAccount, Part, Posting
from guahao.payment.queries.staff import order_by_id
from guahao.payment.service import ledger


class AdjustmentDecided(Problem):
    """Somebody has approved or rejected this manual entry before (`state` tells which)."""

    code = "adjustment-decided"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAdjustment:
    """A manual entry: `debit` receives, `credit` gives; `order_id` if it is about an order."""

    hospital_id: int
    debit: LedgerAccount
    credit: LedgerAccount
    part: Part
    amount_fen: int
    order_id: UUID | None
    note: str


async def propose(db: AsyncSession, *, wanted: NewAdjustment, by: str) -> Adjustment:
    """Write a manual entry down; nothing is booked yet. Raises `NotFound` for a foreign or unknown order."""
    if wanted.order_id is not None:
        if hospital_of(wanted.order_id) != wanted.hospital_id:
            raise NotFound
        await order_by_id(db, order_id=wanted.order_id)
    row = Adjustment(
        hospital_id=wanted.hospital_id,
        id=new_id(wanted.hospital_id),
        debit=wanted.debit,
        credit=wanted.credit,
        part=wanted.part,
        amount_fen=wanted.amount_fen,
        order_id=wanted.order_id,
        note=wanted.note,
        state=AdjustmentState.PROPOSED,
        proposed_by=by,
    )
    db.add(row)
    await db.flush()
    await _note(db, row, "adjustment.propose", by=by)
    return row


async def order_of(sessions: Sessions, *, adjustment_id: UUID) -> UUID | None:
    """The order that a manual entry is about, if it is about one."""
    async with transaction(sessions) as db:
        row = await db.get(Adjustment, (hospital_of(adjustment_id), adjustment_id))
    return None if row is None else row.order_id


async def approve(db: AsyncSession, *, adjustment_id: UUID, by: str) -> Adjustment:
    """Book a manual entry, once. Raises `NotFound`, `SamePerson`, `AdjustmentDecided`."""
    row = await _decide(db, adjustment_id, AdjustmentState.APPROVED, by=by)
    await ledger.post(
        db,
        hospital_id=row.hospital_id,
        kind=Posting.ADJUSTMENT,
        cause=f"{Posting.ADJUSTMENT.value}:{row.id}",
        debit=row.debit,
        credit=row.credit,
        amounts={row.part: row.amount_fen},
        order_id=row.order_id,
    )
    await _note(db, row, "adjustment.approve", by=by)
    return row


async def reject(db: AsyncSession, *, adjustment_id: UUID, by: str) -> Adjustment:
    """Refuse a manual entry. Raises `NotFound`, `SamePerson`, `AdjustmentDecided`."""
    row = await _decide(db, adjustment_id, AdjustmentState.REJECTED, by=by)
    await _note(db, row, "adjustment.reject", by=by)
    return row


async def _decide(db: AsyncSession, adjustment_id: UUID, state: AdjustmentState, *, by: str) -> Adjustment:
    row = await db.scalar(
        select(Adjustment)
        .where(Adjustment.hospital_id == hospital_of(adjustment_id), Adjustment.id == adjustment_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound
    if row.state is not AdjustmentState.PROPOSED:
        raise AdjustmentDecided(state=row.state.value)
    if row.proposed_by == by:
        raise SamePerson
    row.state = state
    row.decided_by = by
    row.decided_at = await db.scalar(select(func.clock_timestamp()))
    await db.flush()
    return row


async def _note(db: AsyncSession, row: Adjustment, action: str, *, by: str) -> None:
    await record(
        db,
        AuditEntry(
            hospital_id=row.hospital_id,
            actor=by,
            action=action,
            subject=f"adjustment:{row.id}",
            data={
                "debit": row.debit.value,
                "credit": row.credit.value,
                "part": row.part.value,
                "amount_fen": row.amount_fen,
                "order_id": None if row.order_id is None else str(row.order_id),
            },
        ),
    )
