"""Moving a department in the tree: another parent, another place among its brothers."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Department
from guahao.catalog.service.edit import change_row, lock_hospital, lock_row, note_edit
from guahao.catalog.service.store import refuse_loop
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of

_STEP = 10
_HIGHEST = 100_000


async def move_department(
    db: AsyncSession,
    *,
    department_id: UUID,
    version: int,
    parent_id: UUID | None,
    before_id: UUID | None,
    actor: str,
) -> Department:
    """Put a department below `parent_id` (None is the top), before `before_id` or last of all.

    Brothers are renumbered when there is no number between two of them; that counts as an edit of them.
    Raises NotFound (also when `before_id` is not below that parent any more), EditConflict, DepartmentLoop.
    """
    hospital_id = hospital_of(department_id)
    await lock_hospital(db, hospital_id)
    found = await lock_row(db, Department, department_id)
    if parent_id is not None and await lock_row(db, Department, _own(parent_id, hospital_id)) is None:
        raise NotFound
    brothers = await _brothers(db, hospital_id, parent_id, but=department_id)
    at = _index(brothers, before_id)
    position = _between(brothers, at)
    if position is None:
        position = _renumber(brothers, at)
    columns = {"parent_id": parent_id, "position": position}
    edited = await change_row(db, found, version=version, columns=columns)
    await refuse_loop(db, hospital_id=hospital_id, department_id=department_id)
    await note_edit(
        db,
        hospital_id,
        actor=actor,
        action="department.move",
        subject=f"department:{department_id}",
        changed=edited.changed,
    )
    return edited.row


def _own(id_: UUID, hospital_id: int) -> UUID:
    if hospital_of(id_) != hospital_id:
        raise NotFound
    return id_


async def _brothers(
    db: AsyncSession, hospital_id: int, parent_id: UUID | None, *, but: UUID
) -> Sequence[Department]:
    below = select(Department).where(
        Department.hospital_id == hospital_id,
        Department.parent_id.is_not_distinct_from(parent_id),
        Department.id != but,
    )
    ordered = below.order_by(Department.position, Department.code)
    return (await db.scalars(ordered.with_for_update(key_share=True))).all()


def _index(brothers: Sequence[Department], before_id: UUID | None) -> int:
    if before_id is None:
        return len(brothers)
    for index, brother in enumerate(brothers):
        if brother.id == before_id:
            return index
    raise NotFound


def _between(brothers: Sequence[Department], at: int) -> int | None:
    """A number that puts a row at this place, if there is one left."""
    low = brothers[at - 1].position if at else -1
    high = brothers[at].position if at < len(brothers) else low + 2 * _STEP
    middle = (low + high) // 2
    return middle if low < middle < high and middle <= _HIGHEST else None


def _renumber(brothers: Sequence[Department], at: int) -> int:
    """Number the brothers anew with room between them; answers the number left for `at`."""
    for index, brother in enumerate(brothers):
        wanted = (index + (index >= at)) * _STEP
        if brother.position != wanted:
            brother.position = wanted
            brother.version += 1
    return at * _STEP
