"""Route by which an account corrects the name or the document of a patient whom nobody else relies on."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter, Depends

from guahao.identity.access import CurrentAccount, NotLoggedIn, per_account
from guahao.identity.api_patient.patients import PatientOut, Verifier
from guahao.identity.models.person import DocumentType
from guahao.identity.service.correction import (
    DETAIL_PROBLEMS,
    Correction,
    CorrectionNeedsDesk,
    CorrectionTooSoon,
    correct_own,
    provable_identity,
)
from guahao.identity.service.patients import live_patient
from guahao.identity.service.persons import IdentityNotVerified
from guahao.identity.service.throttle import IdentityTriesSpent, pay_identity_try
from guahao.kernel.db import transaction
from guahao.kernel.errors import NotFound, TooManyRequests, Unavailable
from guahao.kernel.http import AllSessions, Body, Keys, Now, problems
from guahao.kernel.ids import parse_id
from guahao.kernel.sex import Sex
from guahao.kernel.value.fields import DocumentNumber, PersonName

router = APIRouter(prefix="/api/v1/patients", tags=["patient"])


class OwnCorrectionIn(Body):
    """Another name, or another document of the same person; what is left out stays as it is."""

    name: PersonName | None = None
    document_type: DocumentType | None = None
    document_number: DocumentNumber | None = None
    birth_date: date | None = None
    sex: Sex | None = None

    def correction(self) -> Correction:
        """As the service takes it."""
        return Correction(
            name=self.name,
            document_type=self.document_type,
            document_number=self.document_number,
            birth_date=self.birth_date,
            sex=self.sex,
        )


@router.post(
    "/{patient_id}/correction",
    responses=problems(
        NotLoggedIn,
        NotFound,
        *DETAIL_PROBLEMS,
        IdentityNotVerified,
        IdentityTriesSpent,
        CorrectionNeedsDesk,
        CorrectionTooSoon,
        TooManyRequests,
        Unavailable,
    ),
    dependencies=[Depends(per_account("correct patient", a_minute=5))],
)
async def correct_patient(
    patient_id: str,
    body: OwnCorrectionIn,
    account: CurrentAccount,
    sessions: AllSessions,
    keys: Keys,
    verifier: Verifier,
    now: Now,
) -> PatientOut:
    """Correct a misspelt name, or a document that was replaced, once the authority confirms the new values.

    Birth date and sex stay, and so does one of name and document. A patient whom another account has or had,
    or whom a hospital's desk enrolled, is corrected at the desk, with papers. Once in seven days.
    """
    id_ = parse_id(patient_id)
    async with sessions() as db:  # looks only
        new = await provable_identity(
            db, account_id=account.id, patient_id=id_, correction=body.correction(), key_ring=keys, now=now
        )
        if new is None:
            return PatientOut.of(*await live_patient(db, account_id=account.id, patient_id=id_), keys)
    async with transaction(sessions) as db:
        await pay_identity_try(db, account_id=account.id, keys=keys, now=now)
    verdict = await verifier.verify(
        name=new.name, document_type=new.document_type, document_number=new.number
    )
    async with transaction(sessions) as db:
        patient, person = await correct_own(
            db, account_id=account.id, patient_id=id_, new=new, verdict=verdict, key_ring=keys, now=now
        )
        return PatientOut.of(patient, person, keys)
