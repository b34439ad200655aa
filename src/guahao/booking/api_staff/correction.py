"""Route of the desk that corrects a misspelt name or a document that was replaced."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from guahao.booking.api_staff.access import Booker
from guahao.booking.queries.bookings import person_of_house
from guahao.identity.access import NotLoggedIn, PermissionMissing
from guahao.identity.queries.people import DocumentType
from guahao.identity.service.correction import (
    DETAIL_PROBLEMS,
    Corrected,
    CorrectedField,
    Correction,
    CorrectionIsAnotherPerson,
    DeskProof,
    DocumentOfAnotherPerson,
    Evidence,
    correct_person,
)
from guahao.identity.service.person_quota import PersonQuotaSpent, look_up_quota, note_miss
from guahao.kernel.db import transaction
from guahao.kernel.errors import NotFound
from guahao.kernel.http import AllSessions, AppSettings, Body, Keys, Now, problems
from guahao.kernel.ids import DIRECTORY, parse_id
from guahao.kernel.masking import mask_document, mask_name
from guahao.kernel.sex import Sex
from guahao.kernel.value.fields import DocumentNumber, PersonName, reason_text

router = APIRouter(prefix="/patients/{patient_id}")


class CorrectionIn(Body):
    """What shall be another value, what was seen and why it was wrong; what is left out stays as it is.

    Birth date and sex follow from a number that carries them, and must agree when given.
    """

    name: PersonName | None = None
    document_type: DocumentType | None = None
    document_number: DocumentNumber | None = None
    birth_date: date | None = None
    sex: Sex | None = None
    evidence: Evidence
    reason: Annotated[str, reason_text(least=4)]

    def correction(self) -> Correction:
        """As the service takes it."""
        return Correction(
            name=self.name,
            document_type=self.document_type,
            document_number=self.document_number,
            birth_date=self.birth_date,
            sex=self.sex,
        )


class CorrectedOut(BaseModel):
    """The person as known from now on, masked; `corrected` is empty when all was right before."""

    corrected: list[CorrectedField]
    name: str
    document_type: DocumentType
    document_number: str
    birth_date: date
    sex: Sex

    @classmethod
    def of(cls, corrected: Corrected) -> CorrectedOut:
        """Show a corrected person, masked."""
        identity = corrected.identity
        return cls(
            corrected=list(corrected.fields),
            name=mask_name(identity.name),
            document_type=identity.document_type,
            document_number=mask_document(identity.number),
            birth_date=identity.birth_date,
            sex=identity.sex,
        )


@router.post(
    "/correction",
    responses=problems(NotLoggedIn, PermissionMissing, NotFound, *DETAIL_PROBLEMS, PersonQuotaSpent),
)
async def correct(
    patient_id: str,
    body: CorrectionIn,
    who: Booker,
    keys: Keys,
    sessions: AllSessions,
    settings: AppSettings,
    now: Now,
) -> CorrectedOut:
    """Correct somebody who was enrolled or booked here, document in hand; the accounts that list them see it.

    Counts as a look-up of the day, as do a document that turns out to be another person's and values of which
    none is this person's: whoever guesses is seen. Appointments
    stand, and the person stays verified.
    """
    hospital_id = DIRECTORY if who.hospital_id is None else who.hospital_id
    proof = DeskProof(staff_id=who.id, hospital_id=hospital_id, evidence=body.evidence, reason=body.reason)
    try:
        async with transaction(sessions) as db:
            corrected = await correct_person(
                db,
                person_id=await person_of_house(db, patient_id=parse_id(patient_id), hospital_id=hospital_id),
                correction=body.correction(),
                proof=proof,
                quota=look_up_quota(settings),
                key_ring=keys,
                now=now,
            )
    except (DocumentOfAnotherPerson, CorrectionIsAnotherPerson):
        async with transaction(sessions) as db:
            await note_miss(db, hospital_id=hospital_id, staff_id=who.id, settings=settings, now=now)
        raise
    return CorrectedOut.of(corrected)
