"""Routes of the desk: enrolling a person who has no phone, and releasing one from accounts of others."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.identity.api_patient.patients import DOCUMENT_PROBLEMS, PersonIn
from guahao.identity.models.person import Relation
from guahao.identity.queries.names import account_phones
from guahao.identity.service.claims import listings_of, release_person
from guahao.identity.service.enrol import enrol_person
from guahao.identity.service.person_quota import PersonQuotaSpent, note_miss, return_look_ups
from guahao.identity.service.persons import IdentityNotVerified
from guahao.kernel.clock import local_date
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import transaction
from guahao.kernel.errors import NotFound
from guahao.kernel.http import (
    AllSessions,
    AppSettings,
    Body,
    Db,
    IdempotencyContext,
    Keys,
    Now,
    Once,
    Page,
    problems,
)
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.kernel.ids import DIRECTORY, parse_id
from guahao.kernel.masking import mask_document, mask_name
from guahao.kernel.sex import Sex
from guahao.kernel.value.fields import Id, Mobile, reason_text

router = APIRouter(prefix="/api/v1/staff/patients", tags=["desk"])

Desk = Annotated[StaffRef, Depends(staff(Permission.BOOK_FOR_PATIENT))]


class EnrolIn(PersonIn):
    """A person at the counter, document in hand; `consents` are what they signed there."""

    phone: Mobile | None = None


class EnrolledOut(BaseModel):
    """The patient to book for; name and number are masked."""

    id: str
    name: str
    document_number: str
    birth_date: date
    sex: Sex


@router.post(
    "",
    status_code=201,
    response_model=EnrolledOut,
    responses=problems(
        NotLoggedIn,
        PermissionMissing,
        *DOCUMENT_PROBLEMS,
        PersonQuotaSpent,
        RequestInProgress,
        IdempotencyKeyReused,
    ),
)
async def enrol(
    body: EnrolIn,
    who: Desk,
    keys: Keys,
    once: Once,
    sessions: AllSessions,
    settings: AppSettings,
    now: Now,
) -> Response:
    """Enrol a person, or find who is enrolled already; the same document always answers the same patient.

    A document that is known under another name is refused, counted like a look-up in vain, and recorded.
    """
    try:
        async with transaction(sessions) as db:
            return await _enrolled(db, body, who=who, keys=keys, once=once, now=now)
    except IdentityNotVerified:
        async with transaction(sessions) as db:
            await note_miss(db, hospital_id=_home(who), staff_id=who.id, settings=settings, now=now)
        raise


def _home(who: StaffRef) -> int:
    return DIRECTORY if who.hospital_id is None else who.hospital_id


async def _enrolled(
    db: AsyncSession, body: EnrolIn, *, who: StaffRef, keys: KeyRing, once: IdempotencyContext, now: datetime
) -> Response:
    claim = await once.claim(db, owner=f"staff:{who.id}")
    identity = body.identity(local_date(now))
    facts = await enrol_person(
        db,
        staff_id=who.id,
        hospital_id=_home(who),
        identity=identity,
        phone=body.phone,
        accepted=body.accepted(),
        key_ring=keys,
        now=now,
    )
    await return_look_ups(
        db,
        hospital_id=_home(who),
        staff_id=who.id,
        numbers=[identity.number, *([] if body.phone is None else [body.phone])],
        key_ring=keys,
        now=now,
    )
    out = EnrolledOut(
        id=str(facts.patient_id),
        name=mask_name(identity.name),
        document_number=mask_document(identity.number),
        birth_date=facts.birth_date,
        sex=facts.sex,
    )
    return await claim.answer(out, status=201)


class ListingOut(BaseModel):
    """An account that lists the person; its phone is masked."""

    id: str
    relation: Relation
    phone: str | None = Field(description="Of the account", examples=["138****8000"])
    created_at: datetime


class ReleaseIn(Body):
    """Which accounts shall no longer list the person, and why."""

    listing_ids: Annotated[list[Id], Field(min_length=1, max_length=20)]
    reason: Annotated[str, reason_text(least=4)]


class ReleasedOut(BaseModel):
    """Out of how many accounts the person was taken."""

    released: int


@router.get("/{patient_id}/listings", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def list_listings(patient_id: str, who: Desk, db: Db, keys: Keys) -> Page[ListingOut]:
    """The accounts that list somebody enrolled at this desk: strangers among them can be released."""
    rows = await listings_of(db, patient_id=parse_id(patient_id), hospital_id=_home(who))
    phones = await account_phones(db, {row.account_id for row in rows if row.account_id}, key_ring=keys)
    return Page(
        items=[
            ListingOut(
                id=str(row.id),
                relation=row.relation,
                phone=phones.get(row.account_id) if row.account_id else None,
                created_at=row.created_at,
            )
            for row in rows
        ]
    )


@router.post("/{patient_id}/releases", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def release(patient_id: str, body: ReleaseIn, who: Desk, db: Db, now: Now) -> ReleasedOut:
    """Take somebody who shows their document here out of accounts of others, for a reason that is kept.

    The holders of those accounts see it; appointments that were made stay.
    """
    count = await release_person(
        db,
        patient_id=parse_id(patient_id),
        hospital_id=_home(who),
        listing_ids={parse_id(id_) for id_ in body.listing_ids},
        reason=body.reason,
        staff_id=who.id,
        now=now,
    )
    return ReleasedOut(released=count)
