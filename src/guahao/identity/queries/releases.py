"""Whom a hospital's desk took out of accounts of others: for those who watch over the desk."""

from __future__ import annotations

from sqlalchemy import Select, select

from guahao.identity.models.person import Patient
from guahao.kernel.paging import Listing

RELEASES = Listing(by={"released_at": Patient.deleted_at}, id=Patient.id, default="-released_at")


def releases(*, hospital_id: int) -> Select[Patient]:
    """One row for each account that somebody was taken out of at this hospital's desk."""
    return select(Patient).where(
        Patient.release_hospital_id == hospital_id, Patient.release_hospital_id.is_not(None)
    )
