"""The patients of an account: adding, changing, deleting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.consent import ConsentKind
from guahao.identity.models.person import Patient, Person, Relation
from guahao.identity.policy.document import GROWN_UP, OWN_CONSENT, Identity
from guahao.identity.policy.finding import phone_index
from guahao.identity.queries.consents import has_consented
from guahao.identity.queries.patients import lock_person
from guahao.identity.service.consents import (
    Accepted,
    ConsentNeedsChild,
    ConsentRequired,
    Giver,
    check_versions,
    keep_consent,
    lock_account,
)
from guahao.identity.service.persons import find_person, keep_person, require_same_person
from guahao.kernel.clock import CHINA, age_on, local_date
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import new_id

PATIENTS_PER_ACCOUNT = 5
ACCOUNTS_PER_PERSON = 3
READD_AFTER = timedelta(days=7)


class PatientLimitReached(Problem):
    """The account has `limit` patients already."""

    code = "patient-limit-reached"
    status = 409

    def __init__(self) -> None:
        """Name the limit."""
        super().__init__(limit=PATIENTS_PER_ACCOUNT)


class PersonInTooManyAccounts(Problem):
    """The person is a patient of `limit` other accounts already."""

    code = "person-in-too-many-accounts"
    status = 409

    def __init__(self) -> None:
        """Name the limit."""
        super().__init__(limit=ACCOUNTS_PER_PERSON)


class PatientAlreadyAdded(Problem):
    """The person is a patient of this account already."""

    code = "patient-already-added"
    status = 409


class PatientReaddTooSoon(Problem):
    """The person was deleted from this account less than seven days ago; it works again at `again_at`."""

    code = "patient-readd-too-soon"
    status = 409

    def __init__(self, again_at: datetime) -> None:
        """Name the moment, for the client and for a person."""
        local = again_at.astimezone(CHINA)
        super().__init__(again_at=local.isoformat(), when=f"{local:%Y-%m-%d %H:%M}")


class SelfAlreadyAdded(Problem):
    """The account has a patient with relation `self` already."""

    code = "self-already-added"
    status = 409


class GuardianRequired(Problem):
    """A patient under 18 needs `guardian_patient_id`: a grown-up patient of the same account."""

    code = "guardian-required"


class GuardianUnsuitable(Problem):
    """The guardian is not a grown-up patient of this account."""

    code = "guardian-unsuitable"


class PatientIsGuardian(Problem):
    """A child among the account's patients still needs this patient as guardian."""

    code = "patient-is-guardian"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPatient:
    """Who shall be added, as read and checked from a request."""

    identity: Identity
    phone: str
    relation: Relation
    guardian_patient_id: UUID | None
    accepted: Sequence[Accepted]


async def person_to_add(
    db: AsyncSession, *, account_id: UUID, new: NewPatient, key_ring: KeyRing, now: datetime
) -> Person | None:
    """Whom the document names, where that is known; nothing is compared yet.

    Refuses early what `add_patient` would refuse, so that nobody pays for a question in vain; only
    `add_patient` decides. Changes nothing. Raises what `add_patient` raises.
    """
    await _require_consents(db, account_id=account_id, new=new, today=local_date(now))
    await _require_guardian(db, account_id=account_id, new=new, today=local_date(now))
    person = await find_person(db, key_ring=key_ring, identity=new.identity)
    await _require_room(db, account_id=account_id, person=person, relation=new.relation, now=now)
    return person


def needs_verdict(person: Person | None, *, identity: Identity, key_ring: KeyRing) -> bool:
    """Whether the authority must be asked before `add_patient`; a known person is compared here.

    Raises `IdentityNotVerified`.
    """
    if person is None or person.verified_at is None:
        return True
    require_same_person(person, key_ring=key_ring, identity=identity)
    return False


async def add_patient(
    db: AsyncSession,
    *,
    account_id: UUID,
    new: NewPatient,
    is_verified: bool,
    key_ring: KeyRing,
    now: datetime,
) -> tuple[Patient, Person]:
    """Add a person to an account, with the consents given; `is_verified` when the authority said so.

    The account and the person are locked, so every limit holds for any number of requests at once.
    Raises the problems of this module, of consents and `IdentityNotVerified`.
    """
    await lock_account(db, account_id=account_id)
    await _require_consents(db, account_id=account_id, new=new, today=local_date(now))
    await _require_guardian(db, account_id=account_id, new=new, today=local_date(now))
    person = await keep_person(db, key_ring=key_ring, identity=new.identity, is_verified=is_verified, now=now)
    await _require_room(db, account_id=account_id, person=person, relation=new.relation, now=now)
    patient = Patient(
        id=new_id(),
        account_id=account_id,
        person_id=person.id,
        relation=new.relation,
        guardian_patient_id=new.guardian_patient_id,
        created_at=now,
    )
    patient.phone_sealed = key_ring.seal(new.phone, field="patient.phone_sealed", row=patient.id)
    patient.phone_index = phone_index(key_ring, new.phone)
    db.add(patient)
    await db.flush()
    for one in new.accepted:
        child = patient.id if one.kind is ConsentKind.CHILD_SENSITIVE else None
        await keep_consent(db, giver=Giver(account_id=account_id, patient_id=child), kind=one.kind)
    await _record(db, patient, "patient.add", relation=patient.relation.value)
    return patient, person


