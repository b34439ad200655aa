"""What is forgotten when its time is over, and when that is. `docs/compliance/data-map.md` promises it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import delete, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.booking.models import Appointment, AppointmentState, BookingBlock, CreditEvent
from guahao.catalog.queries import rules_of
from guahao.identity.queries.retention import deleted_with_phone, ended_consents, unlisted_persons
from guahao.identity.service.retention import (
    forget_consents,
    forget_identities,
    forget_persons,
    forget_phones,
)
from guahao.kernel.clock import utc_now
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions, affected, in_parts, transaction
from guahao.kernel.ids import hospital_of

AT_ONCE = 500
"""Rows that one transaction forgets."""
_TURNS = 20
"""Transactions of a kind before what is due is read again, and a worker may stop."""
_DELETED_FOR = timedelta(days=30)
_CONSENT_FOR = timedelta(days=3 * 366)
_RECORD_AT_LEAST = timedelta(days=15 * 365)
"""The law's least; what a hospital's rule adds is looked at person by person."""
_COUNTED_FOR = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of data that has a time: whose is over, and forgetting it."""

    name: str
    due: Callable[[AsyncSession, datetime], Awaitable[Collection[UUID]]]
    forget: Callable[[AsyncSession, Sequence[UUID]], Awaitable[int]]


def rules(key_ring: KeyRing, now: datetime) -> tuple[Rule, ...]:
    """List them; what is sealed needs the keys."""
    return (
        Rule(name="patient.phone", due=_phones, forget=forget_phones),
        Rule(name="consent", due=_consents, forget=forget_consents),
        Rule(name="person", due=_never_booked, forget=forget_persons),
        Rule(
            name="person.identity",
            due=_long_ago,
            forget=partial(forget_identities, key_ring=key_ring, now=now),
        ),
        Rule(name="credit_event", due=_credit_events, forget=_forget_credit_events),
        Rule(name="booking_block", due=_blocks, forget=_forget_blocks),
    )


async def count_due(db: AsyncSession, *, key_ring: KeyRing, now: datetime) -> dict[str, int]:
    """How much of each kind has had its time; changes nothing."""
    return {rule.name: len(await rule.due(db, now)) for rule in rules(key_ring, now)}


async def forget_due(
    sessions: Sessions, *, key_ring: KeyRing, now: datetime, at_once: int = AT_ONCE
) -> dict[str, int]:
    """Forget all that has had its time; answers how much of each kind.

    At most `at_once` rows go in one transaction, with its entry of the trail: nobody waits long for a lock,
    and what was done before a crash stays done. Twice at once is harmless. The trail itself is never cut.
    """
    total = {rule.name: 0 for rule in rules(key_ring, now)}
    while any((done := await _forget_some(sessions, key_ring=key_ring, now=now, at_once=at_once)).values()):
        total = {name: count + done[name] for name, count in total.items()}
    return total


async def forget_daily(sessions: Sessions, *, key_ring: KeyRing) -> int:
    """As an errand: a bounded part of it; answers how much."""
    done = await _forget_some(sessions, key_ring=key_ring, now=utc_now(), at_once=AT_ONCE)
    return sum(done.values())


async def _forget_some(
    sessions: Sessions, *, key_ring: KeyRing, now: datetime, at_once: int
) -> dict[str, int]:
    return {
        rule.name: await _forget(sessions, rule, now=now, at_once=at_once) for rule in rules(key_ring, now)
    }


async def _forget(sessions: Sessions, rule: Rule, *, now: datetime, at_once: int) -> int:
    async with transaction(sessions) as db:
        due = sorted(await rule.due(db, now))[: at_once * _TURNS]
    count = 0
    for begin in range(0, len(due), at_once):
        async with transaction(sessions) as db:
            forgotten = await rule.forget(db, due[begin : begin + at_once])
            if forgotten:
                await record(db, _entry(rule, forgotten))
        count += forgotten
    return count


