"""People who wait until somebody sees their document."""

from __future__ import annotations

from sqlalchemy import Subquery, select

from guahao.identity.models.person import Patient, Person


def unverified_patients() -> Subquery:
    """Live patients of accounts whose identity nobody has verified: account_id, since."""
    return (
        select(Patient.account_id, Person.created_at.label("since"))
        .join(Patient, Patient.person_id == Person.id)
        .where(Person.verified_at.is_(None), Patient.deleted_at.is_(None), Patient.account_id.is_not(None))
        .subquery("unverified")
    )
