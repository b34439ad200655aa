"""Names that go with sessions, from a view of each hospital that is at most half a minute old."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import (
    CampusFacts,
    DepartmentFacts,
    campuses_by_codes,
    departments_by_codes,
    require_visible,
)
from guahao.kernel.errors import NotFound

SEEN_WITHIN_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class HospitalNames:
    """A hospital's campuses and departments as they were a moment ago."""

    seen_at: float
    is_visible: bool
    campuses: Mapping[UUID, CampusFacts]
    departments: Mapping[UUID, DepartmentFacts]


class Directory:
    """Hospitals' names, kept in this process."""

    def __init__(self, *, single_hospital: str | None) -> None:
        """Take the code of the only hospital shown, None on a platform."""
        self._single_hospital = single_hospital
        self._seen: dict[int, HospitalNames] = {}

    async def of(
        self, db: AsyncSession, hospital_id: int, *, needs: frozenset[UUID] = frozenset()
    ) -> HospitalNames:
        """The names of a hospital, read again when older than 30 s or when a needed one is not there."""
        seen = self._seen.get(hospital_id)
        if (
            seen is None
            or time.monotonic() - seen.seen_at > SEEN_WITHIN_S
            or not needs <= seen.campuses.keys() | seen.departments.keys()
        ):
            seen = await self._read(db, hospital_id)
            if seen.campuses:
                self._seen[hospital_id] = seen
        return seen

    async def _read(self, db: AsyncSession, hospital_id: int) -> HospitalNames:
        try:
            await require_visible(db, hospital_id=hospital_id, single_hospital=self._single_hospital)
            is_visible = True
        except NotFound:
            is_visible = False
        campuses = await campuses_by_codes(db, hospital_id=hospital_id)
        departments = await departments_by_codes(db, hospital_id=hospital_id)
        return HospitalNames(
            seen_at=time.monotonic(),
            is_visible=is_visible,
            campuses={one.id: one for one in campuses.values()},
            departments={one.id: one for one in departments.values()},
        )
