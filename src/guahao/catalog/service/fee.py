"""Setting prices: small changes at once, large ones when a second person approves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.catalog.models import DoctorLevel, FeeChange, FeeChangeState, FeeItem, FeeKind, Hospital
from guahao.catalog.policy.price import needs_second_person
from guahao.catalog.service.conflict import EditConflict
from guahao.catalog.service.edit import place_fee, replace_fee
from guahao.catalog.service.rows import FeeRow
from guahao.catalog.service.store import fee_columns
from guahao.kernel.errors import NotFound, Problem, SamePerson
from guahao.kernel.ids import hospital_of, new_id

_REMEMBERED = timedelta(days=30)
"""Small changes by one person within this time count together."""


class FeeChangeDecided(Problem):
    """Somebody has approved or rejected this price before (`state` tells which)."""

    code = "fee-change-decided"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What a price is for, from which day."""

    hospital_id: int
    kind: FeeKind
    level: DoctorLevel
    doctor_id: UUID | None
    effective_from: date


async def create_fee(db: AsyncSession, *, hospital_id: int, row: FeeRow, actor: str) -> FeeItem | FeeChange:
    """Set a price from a day on; answers what waits for a second person if it is far from the last one.

    A first price needs nobody else. Raises CodeTaken, CatalogCodeUnknown.
    """
    await _lock(db, hospital_id)
    change = await _change_of(db, hospital_id, row, actor=actor)
    before = [await _price_at(db, _place_of(change), but=None)]
    return await _apply_or_propose(db, change, before)


async def update_fee(
    db: AsyncSession, *, fee_id: UUID, version: int, row: FeeRow, actor: str
) -> FeeItem | FeeChange:
    """Correct a price; sessions that exist keep theirs. Answers what waits if it moves far.

    Raises NotFound, EditConflict, CodeTaken, CatalogCodeUnknown.
    """
    hospital_id = hospital_of(fee_id)
    await _lock(db, hospital_id)
    fee = await db.get(FeeItem, (hospital_id, fee_id), populate_existing=True)
    if fee is None:
        raise NotFound
    if fee.version != version:
        raise EditConflict(your_version=version, current_version=fee.version)
    change = await _change_of(db, hospital_id, row, actor=actor)
    change.fee_id, change.version = fee_id, version
    before: list[int | None] = [fee.fee_fen]
    if _place_of(fee) != _place_of(change):
        before.append(await _price_at(db, _place_of(change), but=fee_id))
        before.append(await _price_at(db, _place_of(fee), but=fee_id))
    return await _apply_or_propose(db, change, before)


async def wish_fee(db: AsyncSession, *, hospital_id: int, row: FeeRow, actor: str) -> bool:
    """Make the price of (kind, level, doctor) from its day on this one; may run twice.

    Answers whether it waits for a second person now. Raises CatalogCodeUnknown.
    """
    await _lock(db, hospital_id)
    columns = await fee_columns(db, hospital_id=hospital_id, row=row)
    rest = {name: value for name, value in columns.items() if name != "fee_fen"}
    fee = await db.scalar(select(FeeItem).filter_by(hospital_id=hospital_id, **rest))
    if fee is not None and fee.fee_fen == row.fee_fen:
        return False
    waiting = select(FeeChange.id).filter_by(
        hospital_id=hospital_id, state=FeeChangeState.PROPOSED, **columns
    )
    if await db.scalar(waiting.limit(1)) is not None:
        return True
    if fee is None:
        outcome = await create_fee(db, hospital_id=hospital_id, row=row, actor=actor)
    else:
        outcome = await update_fee(db, fee_id=fee.id, version=fee.version, row=row, actor=actor)
    return isinstance(outcome, FeeChange)


async def approve_fee_change(db: AsyncSession, *, change_id: UUID, actor: str) -> FeeChange:
    """Let a price take effect that somebody else wants.

    Raises NotFound, SamePerson, FeeChangeDecided, EditConflict, CodeTaken.
    """
    change = await _decide(db, change_id, FeeChangeState.APPROVED, actor=actor)
    await _carry_out(db, change, actor=actor)
    return change


async def reject_fee_change(db: AsyncSession, *, change_id: UUID, actor: str) -> FeeChange:
    """Refuse a price that somebody else wants. Raises NotFound, SamePerson, FeeChangeDecided."""
    return await _decide(db, change_id, FeeChangeState.REJECTED, actor=actor)


async def _lock(db: AsyncSession, hospital_id: int) -> None:
    """Two small changes at once could be a large one that neither of them sees."""
    await db.execute(select(Hospital.id).where(Hospital.id == hospital_id).with_for_update(key_share=True))


