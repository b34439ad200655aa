"""What staff send and see when they edit the catalogue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Annotated, Any, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field, model_validator
from sqlalchemy import Row

from guahao.catalog.models import (
    Campus,
    Department,
    Doctor,
    DoctorLevel,
    FeeChange,
    FeeChangeState,
    FeeItem,
    FeeKind,
    Hospital,
    HospitalKind,
    HospitalState,
)
from guahao.catalog.queries.fees import FeePhase
from guahao.catalog.service.rows import CampusRow, DepartmentRow, DoctorRow, FeeRow, HospitalRow
from guahao.kernel.http import Body
from guahao.kernel.sex import Sex
from guahao.kernel.value import numbers
from guahao.kernel.value.fields import (
    Code,
    DoctorName,
    Id,
    Level,
    Line,
    Name,
    NationalCode,
    Notice,
    PhoneLine,
    Prose,
    Skills,
    Title,
    Word,
    fault,
)
from guahao.kernel.value.words import DEPARTMENTS_MOST, NOTICES_MOST, PHONES_MOST, WORDS_MOST

AnyRow = TypeVar("AnyRow", HospitalRow, CampusRow, DepartmentRow, DoctorRow, FeeRow)


def _between(limits: tuple[int, int] | tuple[dt.date, dt.date]) -> Any:  # noqa: ANN401  # what pydantic answers
    return Field(ge=limits[0], le=limits[1])


Words = Annotated[tuple[Word, ...], Field(max_length=WORDS_MOST)]
Notices = Annotated[tuple[Notice, ...], Field(max_length=NOTICES_MOST)]
Phones = Annotated[tuple[PhoneLine, ...], Field(max_length=PHONES_MOST)]
PictureId = Annotated[UUID, Field(description="A picture of this hospital")]
Latitude = Annotated[float | None, _between(numbers.LATITUDE)]
Longitude = Annotated[float | None, _between(numbers.LONGITUDE)]
AgeYears = Annotated[int, _between(numbers.AGE_YEARS)]
Version = Annotated[int, Field(ge=1, le=2_000_000_000, description="The version this edit is based on")]
FeeFen = Annotated[int, _between(numbers.FEE_FEN)]
Day = Annotated[dt.date, _between(numbers.DAY)]


class RowBody(Body):
    """A whole row as the console's form gives it."""

    def row(self, kind: type[AnyRow]) -> AnyRow:
        """The row for the service."""
        return kind(**{field.name: getattr(self, field.name) for field in fields(kind)})


class Placed(RowBody):
    """A row with a map point in GCJ-02: both numbers or none."""

    latitude: Latitude = None
    longitude: Longitude = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise fault("map_point", field="latitude" if self.latitude is None else "longitude")
        return self


class HospitalIn(Placed):
    """A hospital."""

    code: Code
    name: Name
    kind: HospitalKind
    city: Name
    level: Level = ""
    address: Line = ""
    phones: Phones = ()
    intro: Prose = ""
    notices: Notices = ()
    picture_ids: Annotated[tuple[PictureId, ...], Field(max_length=9)] = ()
    state: HospitalState = HospitalState.OPEN


class CampusIn(Placed):
    """A site of a hospital."""

    code: Code
    name: Name
    address: Line = ""
    phone: PhoneLine = ""
    is_active: bool = True


class DepartmentIn(RowBody):
    """A department; parent and campus by their codes."""

    code: Code
    name: Name
    parent_code: Code | None = None
    campus_code: Code | None = None
    national_code: NationalCode | None = None
    intro: Prose = ""
    place: Line = ""
    diseases: Words = ()
    sex_limit: Sex | None = None
    min_age_years: AgeYears = 0
    max_age_years: AgeYears = 200
    position: Annotated[int, _between(numbers.POSITION)] = 0
    is_active: bool = True

    @model_validator(mode="after")
    def _ages_in_order(self) -> Self:
        if self.min_age_years > self.max_age_years:
            limits = {"lowest": self.min_age_years, "highest": self.max_age_years}
            raise fault("ages", field="max_age_years", **limits)
        return self


class DoctorIn(RowBody):
    """A doctor; departments by their codes."""

    code: Code
    name: DoctorName
    level: DoctorLevel
    department_codes: Annotated[tuple[Code, ...], Field(max_length=DEPARTMENTS_MOST)] = ()
    title: Title = ""
    skills: Skills = ""
    diseases: Words = ()
    intro: Prose = ""
    photo_id: PictureId | None = None
    is_active: bool = True


