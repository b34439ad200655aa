"""Workbooks that staff sent, and what became of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, LargeBinary, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, Json, closed_set


class ImportState(StrEnum):
    """How far an import has come."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    """The file has errors, nothing was written."""
    FAILED = "failed"
    """The server gave up, nothing was written."""


class WorkbookImport(Base):
    """A file on its way into the database; it is kept until the import has ended.

    Of the platform while `hospital_id` is null: such a file may make hospitals. `attempt` is the
    worker's claim: who holds an older one may not finish. `report` begins with the sender's choice,
    `only_good_rows`, and ends as the outcome.
    """

    __tablename__ = "workbook_import"
    __table_args__ = (
        CheckConstraint(
            "state IN ('waiting','running','done','refused','failed')", name="workbook_import_state"
        ),
        CheckConstraint(
            "(state IN ('waiting','running')) = (finished_at IS NULL AND content IS NOT NULL)",
            name="workbook_import_end",
        ),
        Index("workbook_import_hospital_id_idx", "hospital_id", "id"),
        Index("workbook_import_open_idx", "id", postgresql_where=text("state IN ('waiting','running')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    hospital_id: Mapped[int | None] = mapped_column(ForeignKey("hospital.id"))
    name: Mapped[str]
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    is_dry_run: Mapped[bool]
    state: Mapped[ImportState] = mapped_column(closed_set(ImportState))
    attempt: Mapped[int] = mapped_column(server_default="0")
    leased_until: Mapped[datetime | None]
    done: Mapped[int] = mapped_column(server_default="0")
    total: Mapped[int] = mapped_column(server_default="0")
    report: Mapped[Json | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    finished_at: Mapped[datetime | None]


IS_OPEN: ColumnElement[bool] = literal_column("workbook_import.state IN ('waiting','running')")
"""Which imports wait or run; in the statement's text, as the partial index needs it."""