async def _change_of(db: AsyncSession, hospital_id: int, row: FeeRow, *, actor: str) -> FeeChange:
    columns = await fee_columns(db, hospital_id=hospital_id, row=row)
    return FeeChange(hospital_id=hospital_id, id=new_id(hospital_id), proposed_by=actor, **columns)


def _place_of(row: FeeItem | FeeChange) -> _Place:
    return _Place(
        hospital_id=row.hospital_id,
        kind=row.kind,
        level=row.level,
        doctor_id=row.doctor_id,
        effective_from=row.effective_from,
    )


async def _price_at(db: AsyncSession, place: _Place, *, but: UUID | None) -> int | None:
    """What would hold there without the price `but`; a doctor without one has the level's."""
    for doctor_id in dict.fromkeys((place.doctor_id, None)):
        found = select(FeeItem.fee_fen).where(
            FeeItem.hospital_id == place.hospital_id,
            FeeItem.kind == place.kind,
            FeeItem.level == place.level,
            FeeItem.doctor_id.is_not_distinct_from(doctor_id),
            FeeItem.effective_from <= place.effective_from,
        )
        if but is not None:
            found = found.where(FeeItem.id != but)
        fee_fen: int | None = await db.scalar(found.order_by(FeeItem.effective_from.desc()).limit(1))
        if fee_fen is not None:
            return fee_fen
    return None


async def _apply_or_propose(
    db: AsyncSession, change: FeeChange, before: list[int | None]
) -> FeeItem | FeeChange:
    known = [fee_fen for fee_fen in [*before, await _first_alone(db, change)] if fee_fen is not None]
    change.before_fen = known[0] if known else None
    waits = any(needs_second_person(before_fen=fee_fen, after_fen=change.fee_fen) for fee_fen in known)
    change.state = FeeChangeState.PROPOSED if waits else FeeChangeState.APPLIED
    db.add(change)
    await db.flush()
    if not waits:
        return await _carry_out(db, change, actor=change.proposed_by)
    await _note(db, change, "fee_change.propose", actor=change.proposed_by)
    return change


async def _first_alone(db: AsyncSession, change: FeeChange) -> int | None:
    """What the price was before this person began to change it alone in small steps.

    Where a doctor has no price yet, the steps are those of the level's.
    """
    of_place = (
        FeeItem.hospital_id == change.hospital_id,
        FeeItem.kind == change.kind,
        FeeItem.level == change.level,
        FeeItem.doctor_id == change.doctor_id,
    )
    has_own = await db.scalar(select(exists().where(*of_place)))
    found: int | None = await db.scalar(
        select(FeeChange.before_fen)
        .where(
            FeeChange.hospital_id == change.hospital_id,
            FeeChange.kind == change.kind,
            FeeChange.level == change.level,
            FeeChange.doctor_id.is_not_distinct_from(change.doctor_id if has_own else None),
            FeeChange.proposed_by == change.proposed_by,
            FeeChange.state == FeeChangeState.APPLIED,
            FeeChange.before_fen.is_not(None),
            FeeChange.proposed_at > func.now() - _REMEMBERED,
        )
        .order_by(FeeChange.id)
        .limit(1)
    )
    return found


async def _carry_out(db: AsyncSession, change: FeeChange, *, actor: str) -> FeeItem:
    columns = {
        "kind": change.kind,
        "level": change.level,
        "doctor_id": change.doctor_id,
        "fee_fen": change.fee_fen,
        "effective_from": change.effective_from,
    }
    if change.fee_id is None or change.version is None:
        return await place_fee(db, hospital_id=change.hospital_id, columns=columns, actor=actor)
    return await replace_fee(db, fee_id=change.fee_id, version=change.version, columns=columns, actor=actor)


async def _decide(db: AsyncSession, change_id: UUID, state: FeeChangeState, *, actor: str) -> FeeChange:
    await _lock(db, hospital_of(change_id))
    change = await db.get(FeeChange, (hospital_of(change_id), change_id), populate_existing=True)
    if change is None:
        raise NotFound
    if change.state is not FeeChangeState.PROPOSED:
        raise FeeChangeDecided(state=change.state.value)
    if change.proposed_by == actor:
        raise SamePerson
    now: datetime = (await db.scalars(select(func.clock_timestamp()))).one()
    change.state, change.decided_by, change.decided_at = state, actor, now
    await db.flush()
    await _note(db, change, f"fee_change.{state.value}", actor=actor)
    return change


async def _note(db: AsyncSession, change: FeeChange, action: str, *, actor: str) -> None:
    await record(
        db,
        AuditEntry(
            hospital_id=change.hospital_id,
            actor=actor,
            action=action,
            subject=f"fee_change:{change.id}",
            data={
                "fee_id": None if change.fee_id is None else str(change.fee_id),
                "before_fen": change.before_fen,
                "fee_fen": change.fee_fen,
                "effective_from": change.effective_from.isoformat(),
            },
        ),
    )