class FeeIn(RowBody):
    """A price in fen from a day on: of a level, or of one doctor at that level."""

    level: DoctorLevel
    fee_fen: FeeFen
    effective_from: Day
    kind: FeeKind = FeeKind.CONSULTATION
    doctor_code: Code | None = None


class HospitalEdit(HospitalIn):
    """A hospital as edited."""

    version: Version


class CampusEdit(CampusIn):
    """A campus as edited."""

    version: Version


class DepartmentEdit(DepartmentIn):
    """A department as edited."""

    version: Version


class DoctorEdit(DoctorIn):
    """A doctor as edited."""

    version: Version


class MoveIn(Body):
    """A department's new place: below which parent (null is the top), before which brother (null: last)."""

    version: Version
    parent_id: Id | None = None
    before_id: Id | None = None


class FeeEdit(FeeIn):
    """A price as edited."""

    version: Version


class HospitalSeen(HospitalEdit):
    """A hospital as stored."""

    id: str

    @classmethod
    def of(cls, row: Hospital) -> HospitalSeen:
        """Show a row."""
        return cls.model_construct(**_columns(row, cls))


class CampusSeen(CampusEdit):
    """A campus as stored."""

    id: str

    @classmethod
    def of(cls, row: Campus) -> CampusSeen:
        """Show a row."""
        return cls.model_construct(**_columns(row, cls))


class DepartmentSeen(DepartmentEdit):
    """A department as stored."""

    id: str

    @classmethod
    def of(cls, row: Department, *, parent_code: str | None, campus_code: str | None) -> DepartmentSeen:
        """Show a row."""
        return cls.model_construct(**_columns(row, cls), parent_code=parent_code, campus_code=campus_code)


class DoctorSeen(DoctorEdit):
    """A doctor as stored."""

    id: str

    @classmethod
    def of(cls, row: Doctor, *, department_codes: Sequence[str]) -> DoctorSeen:
        """Show a row."""
        return cls.model_construct(**_columns(row, cls), department_codes=tuple(department_codes))


class FeeSeen(FeeEdit):
    """A price as stored."""

    id: str

    @classmethod
    def of(cls, row: FeeItem, *, doctor_code: str | None) -> FeeSeen:
        """Show a row."""
        return cls.model_construct(**_columns(row, cls), doctor_code=doctor_code)


class FeeListed(FeeSeen):
    """A price in a list: whose it is, and whether it was, is or will be in force."""

    doctor_name: str | None
    phase: FeePhase

    @classmethod
    def made_of(cls, row: Row[Any]) -> FeeListed:
        """Show a row of `queries.fees.fees`."""
        own = FeeSeen.of(row.FeeItem, doctor_code=row.doctor_code).model_dump()
        return cls(**own, doctor_name=row.doctor_name, phase=row.phase)


class FeeChangeSeen(BaseModel):
    """A price that waits for a second person, or waited; `before_fen` is what it replaces.

    `fee_id` is null for a new price; `proposed_by` and `decided_by` are audit actors.
    """

    id: str
    fee_id: str | None
    kind: FeeKind
    level: DoctorLevel
    doctor_id: str | None
    doctor_name: str | None
    fee_fen: int
    effective_from: dt.date
    before_fen: int | None
    state: FeeChangeState
    proposed_by: str
    proposed_by_name: str | None
    proposed_at: dt.datetime
    decided_by: str | None
    decided_by_name: str | None
    decided_at: dt.datetime | None

    @classmethod
    def of(cls, row: FeeChange, *, people: Mapping[str, str], doctors: Mapping[UUID, str]) -> FeeChangeSeen:
        """Show a row with the names of `people` by actor and of `doctors` by id."""
        ids = {name: getattr(row, name) for name in ("id", "fee_id", "doctor_id")}
        shown = {
            name: getattr(row, name) for name in cls.model_fields if hasattr(row, name) and name not in ids
        }
        return cls(
            **shown,
            **{name: str(id_) if id_ else None for name, id_ in ids.items()},
            doctor_name=doctors.get(row.doctor_id) if row.doctor_id else None,
            proposed_by_name=people.get(row.proposed_by),
            decided_by_name=people.get(row.decided_by or ""),
        )


def _columns(
    row: Hospital | Campus | Department | Doctor | FeeItem, shape: type[BaseModel]
) -> dict[str, Any]:
    """The columns a shape shows; references by code are not columns."""
    values = {name: getattr(row, name) for name in shape.model_fields if hasattr(row, name)}
    shown = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return {**shown, "id": str(row.id)}