def _entry(rule: Rule, forgotten: int) -> AuditEntry:
    return AuditEntry(
        actor="system", action="retention.forget", subject="list:retention", data={rule.name: forgotten}
    )


async def _phones(db: AsyncSession, now: datetime) -> Collection[UUID]:
    """Patients taken out of an account or a desk, once no visit of theirs is to come."""
    undecided = Appointment.state.in_((AppointmentState.HELD, AppointmentState.SUSPENDED))
    to_come = (Appointment.state == AppointmentState.BOOKED) & (Appointment.ends_at > now)
    needed: set[UUID] = set()
    persons = await deleted_with_phone(db)
    for part in in_parts(set(persons.values())):
        standing = select(Appointment.patient_id).where(Appointment.person_id.in_(part))
        needed |= set((await db.scalars(standing.where(or_(undecided, to_come)))).all())
    return set(persons) - needed


async def _consents(db: AsyncSession, now: datetime) -> Collection[UUID]:
    return await ended_consents(db, consent_before=now - _CONSENT_FOR)


async def _unlisted(db: AsyncSession, now: datetime) -> dict[UUID, datetime | None]:
    """Persons listed nowhere for a while, with the end of their last visit."""
    candidates = await unlisted_persons(
        db, deleted_before=now - _DELETED_FOR, consent_before=now - _CONSENT_FOR
    )
    last: dict[UUID, datetime | None] = dict.fromkeys(candidates)
    for part in in_parts(candidates):
        visits = select(Appointment.person_id, func.max(Appointment.ends_at).label("ended_at")).where(
            Appointment.person_id.in_(part)
        )
        last |= {
            row.person_id: row.ended_at for row in await db.execute(visits.group_by(Appointment.person_id))
        }
    return last


async def _never_booked(db: AsyncSession, now: datetime) -> Collection[UUID]:
    return {id_ for id_, ended_at in (await _unlisted(db, now)).items() if ended_at is None}


async def _long_ago(db: AsyncSession, now: datetime) -> Collection[UUID]:
    """Persons whose visits every hospital of theirs has kept for as long as its rule says."""
    old = [
        id_
        for id_, ended_at in (await _unlisted(db, now)).items()
        if ended_at is not None and ended_at < now - _RECORD_AT_LEAST
    ]
    return {id_ for id_ in old if await _is_kept_long_enough(db, id_, now=now)}


async def _is_kept_long_enough(db: AsyncSession, person_id: UUID, *, now: datetime) -> bool:
    visits = (
        select(Appointment.hospital_id, func.max(Appointment.ends_at).label("ended_at"))
        .where(Appointment.person_id == person_id)
        .group_by(Appointment.hospital_id)
    )
    for row in (await db.execute(visits)).all():
        years = (await rules_of(db, hospital_id=row.hospital_id, now=now)).rules.keep_record_years
        if row.ended_at >= now - timedelta(days=366 * years):
            return False
    return True


async def _credit_events(db: AsyncSession, now: datetime) -> Collection[UUID]:
    wanted = select(CreditEvent.appointment_id).where(CreditEvent.occurred_at < now - _COUNTED_FOR)
    return (await db.scalars(wanted)).all()


async def _forget_credit_events(db: AsyncSession, ids: Sequence[UUID]) -> int:
    key = tuple_(CreditEvent.hospital_id, CreditEvent.appointment_id)
    keys = [(hospital_of(id_), id_) for id_ in ids]
    return affected(await db.execute(delete(CreditEvent).where(key.in_(keys))))


async def _blocks(db: AsyncSession, now: datetime) -> Collection[UUID]:
    wanted = select(BookingBlock.id).where(BookingBlock.ends_at < now - _COUNTED_FOR)
    return (await db.scalars(wanted)).all()


async def _forget_blocks(db: AsyncSession, ids: Sequence[UUID]) -> int:
    key = tuple_(BookingBlock.hospital_id, BookingBlock.id)
    keys = [(hospital_of(id_), id_) for id_ in ids]
    return affected(await db.execute(delete(BookingBlock).where(key.in_(keys))))
