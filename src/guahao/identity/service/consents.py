"""Agreeing to the published texts, and withdrawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.account import Account
from guahao.identity.models.consent import Consent, ConsentChannel, ConsentEnd, ConsentKind
from guahao.identity.models.person import Patient
from guahao.identity.queries.consents import current_texts, has_consented
from guahao.identity.queries.patients import lock_listed_persons
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.ids import new_id


class ConsentRequired(Problem):
    """This needs the agreement to `kind` in its current `version`; send it with the request or before."""

    code = "consent-required"

    def __init__(self, kind: ConsentKind) -> None:
        """Name the text."""
        text = current_texts()[kind]
        super().__init__(kind=kind.value, version=text.version, name=text.title)


class ConsentVersionOutdated(Problem):
    """The version agreed to is not the current one; show the current text and ask again."""

    code = "consent-version-outdated"
    status = 409

    def __init__(self, kind: ConsentKind) -> None:
        """Name the current version."""
        text = current_texts()[kind]
        super().__init__(kind=kind.value, version=text.version, name=text.title)


class ConsentNeedsChild(Problem):
    """`child_sensitive` is given for one patient under 14; the other texts for the whole account."""

    code = "consent-needs-child"


class AccountClosed(Problem):
    """The account was closed while this was asked for."""

    code = "account-closed"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A text that a person says they agree to."""

    kind: ConsentKind
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Giver:
    """Who agrees, about whom and where: an account, or a patient at the counter of `staff_id`."""

    account_id: UUID | None = None
    patient_id: UUID | None = None
    staff_id: UUID | None = None

    @property
    def actor(self) -> str:
        """Who does it, for the trail."""
        return f"staff:{self.staff_id}" if self.staff_id else f"account:{self.account_id}"


async def lock_account(db: AsyncSession, *, account_id: UUID) -> None:
    """Let changes to one account's patients and consents go one after the other.

    Raises `AccountClosed`.
    """
    locking = select(Account.closed_at).where(Account.id == account_id).with_for_update(key_share=True)
    if await db.scalar(locking) is not None:
        raise AccountClosed


def check_versions(accepted: Sequence[Accepted]) -> None:
    """Raise `ConsentVersionOutdated` unless every text is the current one."""
    for one in accepted:
        if one.version != current_texts()[one.kind].version:
            raise ConsentVersionOutdated(one.kind)


async def give_consents(db: AsyncSession, *, account_id: UUID, accepted: Sequence[Accepted]) -> None:
    """Record what an account agrees to for itself; what already stands is left as it is.

    Raises `ConsentVersionOutdated`, and `ConsentNeedsChild` for the text about children.
    """
    check_versions(accepted)
    if any(one.kind is ConsentKind.CHILD_SENSITIVE for one in accepted):
        raise ConsentNeedsChild
    await lock_account(db, account_id=account_id)
    for one in accepted:
        await keep_consent(db, giver=Giver(account_id=account_id), kind=one.kind)


async def give_child_consent(
    db: AsyncSession, *, account_id: UUID, patient_id: UUID, accepted: Accepted
) -> None:
    """Record that the guardian agrees for a child among the account's patients.

    Raises `NotFound`, `ConsentVersionOutdated`, `ConsentNeedsChild`.
    """
    check_versions([accepted])
    if accepted.kind is not ConsentKind.CHILD_SENSITIVE:
        raise ConsentNeedsChild
    await lock_account(db, account_id=account_id)
    child = await db.scalar(
        select(Patient.id).where(
            Patient.id == patient_id,
            Patient.account_id == account_id,
            Patient.guardian_patient_id.is_not(None),
            Patient.deleted_at.is_(None),
        )
    )
    if child is None:
        raise NotFound
    await keep_consent(db, giver=Giver(account_id=account_id, patient_id=patient_id), kind=accepted.kind)


async def require_consent(db: AsyncSession, *, account_id: UUID, kind: ConsentKind) -> None:
    """Raise `ConsentRequired` unless the account's agreement to the current text stands."""
    if not await has_consented(db, account_id=account_id, kind=kind):
        raise ConsentRequired(kind)


async def withdraw_consent(db: AsyncSession, *, account_id: UUID, consent_id: UUID, now: datetime) -> None:
    """End an agreement; again is harmless. Raises `NotFound` for one of somebody else.

    Waits for bookings of the persons concerned that are being made.
    """
    await lock_account(db, account_id=account_id)
    consent = await db.scalar(
        select(Consent).where(Consent.id == consent_id, Consent.account_id == account_id)
    )
    if consent is None:
        raise NotFound
    if consent.ended_at is not None:
        return
    await lock_listed_persons(db, account_id=account_id, patient_id=consent.patient_id)
    consent.ended_at, consent.ending = now, ConsentEnd.WITHDRAWN
    await _record(db, Giver(account_id=account_id), consent, "consent.withdraw")


async def keep_consent(db: AsyncSession, *, giver: Giver, kind: ConsentKind) -> None:
    """Store one agreement to the current text, superseding an older version; the giver is locked."""
    text = current_texts()[kind]
    mine = [
        Consent.account_id.is_not_distinct_from(giver.account_id),
        Consent.patient_id.is_not_distinct_from(giver.patient_id),
        Consent.kind == kind,
        Consent.ended_at.is_(None),
    ]
    standing = await db.scalar(select(Consent).where(*mine))
    if standing is not None and standing.version == text.version:
        return
    if standing is not None:
        await db.execute(
            update(Consent)
            .where(Consent.id == standing.id)
            .values(ended_at=func.now(), ending=ConsentEnd.SUPERSEDED)
        )
    consent = Consent(
        id=new_id(),
        account_id=giver.account_id,
        patient_id=giver.patient_id,
        kind=kind,
        version=text.version,
        text_hash=text.sha256,
        channel=ConsentChannel.COUNTER if giver.staff_id else ConsentChannel.ONLINE,
        staff_id=giver.staff_id,
    )
    db.add(consent)
    await db.flush()
    await _record(db, giver, consent, "consent.give")


async def _record(db: AsyncSession, giver: Giver, consent: Consent, action: str) -> None:
    data = {"kind": consent.kind.value, "version": consent.version}
    await record(db, AuditEntry(actor=giver.actor, action=action, subject=f"consent:{consent.id}", data=data))
