"""Persons: one row per identity document, whoever lists it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.person import Person
from guahao.identity.policy.document import Identity, is_same_name
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import Problem
from guahao.kernel.ids import new_id


class IdentityNotVerified(Problem):
    """Name and document do not belong together, says the authority or what is known already."""

    code = "identity-not-verified"


def document_index(key_ring: KeyRing, identity: Identity) -> bytes:
    """What a document is found by without being readable."""
    return key_ring.blind_index("person.document", f"{identity.document_type}|{identity.number}")


async def find_person(
    db: AsyncSession, *, key_ring: KeyRing, identity: Identity, lock: bool = False
) -> Person | None:
    """The person known by this document, if there is one.

    With `lock`, changes to where the person is listed go one after the other from here on.
    """
    wanted = select(Person).where(
        Person.document_type == identity.document_type,
        Person.document_index == document_index(key_ring, identity),
    )
    return await db.scalar(wanted.with_for_update(key_share=True) if lock else wanted)


def require_same_person(person: Person, *, key_ring: KeyRing, identity: Identity) -> None:
    """Raise `IdentityNotVerified` when the known person has another name, birth date or sex."""
    known = key_ring.open(person.name_sealed, field="person.name_sealed", row=person.id)
    told = (identity.birth_date, identity.sex)
    if not is_same_name(known, identity.name) or told != (person.birth_date, person.sex):
        raise IdentityNotVerified


async def keep_person(db: AsyncSession, *, key_ring: KeyRing, identity: Identity, now: datetime) -> Person:
    """Make or find the person of a verified identity, and lock it.

    Several at once for one document make one row. Raises `IdentityNotVerified`.
    """
    id_ = new_id()
    await db.execute(
        insert(Person)
        .values(
            id=id_,
            document_type=identity.document_type,
            document_index=document_index(key_ring, identity),
            document_sealed=key_ring.seal(identity.number, field="person.document_sealed", row=id_),
            name_sealed=key_ring.seal(identity.name, field="person.name_sealed", row=id_),
            birth_date=identity.birth_date,
            sex=identity.sex,
            verified_at=now,
        )
        .on_conflict_do_nothing(constraint="person_document_key")
    )
    person = await find_person(db, key_ring=key_ring, identity=identity, lock=True)
    assert person is not None
    require_same_person(person, key_ring=key_ring, identity=identity)
    if person.verified_at is None:
        person.verified_at = now
    return person
