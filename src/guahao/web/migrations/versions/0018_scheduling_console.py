"""Tables and indexes that the console needs to plan sessions: versions, changes of many at once."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018_scheduling_console"
down_revision = "0017_catalog_console"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_VERSIONED = ("clinic_session", "schedule_template")
_DATE_INDEX = (
    "-- squawk-ignore require-concurrent-index-creation\n"
    "CREATE INDEX clinic_session_date_idx ON clinic_session (hospital_id, date)"
)
"""Built while the server is stopped for the upgrade: one row a session, seconds for millions."""


def upgrade() -> None:
    """Apply."""
    for table in _VERSIONED:
        op.add_column(table, sa.Column("version", sa.Integer, server_default="1", nullable=False))
    op.execute(_DATE_INDEX)
    _change()
    _item()


def _hospital() -> sa.Column[int]:
    return sa.Column("hospital_id", sa.Integer, autoincrement=False, nullable=False)


def _by(name: str) -> tuple[sa.Column[str], sa.Column[object]]:
    return sa.Column(f"{name}_by", sa.Text), sa.Column(f"{name}_at", _MOMENT)


def _id(name: str) -> sa.Column[UUID]:
    return sa.Column(name, sa.Uuid, nullable=False)


def _change() -> None:
    op.create_table(
        "schedule_change",
        _hospital(),
        _id("id"),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("asked", postgresql.JSONB, nullable=False),
        sa.Column("possible", sa.Integer, nullable=False),
        sa.Column("refused", sa.Integer, nullable=False),
        sa.Column("proposed_by", sa.Text, nullable=False),
        sa.Column("proposed_at", _MOMENT, nullable=False),
        *_by("applied"),
        *_by("undone"),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="schedule_change_pkey"),
        sa.CheckConstraint(
            "kind IN ('copy_week', 'set', 'publish', 'remove')", name="schedule_change_kind_known"
        ),
        sa.CheckConstraint("state IN ('proposed', 'applied', 'undone')", name="schedule_change_state_known"),
        sa.CheckConstraint(
            "(state = 'proposed') = (applied_by IS NULL) AND (applied_by IS NULL) = (applied_at IS NULL)",
            name="schedule_change_applied_by_somebody",
        ),
        sa.CheckConstraint(
            "(state = 'undone') = (undone_by IS NOT NULL) AND (undone_by IS NULL) = (undone_at IS NULL)",
            name="schedule_change_undone_by_somebody",
        ),
        sa.CheckConstraint("least(possible, refused) >= 0", name="schedule_change_counts"),
    )


def _item() -> None:
    op.create_table(
        "schedule_change_item",
        _hospital(),
        _id("change_id"),
        sa.Column("seq", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("session_id", sa.Uuid),
        sa.Column("version", sa.Integer),
        sa.Column("before", postgresql.JSONB(none_as_null=True)),
        sa.Column("after", postgresql.JSONB(none_as_null=True)),
        sa.Column("refused_code", sa.Text),
        sa.Column("refused_data", postgresql.JSONB(none_as_null=True)),
        sa.PrimaryKeyConstraint("hospital_id", "change_id", "seq", name="schedule_change_item_pkey"),
        sa.ForeignKeyConstraint(
            ["hospital_id", "change_id"],
            ["schedule_change.hospital_id", "schedule_change.id"],
            name="schedule_change_item_hospital_id_change_id_fkey",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "before IS NOT NULL OR after IS NOT NULL", name="schedule_change_item_about_something"
        ),
        sa.CheckConstraint(
            "(refused_code IS NULL) = (refused_data IS NULL)", name="schedule_change_item_refused_fully"
        ),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("schedule_change_item")
    op.drop_table("schedule_change")
    op.drop_index("clinic_session_date_idx", "clinic_session")
    for table in _VERSIONED:
        op.drop_column(table, "version")
