"""What happened to the caller's own access, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.person import Patient, Person
from guahao.identity.models.security_event import SecurityEvent

_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whom an event is told to: an account or a member of staff, never both."""

    account_id: UUID | None = None
    staff_id: UUID | None = None

    def events(self) -> ColumnElement[bool]:
        """The events of this owner."""
        if self.account_id is not None:
            return SecurityEvent.account_id == self.account_id
        return SecurityEvent.staff_id == self.staff_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldEvent:
    """An event, and the person it concerns where it concerns one."""

    event: SecurityEvent
    person: Person | None


async def events_of(db: AsyncSession, *, owner: Owner) -> Sequence[ToldEvent]:
    """The owner's last hundred events of half a year."""
    rows = await db.execute(
        select(SecurityEvent, Person)
        .outerjoin(Patient, Patient.id == SecurityEvent.patient_id)
        .outerjoin(Person, Person.id == Patient.person_id)
        .where(owner.events())
        .order_by(SecurityEvent.id.desc())
        .limit(_MOST)
    )
    return [ToldEvent(event=event, person=person) for event, person in rows]
