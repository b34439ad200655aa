"""What the import and the staff routes give to the services: one whole row each, references by code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from guahao.catalog.models import DoctorLevel, FeeKind, HospitalKind, HospitalState
from guahao.kernel.sex import Sex


@dataclass(frozen=True, slots=True, kw_only=True)
class HospitalRow:
    """A hospital; `code` is its own short code, unique on the platform. Map points are GCJ-02.

    An import leaves pictures as they are.
    """

    code: str
    name: str
    kind: HospitalKind
    city: str
    level: str = ""
    address: str = ""
    phones: tuple[str, ...] = ()
    intro: str = ""
    notices: tuple[str, ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    picture_ids: tuple[UUID, ...] = ()
    state: HospitalState = HospitalState.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class CampusRow:
    """A site of a hospital; `code` is unique in the hospital. Map points are GCJ-02."""

    code: str
    name: str
    address: str = ""
    phone: str = ""
    latitude: float | None = None
    longitude: float | None = None
    is_active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartmentRow:
    """A department; parent and campus are codes of the same hospital and must exist already.

    Ages are whole years, both ends included. `national_code` is one of the national list.
    """

    code: str
    name: str
    parent_code: str | None = None
    campus_code: str | None = None
    national_code: str | None = None
    intro: str = ""
    place: str = ""
    diseases: tuple[str, ...] = ()
    sex_limit: Sex | None = None
    min_age_years: int = 0
    max_age_years: int = 200
    position: int = 0
    is_active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorRow:
    """A doctor; `department_codes` are all departments of this doctor and must exist already.

    An import leaves the photo as it is.
    """

    code: str
    name: str
    level: DoctorLevel
    department_codes: tuple[str, ...] = ()
    title: str = ""
    skills: str = ""
    diseases: tuple[str, ...] = ()
    intro: str = ""
    photo_id: UUID | None = None
    is_active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRow:
    """A price in fen from a day on: of a level, or of one doctor at that level."""

    level: DoctorLevel
    fee_fen: int
    effective_from: date
    kind: FeeKind = FeeKind.CONSULTATION
    doctor_code: str | None = None
