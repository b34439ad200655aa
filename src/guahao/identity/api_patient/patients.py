"""Routes of patients: the people an account books for."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from guahao.identity.access import AccountRef, CurrentAccount, NotLoggedIn, per_account
from guahao.identity.api_patient.sealed_answer import SealedOnce
from guahao.identity.models.consent import ConsentKind
from guahao.identity.models.person import DocumentType, Patient, Person, Relation, Releaser
from guahao.identity.policy import document
from guahao.identity.ports.verification import IdentityVerifier, Verdict
from guahao.identity.queries.consents import current_texts
from guahao.identity.queries.patients import patients_of, releases_of
from guahao.identity.service import patients
from guahao.identity.service.claims import ClaimNotProven, claim_person
from guahao.identity.service.consents import (
    Accepted,
    ConsentNeedsChild,
    ConsentRequired,
    ConsentVersionOutdated,
)
from guahao.identity.service.persons import IdentityNotVerified
from guahao.identity.service.throttle import IdentityTriesSpent, pay_identity_try
from guahao.kernel.clock import local_date
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import NotFound, TooManyRequests, Unavailable
from guahao.kernel.http import AllSessions, AppSettings, Body, Db, Keys, Now, Page, problems
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.kernel.ids import parse_id
from guahao.kernel.masking import mask_document, mask_name, mask_phone, shown
from guahao.kernel.settings import Environment, Settings
from guahao.kernel.sex import Sex
from guahao.kernel.value.fields import DocumentNumber, Id, Mobile, PersonName

router = APIRouter(prefix="/api/v1/patients", tags=["patient"])

_TOLD_FOR = timedelta(days=90)


class AcceptedIn(Body):
    """A text that was shown and agreed to, with the version shown."""

    kind: ConsentKind
    version: Annotated[int, Field(ge=1, le=1_000_000)]

    def accepted(self) -> Accepted:
        """As the service takes it."""
        return Accepted(kind=self.kind, version=self.version)


class PersonIn(Body):
    """A person as their document describes them.

    `birth_date` and `sex` are needed for documents whose number does not carry them, and must agree
    with the number otherwise.
    """

    name: PersonName
    document_type: DocumentType
    document_number: DocumentNumber
    birth_date: date | None = None
    sex: Sex | None = None
    consents: Annotated[list[AcceptedIn], Field(max_length=8)] | None = None

    def accepted(self) -> list[Accepted]:
        """What was agreed to with this request."""
        return [one.accepted() for one in self.consents or ()]

    def identity(self, today: date) -> document.Identity:
        """As read and checked by the rules of the document."""
        return document.read_identity(
            self.document_type,
            number=self.document_number,
            name=self.name,
            birth_date=self.birth_date,
            sex=self.sex,
            today=today,
        )


class PatientIn(PersonIn):
    """A person to book for. Under 18 a guardian is needed, under 14 the guardian's consent too."""

    phone: Mobile
    relation: Relation
    guardian_patient_id: Id | None = None


class ClaimIn(PersonIn):
    """The holder of the account, by their own document."""

    phone: Mobile


class ReleaseOut(BaseModel):
    """Somebody who is no longer listed: the owner of the identity took it back, or a hospital released it."""

    patient_id: str
    name: str = Field(description="Masked")
    released_at: datetime
    released_by: Releaser

    @classmethod
    def of(cls, patient: Patient, person: Person, keys: KeyRing) -> ReleaseOut:
        """Show one, masked."""
        assert patient.deleted_at is not None
        assert patient.released_by is not None
        name = keys.open_shown(person.name_sealed, field="person.name_sealed", row=person.id)
        return cls(
            patient_id=str(patient.id),
            name=shown(name, mask_name),
            released_at=patient.deleted_at,
            released_by=patient.released_by,
        )


class PatientChangeIn(Body):
    """What may change: the document and the name may not, they are another person's."""

    phone: Mobile | None = None
    relation: Relation | None = None


