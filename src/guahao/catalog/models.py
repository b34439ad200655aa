"""Tables of the catalogue; everything a hospital says about itself."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, Json, closed_set
from guahao.kernel.sex import Sex


class HospitalKind(StrEnum):
    """What sort of house it is."""

    GENERAL = "general"
    SPECIALIST = "specialist"
    TRADITIONAL = "traditional"
    MATERNITY = "maternity"
    COMMUNITY = "community"


class HospitalState(StrEnum):
    """Whether patients see it."""

    OPEN = "open"
    CLOSED = "closed"


class DoctorLevel(StrEnum):
    """The level of a doctor or session, which decides the fee: 普通, 专家, 特需."""

    GENERAL = "general"
    EXPERT = "expert"
    SPECIAL = "special"


class FeeKind(StrEnum):
    """The parts of a session's fee: 挂号费 and 诊查费; a patient pays their sum."""

    REGISTRATION = "registration"
    CONSULTATION = "consultation"


class EntryKind(StrEnum):
    """What a search result leads to; a disease leads to a department."""

    HOSPITAL = "hospital"
    DEPARTMENT = "department"
    DOCTOR = "doctor"
    DISEASE = "disease"


class Hospital(Base):
    """A hospital; its small number leads every key of its rows."""

    __tablename__ = "hospital"
    __table_args__ = (
        UniqueConstraint("code"),
        CheckConstraint("id BETWEEN 1 AND 16777215", name="hospital_id_fits_ids"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="hospital_map_point"),
        CheckConstraint(
            "kind IN ('general','specialist','traditional','maternity','community')", name="hospital_kind"
        ),
        CheckConstraint("state IN ('open','closed')", name="hospital_state"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    level: Mapped[str] = mapped_column(server_default="")
    kind: Mapped[HospitalKind] = mapped_column(closed_set(HospitalKind))
    city: Mapped[str]
    address: Mapped[str] = mapped_column(server_default="")
    phones: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    intro: Mapped[str] = mapped_column(server_default="")
    notices: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    picture_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default=text("'{}'"))
    state: Mapped[HospitalState] = mapped_column(closed_set(HospitalState), server_default="open")
    version: Mapped[int] = mapped_column(server_default="1")


class Picture(Base):
    """A photo or picture as it is shown: a JPEG made here, never the file that was uploaded."""

    __tablename__ = "picture"
    __table_args__ = (
        CheckConstraint("width BETWEEN 1 AND 1200 AND height BETWEEN 1 AND 1200", name="picture_size"),
        Index("picture_created_at_idx", "created_at"),
    )

    hospital_id: Mapped[int] = mapped_column(ForeignKey("hospital.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    width: Mapped[int] = mapped_column(SmallInteger)
    height: Mapped[int] = mapped_column(SmallInteger)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Campus(Base):
    """A site (院区) of a hospital; map points are GCJ-02, as WeChat maps want them."""

    __tablename__ = "campus"
    __table_args__ = (
        UniqueConstraint("hospital_id", "code"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="campus_map_point"),
    )

    hospital_id: Mapped[int] = mapped_column(ForeignKey("hospital.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    address: Mapped[str] = mapped_column(server_default="")
    phone: Mapped[str] = mapped_column(server_default="")
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(server_default="1")


class Department(Base):
    """A node of a hospital's department tree."""

    __tablename__ = "department"
    __table_args__ = (
        UniqueConstraint("hospital_id", "code"),
        ForeignKeyConstraint(["hospital_id", "parent_id"], ["department.hospital_id", "department.id"]),
        ForeignKeyConstraint(["hospital_id", "campus_id"], ["campus.hospital_id", "campus.id"]),
        CheckConstraint("parent_id <> id", name="department_not_its_own_parent"),
        CheckConstraint("sex_limit IN ('male','female')", name="department_sex_limit"),
        CheckConstraint(
            "min_age_years >= 0 AND max_age_years <= 200 AND min_age_years <= max_age_years",
            name="department_age_limits",
        ),
        Index("department_hospital_id_parent_id_idx", "hospital_id", "parent_id"),
    )

    hospital_id: Mapped[int] = mapped_column(ForeignKey("hospital.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    parent_id: Mapped[UUID | None]
    campus_id: Mapped[UUID | None]
    national_code: Mapped[str | None]
    intro: Mapped[str] = mapped_column(server_default="")
    place: Mapped[str] = mapped_column(server_default="")
    diseases: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    sex_limit: Mapped[Sex | None] = mapped_column(closed_set(Sex))
    min_age_years: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    max_age_years: Mapped[int] = mapped_column(SmallInteger, server_default="200")
    position: Mapped[int] = mapped_column(server_default="0")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(server_default="1")


class Doctor(Base):
    """A doctor as patients see them."""

    __tablename__ = "doctor"
    __table_args__ = (
        UniqueConstraint("hospital_id", "code"),
        ForeignKeyConstraint(["hospital_id", "photo_id"], ["picture.hospital_id", "picture.id"]),
        CheckConstraint("level IN ('general','expert','special')", name="doctor_level"),
        Index("doctor_hospital_id_photo_id_idx", "hospital_id", "photo_id"),
    )

    hospital_id: Mapped[int] = mapped_column(ForeignKey("hospital.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    title: Mapped[str] = mapped_column(server_default="")
    level: Mapped[DoctorLevel] = mapped_column(closed_set(DoctorLevel))
    skills: Mapped[str] = mapped_column(server_default="")
    diseases: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    intro: Mapped[str] = mapped_column(server_default="")
    photo_id: Mapped[UUID | None]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(server_default="1")


class DoctorDepartment(Base):
    """A doctor works in a department."""

    __tablename__ = "doctor_department"
    __table_args__ = (
        ForeignKeyConstraint(["hospital_id", "doctor_id"], ["doctor.hospital_id", "doctor.id"]),
        ForeignKeyConstraint(["hospital_id", "department_id"], ["department.hospital_id", "department.id"]),
        Index("doctor_department_hospital_id_department_id_idx", "hospital_id", "department_id"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    doctor_id: Mapped[UUID] = mapped_column(primary_key=True)
    department_id: Mapped[UUID] = mapped_column(primary_key=True)


class FeeItem(Base):
    """What one part of a session costs from a day on: by level, or for one doctor at that level."""

    __tablename__ = "fee_item"
    __table_args__ = (
        ForeignKeyConstraint(["hospital_id", "doctor_id"], ["doctor.hospital_id", "doctor.id"]),
        UniqueConstraint(
            "hospital_id",
            "kind",
            "level",
            "doctor_id",
            "effective_from",
            name="fee_item_one_price",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("kind IN ('registration','consultation')", name="fee_item_kind"),
        CheckConstraint("level IN ('general','expert','special')", name="fee_item_level"),
        CheckConstraint("fee_fen BETWEEN 0 AND 10000000", name="fee_item_fee"),
    )

    hospital_id: Mapped[int] = mapped_column(ForeignKey("hospital.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[FeeKind] = mapped_column(closed_set(FeeKind))
    level: Mapped[DoctorLevel] = mapped_column(closed_set(DoctorLevel))
    doctor_id: Mapped[UUID | None]
    fee_fen: Mapped[int]
    effective_from: Mapped[date]
    version: Mapped[int] = mapped_column(server_default="1")


class FeeChangeState(StrEnum):
    """What became of a wish to set another price."""

    APPLIED = "applied"
    """Small enough for one person."""
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class FeeChange(Base):
    """A price as staff want it: a new one, or with `fee_id` another one in the place of `version`.

    `before_fen` is what it would replace. A large change takes effect when a second person approves.
    """

    __tablename__ = "fee_change"
    __table_args__ = (
        ForeignKeyConstraint(["hospital_id", "doctor_id"], ["doctor.hospital_id", "doctor.id"]),
        ForeignKeyConstraint(["hospital_id", "fee_id"], ["fee_item.hospital_id", "fee_item.id"]),
        CheckConstraint(
            "decided_by IS NULL OR decided_by <> proposed_by", name="fee_change_decided_by_another"
        ),
        CheckConstraint(
            "(state IN ('approved','rejected')) = (decided_by IS NOT NULL AND decided_at IS NOT NULL)",
            name="fee_change_decision_has_a_name",
        ),
        CheckConstraint("(fee_id IS NULL) = (version IS NULL)", name="fee_change_of_a_version"),
        CheckConstraint("state IN ('applied','proposed','approved','rejected')", name="fee_change_state"),
        CheckConstraint("fee_fen BETWEEN 0 AND 10000000", name="fee_change_fee"),
    )

    hospital_id: Mapped[int] = mapped_column(ForeignKey("hospital.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    fee_id: Mapped[UUID | None]
    version: Mapped[int | None]
    kind: Mapped[FeeKind] = mapped_column(closed_set(FeeKind))
    level: Mapped[DoctorLevel] = mapped_column(closed_set(DoctorLevel))
    doctor_id: Mapped[UUID | None]
    fee_fen: Mapped[int]
    effective_from: Mapped[date]
    before_fen: Mapped[int | None]
    state: Mapped[FeeChangeState] = mapped_column(closed_set(FeeChangeState))
    proposed_by: Mapped[str]
    proposed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class RuleSetRow(Base):
    """One published version of a hospital's rules; never changed afterwards."""

    __tablename__ = "rule_set"
    __table_args__ = (CheckConstraint("version >= 1", name="rule_set_version"),)

    hospital_id: Mapped[int] = mapped_column(ForeignKey("hospital.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    effective_from: Mapped[datetime]
    rules: Mapped[Json]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class SearchEntry(Base):
    """One thing that can be found, under one text and one reading; derived, kept up to date by `reindex`.

    `text` is what is compared (its search form), `name` what is shown; `position` orders equals.
    """

    __tablename__ = "search_entry"
    __table_args__ = (
        CheckConstraint("kind IN ('hospital','department','doctor','disease')", name="search_entry_kind"),
        Index(
            "search_entry_trigram_idx",
            "text",
            "pinyin",
            "initials",
            postgresql_using="gin",
            postgresql_ops={"text": "gin_trgm_ops", "pinyin": "gin_trgm_ops", "initials": "gin_trgm_ops"},
        ),
        Index("search_entry_text_idx", "text"),
    )

    hospital_id: Mapped[int] = mapped_column(ForeignKey("hospital.id"), primary_key=True)
    kind: Mapped[EntryKind] = mapped_column(closed_set(EntryKind), primary_key=True)
    entity_id: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(primary_key=True)
    pinyin: Mapped[str] = mapped_column(primary_key=True)
    initials: Mapped[str]
    name: Mapped[str]
    hint: Mapped[str]
    position: Mapped[int]
