"""Names that go with sessions, from a view of each hospital that is at most half a minute old."""

from __future__ import annotations

import math
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
    hospitals_by_ids,
    require_visible,
)
from guahao.kernel.errors import NotFound

SEEN_WITHIN_S = 30
MOST_UNKNOWN = 4096
"""Ids of hospitals that do not exist, remembered at once: strangers may send any number of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HospitalNames:
    """A hospital's campuses and departments as they were a moment ago."""

    seen_at: float
    is_visible: bool
    campuses: Mapping[UUID, CampusFacts]
    departments: Mapping[UUID, DepartmentFacts]


_NOBODY = HospitalNames(seen_at=-math.inf, is_visible=False, campuses={}, departments={})


class Directory:
    """Hospitals' names, kept in this process; that a hospital does not exist is kept as well."""

    def __init__(self, *, single_hospital: str | None) -> None:
        """Take the code of the only hospital shown, None on a platform."""
        self._single_hospital = single_hospital
        self._seen: dict[int, HospitalNames] = {}
        self._unknown: dict[int, float] = {}

    async def of(self, db: AsyncSession, hospital_id: int) -> HospitalNames:
        """The names of a hospital, read again when older than 30 s."""
        return (await self.of_many(db, {hospital_id: frozenset()}))[hospital_id]

    async def of_many(
        self, db: AsyncSession, needs: Mapping[int, frozenset[UUID]]
    ) -> dict[int, HospitalNames]:
        """The names of hospitals, each read again when older than 30 s or when a needed one is not there.

        Hospitals that do not exist cost one statement together, and nothing for the next 30 s.
        """
        stale = [id_ for id_, wanted in needs.items() if not self._is_fresh(id_, wanted)]
        existing = await hospitals_by_ids(db, stale) if stale else {}
        for id_ in stale:
            if id_ in existing:
                self._seen[id_] = await self._read(db, id_)
            else:
                self._forget(id_)
        return {id_: self._seen.get(id_) or _NOBODY for id_ in needs}

    def _is_fresh(self, hospital_id: int, wanted: frozenset[UUID]) -> bool:
        seen = self._seen.get(hospital_id)
        if seen is None:
            return time.monotonic() - self._unknown.get(hospital_id, -math.inf) < SEEN_WITHIN_S
        is_there = wanted <= seen.campuses.keys() | seen.departments.keys()
        return is_there and time.monotonic() - seen.seen_at <= SEEN_WITHIN_S

    def _forget(self, hospital_id: int) -> None:
        self._seen.pop(hospital_id, None)
        if len(self._unknown) >= MOST_UNKNOWN:
            self._unknown.clear()
        self._unknown[hospital_id] = time.monotonic()

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
