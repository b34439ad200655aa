"""Two persons who turned out to have one document, and what each hospital's desk found about them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base


class PersonDuplicate(Base):
    """A report that `person_id` has the document of `other_id`; both stay as they are."""

    __tablename__ = "person_duplicate"
    __table_args__ = (
        CheckConstraint("person_id <> other_id", name="person_duplicate_two_check"),
        Index("person_duplicate_pair_key", "person_id", "other_id", unique=True),
        Index("person_duplicate_other_idx", "other_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", name="person_duplicate_person_id_fkey"))
    other_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", name="person_duplicate_other_id_fkey"))
    found_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class DuplicateCheck(Base):
    """What the desk of one hospital found when it looked at a report; other hospitals look for themselves."""

    __tablename__ = "person_duplicate_check"
    __table_args__ = (Index("person_duplicate_check_duplicate_idx", "duplicate_id"),)

    hospital_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    duplicate_id: Mapped[UUID] = mapped_column(
        ForeignKey("person_duplicate.id", name="person_duplicate_check_duplicate_id_fkey"), primary_key=True
    )
    staff_id: Mapped[UUID] = mapped_column(
        ForeignKey("staff.id", name="person_duplicate_check_staff_id_fkey")
    )
    checked_at: Mapped[datetime]
    note: Mapped[str]