async def change_patient(
    db: AsyncSession,
    *,
    account_id: UUID,
    patient_id: UUID,
    phone: str | None,
    relation: Relation | None,
    key_ring: KeyRing,
) -> tuple[Patient, Person]:
    """Change phone, relation or both; None leaves a value as it is.

    Raises `NotFound`, `SelfAlreadyAdded`.
    """
    await lock_account(db, account_id=account_id)
    patient, person = await live_patient(db, account_id=account_id, patient_id=patient_id)
    if relation is not None and relation is not patient.relation:
        if relation is Relation.SELF:
            await _require_no_self(db, account_id=account_id)
        patient.relation = relation
    if phone is not None:
        patient.phone_sealed = key_ring.seal(phone, field="patient.phone_sealed", row=patient.id)
        patient.phone_index = phone_index(key_ring, phone)
    await _record(db, patient, "patient.change", relation=patient.relation.value)
    return patient, person


async def delete_patient(db: AsyncSession, *, account_id: UUID, patient_id: UUID, now: datetime) -> None:
    """Take a patient out of an account; appointments stay, new ones are impossible from now on.

    Waits for bookings of this person that are being made. Raises `NotFound`, `PatientIsGuardian`.
    """
    await lock_account(db, account_id=account_id)
    patient, _ = await live_patient(db, account_id=account_id, patient_id=patient_id)
    ward = await db.scalar(
        select(Patient.id)
        .where(Patient.guardian_patient_id == patient_id, Patient.deleted_at.is_(None))
        .limit(1)
    )
    if ward is not None:
        raise PatientIsGuardian
    await lock_person(db, person_id=patient.person_id)
    patient.deleted_at = now
    await _record(db, patient, "patient.delete")


async def live_patient(db: AsyncSession, *, account_id: UUID, patient_id: UUID) -> tuple[Patient, Person]:
    """Answer a patient of this account that is not deleted. Raises `NotFound`."""
    found = await db.execute(
        select(Patient, Person)
        .join(Person, Person.id == Patient.person_id)
        .where(Patient.id == patient_id, Patient.account_id == account_id, Patient.deleted_at.is_(None))
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound
    return row[0], row[1]


async def _require_consents(db: AsyncSession, *, account_id: UUID, new: NewPatient, today: date) -> None:
    check_versions(new.accepted)
    given = {one.kind for one in new.accepted}
    kind = ConsentKind.SENSITIVE_PERSONAL_INFORMATION
    if kind not in given and not await has_consented(db, account_id=account_id, kind=kind):
        raise ConsentRequired(kind)
    is_child = age_on(today, birth_date=new.identity.birth_date) < OWN_CONSENT
    if is_child and ConsentKind.CHILD_SENSITIVE not in given:
        raise ConsentRequired(ConsentKind.CHILD_SENSITIVE)
    if not is_child and ConsentKind.CHILD_SENSITIVE in given:
        raise ConsentNeedsChild


async def _require_guardian(db: AsyncSession, *, account_id: UUID, new: NewPatient, today: date) -> None:
    if age_on(today, birth_date=new.identity.birth_date) >= GROWN_UP:
        if new.guardian_patient_id is not None:
            raise GuardianUnsuitable
        return
    if new.guardian_patient_id is None:
        raise GuardianRequired
    birth_date = await db.scalar(
        select(Person.birth_date)
        .join(Patient, Patient.person_id == Person.id)
        .where(
            Patient.id == new.guardian_patient_id,
            Patient.account_id == account_id,
            Patient.deleted_at.is_(None),
        )
    )
    if birth_date is None or age_on(today, birth_date=birth_date) < GROWN_UP:
        raise GuardianUnsuitable


async def _require_no_self(db: AsyncSession, *, account_id: UUID) -> None:
    own = await db.scalar(
        select(Patient.id).where(
            Patient.account_id == account_id,
            Patient.relation == Relation.SELF,
            Patient.deleted_at.is_(None),
        )
    )
    if own is not None:
        raise SelfAlreadyAdded


async def _require_room(
    db: AsyncSession, *, account_id: UUID, person: Person | None, relation: Relation, now: datetime
) -> None:
    live = Patient.deleted_at.is_(None)
    if person is not None:
        await _require_person_may_be_added(db, account_id=account_id, person_id=person.id, now=now)
    count = await db.scalar(select(func.count()).where(Patient.account_id == account_id, live))
    if (count or 0) >= PATIENTS_PER_ACCOUNT:
        raise PatientLimitReached
    if relation is Relation.SELF:
        await _require_no_self(db, account_id=account_id)


async def _require_person_may_be_added(
    db: AsyncSession, *, account_id: UUID, person_id: UUID, now: datetime
) -> None:
    listed = select(Patient.account_id, Patient.deleted_at).where(
        Patient.person_id == person_id, Patient.account_id.is_not(None)
    )
    rows = (await db.execute(listed)).all()
    mine = [row.deleted_at for row in rows if row.account_id == account_id]
    if None in mine:
        raise PatientAlreadyAdded
    again_at = max((at + READD_AFTER for at in mine if at is not None), default=now)
    if again_at > now:
        raise PatientReaddTooSoon(again_at)
    if len({row.account_id for row in rows if row.deleted_at is None}) >= ACCOUNTS_PER_PERSON:
        raise PersonInTooManyAccounts


async def _record(db: AsyncSession, patient: Patient, action: str, **data: str) -> None:
    await record(
        db,
        AuditEntry(
            actor=f"account:{patient.account_id}", action=action, subject=f"patient:{patient.id}", data=data
        ),
    )
