"""Routes of the desk: enrolling a person who has no phone."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.identity.api_patient.patients import DOCUMENT_PROBLEMS, PersonIn
from guahao.identity.service.enrol import enrol_person
from guahao.kernel.clock import local_date
from guahao.kernel.http import Db, Keys, Now, Once, problems
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.kernel.ids import DIRECTORY
from guahao.kernel.masking import mask_document, mask_name
from guahao.kernel.sex import Sex
from guahao.kernel.value.fields import Mobile

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
        NotLoggedIn, PermissionMissing, *DOCUMENT_PROBLEMS, RequestInProgress, IdempotencyKeyReused
    ),
)
async def enrol(body: EnrolIn, who: Desk, db: Db, keys: Keys, once: Once, now: Now) -> Response:
    """Enrol a person, or find who is enrolled already; the same document always answers the same patient."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    identity = body.identity(local_date(now))
    facts = await enrol_person(
        db,
        staff_id=who.id,
        hospital_id=who.hospital_id or DIRECTORY,
        identity=identity,
        phone=body.phone,
        accepted=body.accepted(),
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