class PatientOut(BaseModel):
    """A patient as shown to the account; document number and phone are masked."""

    id: str
    name: str
    document_type: DocumentType
    document_number: str = Field(examples=["110***********803X"])
    phone: str | None = Field(examples=["138****8000"])
    relation: Relation
    birth_date: date
    sex: Sex
    verified: bool
    guardian_patient_id: str | None
    created_at: datetime

    @classmethod
    def of(cls, patient: Patient, person: Person, keys: KeyRing) -> PatientOut:
        """Open what is sealed and mask it."""
        name = keys.open_shown(person.name_sealed, field="person.name_sealed", row=person.id)
        number = keys.open_shown(person.document_sealed, field="person.document_sealed", row=person.id)
        phone = None
        if patient.phone_sealed is not None:
            opened = keys.open_shown(patient.phone_sealed, field="patient.phone_sealed", row=patient.id)
            phone = shown(opened, mask_phone)
        guardian_id = patient.guardian_patient_id
        return cls(
            id=str(patient.id),
            name=shown(name),
            document_type=person.document_type,
            document_number=shown(number, mask_document),
            phone=phone,
            relation=patient.relation,
            birth_date=person.birth_date,
            sex=person.sex,
            verified=person.verified_at is not None,
            guardian_patient_id=None if guardian_id is None else str(guardian_id),
            created_at=patient.created_at,
        )


DOCUMENT_PROBLEMS = (
    document.DocumentNumberInvalid,
    document.BirthDetailsRequired,
    document.BirthDetailsContradict,
    document.BirthDateInvalid,
    document.BirthCertificateTooOld,
    document.PersonNameInvalid,
    ConsentRequired,
    ConsentVersionOutdated,
    IdentityNotVerified,
)


def _identity_verifier(request: Request) -> IdentityVerifier:
    verifier: IdentityVerifier = request.app.state.identity_verifier
    return verifier


Verifier = Annotated[IdentityVerifier, Depends(_identity_verifier)]


@router.get("", responses=problems(NotLoggedIn))
async def list_patients(account: CurrentAccount, db: Db, keys: Keys) -> Page[PatientOut]:
    """The patients of this account, the first added first."""
    found = await patients_of(db, account_id=account.id)
    return Page(items=[PatientOut.of(patient, person, keys) for patient, person in found])


@router.post(
    "",
    status_code=201,
    response_model=PatientOut,
    responses=problems(
        NotLoggedIn,
        *DOCUMENT_PROBLEMS,
        ConsentNeedsChild,
        patients.GuardianRequired,
        patients.GuardianUnsuitable,
        patients.PatientLimitReached,
        patients.PatientAlreadyAdded,
        patients.PatientReaddTooSoon,
        patients.PersonInTooManyAccounts,
        patients.SelfAlreadyAdded,
        IdentityTriesSpent,
        RequestInProgress,
        IdempotencyKeyReused,
        TooManyRequests,
        Unavailable,
    ),
    dependencies=[Depends(per_account("add patient", a_minute=20))],
)
async def add_patient(
    body: PatientIn,
    account: CurrentAccount,
    once: SealedOnce,
    sessions: AllSessions,
    keys: Keys,
    verifier: Verifier,
    settings: AppSettings,
    now: Now,
) -> Response:
    """Add a person, verified against their document before the answer; send `consents` along the first time.

    In the demo, where nobody is real, a request without `consents` counts as agreement to the text about
    sensitive personal information. Production asks for it by name.

    `verified` is false when the authority does not know such documents: the person shows the document
    at a hospital's desk before booking.

    Name and document are compared by the authority between two transactions, never inside one.
    """
    guardian_id = body.guardian_patient_id
    new = patients.NewPatient(
        identity=body.identity(local_date(now)),
        phone=body.phone,
        relation=body.relation,
        guardian_patient_id=None if guardian_id is None else parse_id(guardian_id),
        accepted=_accepted(body, settings),
    )
    async with sessions() as db:  # looks only: closing it gives the key back
        await once.claim(db, owner=str(account.id))
        person = await patients.person_to_add(db, account_id=account.id, new=new, key_ring=keys, now=now)
    await _pay_try(sessions, account, keys, now)
    is_unknown = patients.needs_verdict(person, identity=new.identity, key_ring=keys)
    is_verified = is_unknown and await _is_verified(verifier, new.identity)
    async with transaction(sessions) as db:
        claim = await once.claim(db, owner=str(account.id))
        patient, person = await patients.add_patient(
            db, account_id=account.id, new=new, is_verified=is_verified, key_ring=keys, now=now
        )
        return await once.answer(claim, PatientOut.of(patient, person, keys), status=201)


