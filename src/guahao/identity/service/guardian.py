"""Another guardian for a minor of an account, who agrees anew where the law asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.consent import Consent, ConsentEnd, ConsentKind
from guahao.identity.models.person import Patient, Person
from guahao.identity.policy.document import GROWN_UP, OWN_CONSENT
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
from guahao.identity.service.patients import GuardianUnsuitable, live_patient
from guahao.kernel.clock import age_on, local_date
from guahao.kernel.errors import NotFound


async def replace_guardian(
    db: AsyncSession,
    *,
    account_id: UUID,
    patient_id: UUID,
    guardian_id: UUID,
    accepted: Sequence[Accepted],
    now: datetime,
) -> tuple[Patient, Person]:
    """Make another grown-up patient of the account the guardian; the same one again changes nothing.

    For a child under 14 what the former guardian agreed to ends, and the new one's consent takes its place.
    Raises `NotFound`, `GuardianUnsuitable`, `ConsentRequired`, `ConsentVersionOutdated`, `ConsentNeedsChild`.
    """
    await lock_account(db, account_id=account_id)
    patient, person = await live_patient(db, account_id=account_id, patient_id=patient_id)
    if patient.guardian_patient_id == guardian_id:
        return patient, person
    today = local_date(now)
    age = age_on(today, birth_date=person.birth_date)
    if age >= GROWN_UP:
        raise GuardianUnsuitable
    await _require_grown_up(db, account_id=account_id, patient_id=guardian_id, today=today)
    _require_consent(accepted, is_child=age < OWN_CONSENT)
    await lock_person(db, person_id=person.id)
    former, patient.guardian_patient_id = patient.guardian_patient_id, guardian_id
    await db.flush()
    if age < OWN_CONSENT:
        await _renew_consent(db, account_id=account_id, patient_id=patient_id, now=now)
    entry = AuditEntry(
        actor=f"account:{account_id}",
        action="patient.guardian",
        subject=f"patient:{patient_id}",
        data={"former": f"patient:{former}", "guardian": f"patient:{guardian_id}"},
    )
    await record(db, entry)
    return patient, person


async def _require_grown_up(db: AsyncSession, *, account_id: UUID, patient_id: UUID, today: date) -> None:
    try:
        _, guardian = await live_patient(db, account_id=account_id, patient_id=patient_id)
    except NotFound:
        raise GuardianUnsuitable from None
    if age_on(today, birth_date=guardian.birth_date) < GROWN_UP:
        raise GuardianUnsuitable


def _require_consent(accepted: Sequence[Accepted], *, is_child: bool) -> None:
    check_versions(accepted)
    given = {one.kind for one in accepted}
    if given - {ConsentKind.CHILD_SENSITIVE} or (given and not is_child):
        raise ConsentNeedsChild
    if is_child and not given:
        raise ConsentRequired(ConsentKind.CHILD_SENSITIVE)


async def _renew_consent(db: AsyncSession, *, account_id: UUID, patient_id: UUID, now: datetime) -> None:
    kind = ConsentKind.CHILD_SENSITIVE
    await db.execute(
        update(Consent)
        .where(Consent.patient_id == patient_id, Consent.kind == kind, Consent.ended_at.is_(None))
        .values(ended_at=now, ending=ConsentEnd.SUPERSEDED)
        .execution_options(synchronize_session=False)
    )
    await keep_consent(db, giver=Giver(account_id=account_id, patient_id=patient_id), kind=kind)
