"""Routes on which staff see and lift pauses of people's online booking."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from guahao.booking.api_staff.access import Booker, Viewer, own_doctor
from guahao.booking.models import BookingBlock
from guahao.booking.queries import lists
from guahao.booking.service.credit import lift_block
from guahao.identity.access import NotLoggedIn, PermissionMissing
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Db, Page, problems
from guahao.kernel.ids import parse_id
from guahao.kernel.paging import split_page

router = APIRouter()

_HospitalId = Annotated[int, Path(ge=1, le=16_777_215)]


class BlockOut(BaseModel):
    """A pause of a person's online booking."""

    id: str
    person_id: str
    reason: str
    starts_at: datetime
    ends_at: datetime
    lifted_at: datetime | None

    @classmethod
    def of(cls, row: BookingBlock) -> BlockOut:
        """Show a row."""
        return cls(
            id=str(row.id),
            person_id=str(row.person_id),
            reason=row.reason,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            lifted_at=row.lifted_at,
        )


@router.get("/hospitals/{hospital_id}/blocks", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def list_blocks(
    hospital_id: _HospitalId,
    db: Db,
    who: Viewer,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Page[BlockOut]:
    """People who may not book online at this hospital for a while, newest first."""
    who.require(hospital_id)
    before = parse_id(cursor) if cursor else None
    read = await lists.blocks_of_hospital(
        db, hospital_id=hospital_id, doctor_id=own_doctor(who), before=before, limit=limit + 1
    )
    rows, last = split_page(read, limit)
    return Page(
        items=[BlockOut.of(row) for row in rows],
        next_cursor=str(last.id) if last else None,
    )


@router.post(
    "/blocks/{block_id}/lift",
    status_code=204,
    responses=problems(NotLoggedIn, PermissionMissing, NotFound),
)
async def lift(block_id: str, db: Db, who: Booker) -> None:
    """Let a person book online again before the pause is over."""
    await lift_block(db, block_id=parse_id(block_id), hospital_id=who.hospital_id, actor=f"staff:{who.id}")
