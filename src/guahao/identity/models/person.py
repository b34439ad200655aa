"""People who can be treated, and the accounts they are listed in."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, closed_set
from guahao.kernel.sex import Sex


class DocumentType(StrEnum):
    """Identity documents that a person can be known by."""

    RESIDENT_ID = "resident_id"
    PASSPORT = "passport"
    HK_MACAO_PERMIT = "hk_macao_permit"
    TAIWAN_PERMIT = "taiwan_permit"
    FOREIGN_PERMANENT_RESIDENCE = "foreign_permanent_residence"
    BIRTH_CERTIFICATE = "birth_certificate"


class Relation(StrEnum):
    """What a patient is to the holder of the account."""

    SELF = "self"
    CHILD = "child"
    PARENT = "parent"
    SPOUSE = "spouse"
    OTHER = "other"


class Releaser(StrEnum):
    """Who took a person out of somebody else's account."""

    OWNER = "owner"
    HOSPITAL = "hospital"


class Person(Base):
    """One human being, known by one identity document; shared by all accounts that list them."""

    __tablename__ = "person"
    __table_args__ = (
        UniqueConstraint("document_type", "document_index", name="person_document_key"),
        CheckConstraint(
            "document_type IN ('resident_id', 'passport', 'hk_macao_permit', 'taiwan_permit',"
            " 'foreign_permanent_residence', 'birth_certificate')",
            name="person_document_type_check",
        ),
        CheckConstraint("sex IN ('male', 'female')", name="person_sex_check"),
        Index("person_unverified_idx", "id", postgresql_where=text("verified_at IS NULL")),
        Index("person_name_idx", "name_index"),
        Index("person_value_forms_idx", "value_forms", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    document_type: Mapped[DocumentType] = mapped_column(closed_set(DocumentType))
    document_index: Mapped[bytes] = mapped_column(LargeBinary)
    document_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    name_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    name_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    birth_date: Mapped[date]
    sex: Mapped[Sex] = mapped_column(closed_set(Sex))
    verified_at: Mapped[datetime | None]
    value_forms: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """By which count of normal forms number and name were indexed: `policy.finding.VALUE_FORMS`."""
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    forgotten_at: Mapped[datetime | None]
    """Since when name and number are gone, for nothing needs them any more."""


class Patient(Base):
    """A person as listed in one account, or as enrolled at the desk of one hospital (`hospital_id`).

    Each account and each hospital keeps the phone that it was given itself.
    """

    __tablename__ = "patient"
    __table_args__ = (
        CheckConstraint(
            "relation IN ('self', 'child', 'parent', 'spouse', 'other')", name="patient_relation_check"
        ),
        CheckConstraint("guardian_patient_id <> id", name="patient_guardian_check"),
        CheckConstraint("account_id IS NULL OR hospital_id IS NULL", name="patient_owner_check"),
        CheckConstraint(
            "released_by IS NULL OR (released_by IN ('owner', 'hospital') AND deleted_at IS NOT NULL)",
            name="patient_release_check",
        ),
        CheckConstraint(
            "num_nonnulls(release_hospital_id, release_staff_id) IN (0, 2)"
            " AND (release_hospital_id IS NULL OR released_by = 'hospital')",
            name="patient_release_desk_check",
        ),
        Index(
            "patient_account_person_key",
            "account_id",
            "person_id",
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(
            "patient_self_key",
            "account_id",
            unique=True,
            postgresql_where=text("deleted_at IS NULL AND relation = 'self'"),
        ),
        Index(
            "patient_desk_key",
            "hospital_id",
            "person_id",
            unique=True,
            postgresql_where=text("account_id IS NULL AND deleted_at IS NULL"),
        ),
        Index("patient_account_idx", "account_id", "id"),
        Index("patient_person_idx", "person_id"),
        Index("patient_phone_idx", "phone_index"),
        Index(
            "patient_release_idx",
            "release_hospital_id",
            "deleted_at",
            "id",
            postgresql_where=text("release_hospital_id IS NOT NULL"),
        ),
        Index(
            "patient_guardian_idx",
            "guardian_patient_id",
            postgresql_where=text("guardian_patient_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id", name="patient_account_id_fkey"))
    hospital_id: Mapped[int | None]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", name="patient_person_id_fkey"))
    relation: Mapped[Relation] = mapped_column(closed_set(Relation))
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    guardian_patient_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("patient.id", name="patient_guardian_patient_id_fkey")
    )
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    deleted_at: Mapped[datetime | None]
    released_by: Mapped[Releaser | None] = mapped_column(closed_set(Releaser))
    release_reason: Mapped[str | None]
    release_hospital_id: Mapped[int | None]
    release_staff_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("staff.id", name="patient_release_staff_id_fkey")
    )


class PersonQuota(Base):
    """How often somebody, or a whole hospital, looked for people not known there, or saw values in full."""

    __tablename__ = "person_quota"
    __table_args__ = (
        CheckConstraint("kind IN ('look_up', 'reveal')", name="person_quota_kind_check"),
        CheckConstraint("count > 0", name="person_quota_count_check"),
        Index("person_quota_day_idx", "day"),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]


class PersonLookUp(Base):
    """A look-up of today that is given back when the person who was looked for is enrolled."""

    __tablename__ = "person_look_up"

    hospital_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(primary_key=True)
    sought: Mapped[bytes] = mapped_column(primary_key=True)
    """Blind index of the number that was typed."""