@router.post(
    "/claims",
    status_code=201,
    response_model=PatientOut,
    responses=problems(
        NotLoggedIn,
        *DOCUMENT_PROBLEMS,
        ConsentNeedsChild,
        ClaimNotProven,
        patients.GuardianRequired,
        patients.PatientLimitReached,
        patients.PatientReaddTooSoon,
        patients.SelfAlreadyAdded,
        IdentityTriesSpent,
        RequestInProgress,
        IdempotencyKeyReused,
        TooManyRequests,
        Unavailable,
    ),
    dependencies=[Depends(per_account("claim patient", a_minute=5))],
)
async def claim_patient(
    body: ClaimIn,
    account: CurrentAccount,
    once: SealedOnce,
    sessions: AllSessions,
    keys: Keys,
    verifier: Verifier,
    now: Now,
) -> Response:
    """This is me (本人认领): list yourself, and take yourself out of the accounts of others.

    Works when the account's phone is the one that a hospital wrote down with your document in hand. Those
    who listed you see it under `GET /api/v1/patients/releases`.
    """
    new = patients.NewPatient(
        identity=body.identity(local_date(now)),
        phone=body.phone,
        relation=Relation.SELF,
        guardian_patient_id=None,
        accepted=body.accepted(),
    )
    async with sessions() as db:  # looks only: closing it gives the key back
        await once.claim(db, owner=str(account.id))
    await _pay_try(sessions, account, keys, now)
    is_verified = await _is_verified(verifier, new.identity)
    async with transaction(sessions) as db:
        claim = await once.claim(db, owner=str(account.id))
        patient, person = await claim_person(
            db, account_id=account.id, new=new, is_verified=is_verified, key_ring=keys, now=now
        )
        return await once.answer(claim, PatientOut.of(patient, person, keys), status=201)


@router.get("/releases", responses=problems(NotLoggedIn))
async def list_releases(account: CurrentAccount, db: Db, keys: Keys, now: Now) -> Page[ReleaseOut]:
    """Who was taken out of this account by themself or by a hospital in the last 90 days, newest first."""
    found = await releases_of(db, account_id=account.id, since=now - _TOLD_FOR)
    return Page(items=[ReleaseOut.of(patient, person, keys) for patient, person in found])


def _accepted(body: PatientIn, settings: Settings) -> list[Accepted]:
    if body.consents is None and settings.environment is Environment.DEMO:
        kind = ConsentKind.SENSITIVE_PERSONAL_INFORMATION
        return [Accepted(kind=kind, version=current_texts()[kind].version)]
    return body.accepted()


async def _pay_try(sessions: Sessions, account: AccountRef, keys: KeyRing, now: datetime) -> None:
    """Count a comparison for good, before it is made. Raises `IdentityTriesSpent`."""
    async with transaction(sessions) as db:
        await pay_identity_try(db, account_id=account.id, keys=keys, now=now)


async def _is_verified(verifier: IdentityVerifier, identity: document.Identity) -> bool:
    verdict = await verifier.verify(
        name=identity.name, document_type=identity.document_type, document_number=identity.number
    )
    if verdict is Verdict.MISMATCH:
        raise IdentityNotVerified
    return verdict is Verdict.MATCH


@router.patch("/{patient_id}", responses=problems(NotLoggedIn, NotFound, patients.SelfAlreadyAdded))
async def change_patient(
    patient_id: str, body: PatientChangeIn, account: CurrentAccount, db: Db, keys: Keys
) -> PatientOut:
    """Change phone or relation."""
    patient, person = await patients.change_patient(
        db,
        account_id=account.id,
        patient_id=parse_id(patient_id),
        phone=body.phone,
        relation=body.relation,
        key_ring=keys,
    )
    return PatientOut.of(patient, person, keys)


@router.delete(
    "/{patient_id}", status_code=204, responses=problems(NotLoggedIn, NotFound, patients.PatientIsGuardian)
)
async def delete_patient(patient_id: str, account: CurrentAccount, db: Db, now: Now) -> None:
    """Take a patient out of the account; the same person can be added again after seven days."""
    await patients.delete_patient(db, account_id=account.id, patient_id=parse_id(patient_id), now=now)
