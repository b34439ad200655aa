"""Route of who was taken out of accounts of others, for those who watch over the desk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.identity.models.person import Patient, Relation
from guahao.identity.queries.actors import actor_names
from guahao.identity.queries.names import account_phones, patient_names
from guahao.identity.queries.releases import RELEASES, releases
from guahao.kernel.errors import NotFound
from guahao.kernel.http import CountedPage, Db, Keys, Listed, problems
from guahao.kernel.paging import CursorInvalid, SortUnknown, page_of

router = APIRouter(prefix="/api/v1/staff/releases", tags=["staff members"])

Watcher = Annotated[StaffRef, Depends(staff(Permission.VIEW_RELEASES))]


class ReleaseSearch(Listed):
    """Of which hospital's desk."""

    hospital_id: Annotated[int, Field(ge=1, le=16_777_215)]


class ReleaseOut(BaseModel):
    """Somebody who was taken out of one account; the person's name and the account's phone are masked."""

    id: str
    name: str
    relation: Relation = Field(description="What the account called the person")
    phone: str | None = Field(description="Of the account, null where it has none")
    released_at: datetime
    staff_id: str
    staff_name: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What stands beside a page of releases."""

    names: dict[UUID, str]
    phones: dict[UUID, str]
    staff: dict[str, str]

    def out(self, patient: Patient) -> ReleaseOut:
        assert patient.account_id is not None
        assert patient.deleted_at is not None
        return ReleaseOut(
            id=str(patient.id),
            name=self.names[patient.id],
            relation=patient.relation,
            phone=self.phones.get(patient.account_id),
            released_at=patient.deleted_at,
            staff_id=str(patient.release_staff_id),
            staff_name=self.staff.get(f"staff:{patient.release_staff_id}"),
            reason=patient.release_reason or "",
        )


@router.get("", responses=problems(NotLoggedIn, PermissionMissing, NotFound, SortUnknown, CursorInvalid))
async def list_releases(
    search: Annotated[ReleaseSearch, Query()], who: Watcher, db: Db, keys: Keys
) -> CountedPage[ReleaseOut]:
    """Whom the desk of a hospital took out of which accounts, who did it and why; newest first.

    Sorted by `released_at`. People who took themselves back are not among them: no member of staff did that.
    """
    who.require(search.hospital_id)
    wanted = releases(hospital_id=search.hospital_id)
    page = await page_of(db, wanted, listing=RELEASES, asked=search.asked)
    shown = _Shown(
        names=await patient_names(db, [row.id for row in page.rows], key_ring=keys),
        phones=await account_phones(
            db, {row.account_id for row in page.rows if row.account_id}, key_ring=keys
        ),
        staff=await actor_names(db, [f"staff:{row.release_staff_id}" for row in page.rows]),
    )
    return CountedPage.of(page, shown.out)
