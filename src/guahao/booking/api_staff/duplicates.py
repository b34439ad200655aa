"""Routes by which the desk works off reports of persons who have one document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from guahao.booking.api_staff.access import Booker
from guahao.booking.queries.duplicates import Duplicate, KnownPerson, duplicates_page, require_duplicate
from guahao.identity.access import NotLoggedIn, PermissionMissing
from guahao.identity.queries.actors import actor_names
from guahao.identity.queries.people import DocumentType
from guahao.identity.service.duplicates import check_duplicate
from guahao.kernel.errors import NotFound
from guahao.kernel.http import Body, CountedPage, Db, Keys, Listed, Now, problems
from guahao.kernel.ids import parse_id
from guahao.kernel.paging import CursorInvalid, SortUnknown
from guahao.kernel.sex import Sex
from guahao.kernel.value.fields import reason_text

router = APIRouter(prefix="/duplicates")

HospitalId = Annotated[int, Field(ge=1, le=16_777_215)]


class DuplicateSearch(Listed):
    """Which reports of which hospital."""

    hospital_id: HospitalId
    is_checked: bool | None = None


class KnownPersonOut(BaseModel):
    """One of the two as this hospital knows them; name, phone and number are masked."""

    person_id: str
    patient_id: str | None = Field(description="Of this hospital's desk, null where they were never enrolled")
    appointment_id: str | None = Field(description="Their latest booking here")
    name: str
    phone: str | None
    document_type: DocumentType
    document_number: str
    birth_date: date
    sex: Sex

    @classmethod
    def of(cls, known: KnownPerson) -> KnownPersonOut:
        """Show one person."""
        person = known.person
        return cls(
            person_id=str(person.person_id),
            patient_id=None if person.patient_id is None else str(person.patient_id),
            appointment_id=None if known.appointment_id is None else str(known.appointment_id),
            name=person.name,
            phone=person.phone,
            document_type=person.document_type,
            document_number=person.document_number,
            birth_date=person.birth_date,
            sex=person.sex,
        )


class DuplicateOut(BaseModel):
    """Two persons who have one document; whom this hospital does not know is not shown."""

    id: str
    found_at: datetime
    people: list[KnownPersonOut]
    checked_at: datetime | None = Field(description="When this hospital's desk looked, null before")
    checked_by_name: str | None
    note: str | None

    @classmethod
    def of(cls, duplicate: Duplicate, names: Mapping[str, str]) -> DuplicateOut:
        """Show one report."""
        return cls(
            id=str(duplicate.id),
            found_at=duplicate.found_at,
            people=[KnownPersonOut.of(known) for known in duplicate.people],
            checked_at=duplicate.checked_at,
            checked_by_name=names.get(f"staff:{duplicate.staff_id}"),
            note=duplicate.note,
        )


class CheckIn(Body):
    """What came of it, for whoever looks later."""

    hospital_id: HospitalId
    note: Annotated[str, reason_text(least=4)]


@router.get("", responses=problems(NotLoggedIn, PermissionMissing, NotFound, SortUnknown, CursorInvalid))
async def list_duplicates(
    search: Annotated[DuplicateSearch, Query()], who: Booker, db: Db, keys: Keys
) -> CountedPage[DuplicateOut]:
    """Reports that somebody whom this hospital knows has the document of another person; newest first.

    Sorted by `found_at`. People are known who were enrolled at the desk or ever booked.
    """
    who.require(search.hospital_id)
    page = await duplicates_page(
        db,
        hospital_id=search.hospital_id,
        is_checked=search.is_checked,
        asked=search.asked,
        key_ring=keys,
    )
    names = await actor_names(db, {f"staff:{row.staff_id}" for row in page.rows if row.staff_id})
    return CountedPage.of(page, lambda row: DuplicateOut.of(row, names))


@router.post(
    "/{duplicate_id}/check", status_code=204, responses=problems(NotLoggedIn, PermissionMissing, NotFound)
)
async def check(duplicate_id: str, body: CheckIn, who: Booker, db: Db, now: Now) -> None:
    """Say that this hospital's desk has looked at a report, and what came of it; the first word counts."""
    who.require(body.hospital_id)
    id_ = parse_id(duplicate_id)
    await require_duplicate(db, duplicate_id=id_, hospital_id=body.hospital_id)
    await check_duplicate(
        db, duplicate_id=id_, hospital_id=body.hospital_id, staff_id=who.id, note=body.note, now=now
    )
