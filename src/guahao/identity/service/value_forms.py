"""Indexing persons anew after a change of the normal forms; two that turn out to be one are reported."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.duplicate import PersonDuplicate
from guahao.identity.models.person import Person
from guahao.identity.policy.finding import VALUE_FORMS, document_index, name_index
from guahao.identity.policy.number import number_form
from guahao.kernel.crypto import KeyRing, TamperedData, UnknownKey
from guahao.kernel.ids import new_id
from guahao.kernel.log import describe, logger
from guahao.kernel.value.person import person_name_form

_AT_ONCE = 200


async def index_persons(db: AsyncSession, *, key_ring: KeyRing) -> int:
    """Bring number, name and their indexes of up to 200 persons into normal form; answers how many.

    Where somebody else has the normal form of the number already, both stay as they are, desks are asked
    to look and the trail has `person.duplicate`: which of the two is right is for people to say, never for
    a job.
    """
    rows = await db.scalars(
        select(Person)
        .where(Person.value_forms < VALUE_FORMS)
        .order_by(Person.value_forms, Person.id)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    persons = list(rows)
    for person in persons:
        is_known = person.forgotten_at is None
        if is_known and person.document_sealed and person.name_sealed:  # or nothing of them is left
            try:
                await _index(db, person, key_ring)
            except (UnknownKey, TamperedData) as error:
                logger().error("person-unreadable", person=str(person.id), **describe(error))
        person.value_forms = VALUE_FORMS
        await db.flush()
    return len(persons)


async def _index(db: AsyncSession, person: Person, key_ring: KeyRing) -> None:
    name = key_ring.open(person.name_sealed, field="person.name_sealed", row=person.id)
    form = person_name_form(name)
    if form != name:
        person.name_sealed = key_ring.seal(form, field="person.name_sealed", row=person.id)
    person.name_index = name_index(key_ring, form)
    number = key_ring.open(person.document_sealed, field="person.document_sealed", row=person.id)
    index = document_index(key_ring, person.document_type, number)
    if index == person.document_index:
        return
    other = await _known_by(db, person, index)
    if other is not None:
        await _report(db, person, other)
        return
    number = number_form(person.document_type, number)
    person.document_sealed = key_ring.seal(number, field="person.document_sealed", row=person.id)
    person.document_index = index


async def _known_by(db: AsyncSession, person: Person, index: bytes) -> UUID | None:
    known: UUID | None = await db.scalar(
        select(Person.id).where(Person.document_type == person.document_type, Person.document_index == index)
    )
    return known


async def _report(db: AsyncSession, person: Person, other: UUID) -> None:
    logger().error("person-known-twice", person=str(person.id), other=str(other))
    report = insert(PersonDuplicate).values(id=new_id(), person_id=person.id, other_id=other)
    await db.execute(report.on_conflict_do_nothing())
    await record(
        db,
        AuditEntry(
            actor="system",
            action="person.duplicate",
            subject=f"person:{person.id}",
            data={"other": f"person:{other}"},
        ),
    )
