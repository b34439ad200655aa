"""Reports of two persons who have one document, as the desk of a hospital works them off."""

from __future__ import annotations

from sqlalchemy import Subquery, and_, exists, or_, select
from sqlalchemy.orm import aliased

from guahao.identity.models.duplicate import DuplicateCheck, PersonDuplicate
from guahao.identity.models.person import Patient, Person


def duplicates_of(hospital_id: int) -> Subquery:
    """All reports whose persons are both still known, with what this hospital's desk found.

    Its columns: `id`, `person_id`, `other_id`, `found_at`, `is_enrolled` (one of the two at this desk),
    and `checked_at`, `staff_id`, `note`, null until this desk has looked. The domain above adds who booked.
    """
    person, other = aliased(Person), aliased(Person)
    is_enrolled = exists().where(
        Patient.hospital_id == hospital_id,
        Patient.deleted_at.is_(None),
        or_(Patient.person_id == PersonDuplicate.person_id, Patient.person_id == PersonDuplicate.other_id),
    )
    is_check = and_(
        DuplicateCheck.hospital_id == hospital_id, DuplicateCheck.duplicate_id == PersonDuplicate.id
    )
    return (
        select(
            *(PersonDuplicate.id, PersonDuplicate.person_id, PersonDuplicate.other_id),
            *(PersonDuplicate.found_at, is_enrolled.label("is_enrolled")),
            *(DuplicateCheck.checked_at, DuplicateCheck.staff_id, DuplicateCheck.note),
        )
        .join(person, person.id == PersonDuplicate.person_id)
        .join(other, other.id == PersonDuplicate.other_id)
        .outerjoin(DuplicateCheck, is_check)
        .where(person.forgotten_at.is_(None), other.forgotten_at.is_(None))
        .subquery("duplicate")
    )
