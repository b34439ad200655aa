"""What lists of the catalogue can be narrowed to."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from guahao.catalog.models import DoctorLevel, FeeKind
from guahao.catalog.queries.doctors import DoctorFilter
from guahao.catalog.queries.fees import FeeFilter, FeePhase
from guahao.kernel.http import Listed

Words = Annotated[str | None, Field(max_length=40)]


class DepartmentSearch(BaseModel):
    """Departments by name or code, parts of them suffice."""

    q: Words = None
    campus_code: Annotated[str | None, Field(max_length=32)] = None
    is_active: bool | None = None


class DoctorSearch(Listed):
    """Doctors by name, pinyin, initials or number, level, department and whether they still work here."""

    q: Words = None
    level: DoctorLevel | None = None
    department_id: UUID | None = None
    is_active: bool | None = None

    def wanted(self, hospital_id: int) -> DoctorFilter:
        """The filter for a hospital."""
        return DoctorFilter(
            hospital_id=hospital_id,
            q=self.q,
            level=self.level,
            department_id=self.department_id,
            is_active=self.is_active,
        )


class FeeSearch(Listed):
    """Prices by the doctor's name or number, kind, level and phase."""

    q: Words = None
    kind: FeeKind | None = None
    level: DoctorLevel | None = None
    phase: FeePhase | None = None

    def wanted(self, hospital_id: int) -> FeeFilter:
        """The filter for a hospital."""
        return FeeFilter(
            hospital_id=hospital_id, q=self.q, kind=self.kind, level=self.level, phase=self.phase
        )
