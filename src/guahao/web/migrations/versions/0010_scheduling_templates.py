"""Tables of scheduling templates, exceptions, add-on places and the materialising clock."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ExcludeConstraint

revision = "0010_scheduling_templates"
down_revision = "0009_booking"
branch_labels = None
depends_on = None

_MINUTES = "int4range((extract(epoch FROM starts)/60)::int, (extract(epoch FROM ends)/60)::int)"
_DAYS = "daterange(valid_from, valid_until)"
_NOW = sa.text("now()")


def upgrade() -> None:
    """Apply."""
    _template()
    _exception()
    _addon()
    op.create_table(
        "schedule_clock",
        sa.Column("hospital_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", name="schedule_clock_pkey"),
    )
    op.create_index("schedule_clock_due_idx", "schedule_clock", ["due_at"])


def _key(table: str) -> tuple[sa.Column[int], sa.Column[UUID], sa.PrimaryKeyConstraint]:
    return (
        sa.Column("hospital_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "id", name=f"{table}_pkey"),
    )


def _owner(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["hospital_id", column],
        [f"{target}.hospital_id", f"{target}.id"],
        name=f"{table}_hospital_id_{column}_fkey",
    )


def _words(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _template() -> None:
    table = "schedule_template"
    op.create_table(
        table,
        *_key(table),
        *(sa.Column(name, sa.Uuid, nullable=False) for name in ("doctor_id", "department_id", "campus_id")),
        sa.Column("weekday", sa.Integer, nullable=False),
        sa.Column("period", sa.String(40), nullable=False),
        sa.Column("starts", sa.Time, nullable=False),
        sa.Column("ends", sa.Time, nullable=False),
        sa.Column("slot_min", sa.Integer, nullable=False),
        sa.Column("capacity_per_slot", sa.Integer, nullable=False),
        _words("room"),
        _words("level"),
        sa.Column("on_holidays", sa.String(40), nullable=False),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_until", sa.Date),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        _owner(table, "doctor_id", "doctor"),
        _owner(table, "department_id", "department"),
        _owner(table, "campus_id", "campus"),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name="schedule_template_weekday_known"),
        sa.CheckConstraint("starts < ends", name="schedule_template_ends_after_start"),
        sa.CheckConstraint("slot_min BETWEEN 5 AND 30", name="schedule_template_slot_length"),
        sa.CheckConstraint("capacity_per_slot BETWEEN 1 AND 100", name="schedule_template_capacity"),
        sa.CheckConstraint("level IN ('general', 'expert', 'special')", name="schedule_template_level_known"),
        sa.CheckConstraint("valid_from < valid_until", name="schedule_template_valid_some_days"),
        sa.CheckConstraint("room <> ''", name="schedule_template_room_given"),
        sa.CheckConstraint("on_holidays IN ('closed', 'open')", name="schedule_template_holidays_known"),
        sa.CheckConstraint(
            "period IN ('morning', 'afternoon', 'evening')", name="schedule_template_period_known"
        ),
        _never_twice("schedule_template_doctor_in_one_place", "doctor_id"),
        _never_twice("schedule_template_room_used_once", "campus_id", "room"),
    )
    op.create_index(
        "schedule_template_natural_key",
        table,
        ["hospital_id", "doctor_id", "department_id", "weekday", "period", "valid_from"],
        unique=True,
    )


def _never_twice(name: str, *columns: str) -> ExcludeConstraint:
    equal: list[sa.ColumnClause[str]] = [sa.column(column) for column in ("hospital_id", *columns, "weekday")]
    return ExcludeConstraint(
        *((column, "=") for column in equal),
        (sa.text(_MINUTES), "&&"),
        (sa.text(_DAYS), "&&"),
        name=name,
        using="gist",
        deferrable=True,
    )


def _exception() -> None:
    table = "schedule_exception"
    op.create_table(
        table,
        *_key(table),
        sa.Column("date", sa.Date, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        *(sa.Column(name, sa.Uuid) for name in ("template_id", "doctor_id", "substitute_id")),
        sa.Column("weekday", sa.Integer),
        sa.Column("starts", sa.Time),
        sa.Column("ends", sa.Time),
        sa.Column("capacity_per_slot", sa.Integer),
        sa.Column("room", sa.Text),
        _words("reason"),
        _words("created_by"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        _owner(table, "template_id", "schedule_template"),
        _owner(table, "doctor_id", "doctor"),
        _owner(table, "substitute_id", "doctor"),
        sa.CheckConstraint(
            "kind IN ('cancelled', 'changed', 'substitute', 'follow_weekday')",
            name="schedule_exception_kind_known",
        ),
        sa.CheckConstraint("template_id IS NULL OR doctor_id IS NULL", name="schedule_exception_one_scope"),
        sa.CheckConstraint(
            "kind <> 'changed' OR (template_id IS NOT NULL AND starts IS NOT NULL AND ends IS NOT NULL"
            " AND capacity_per_slot IS NOT NULL AND room IS NOT NULL"
            " AND starts < ends AND capacity_per_slot BETWEEN 1 AND 100 AND room <> '')",
            name="schedule_exception_change_complete",
        ),
        sa.CheckConstraint(
            "kind <> 'substitute' OR (substitute_id IS NOT NULL"
            " AND coalesce(template_id, doctor_id) IS NOT NULL)",
            name="schedule_exception_substitute_named",
        ),
        sa.CheckConstraint(
            "kind <> 'follow_weekday' OR (weekday IS NOT NULL AND weekday BETWEEN 0 AND 6"
            " AND coalesce(template_id, doctor_id) IS NULL)",
            name="schedule_exception_weekday_named",
        ),
    )
    op.create_index(
        "schedule_exception_scope_key",
        table,
        ["hospital_id", "date", "template_id", "doctor_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )


def _addon() -> None:
    table = "session_addon"
    op.create_table(
        table,
        *_key(table),
        *(sa.Column(name, sa.Uuid, nullable=False) for name in ("session_id", "slot_id", "doctor_id")),
        sa.Column("places", sa.Integer, nullable=False),
        _words("reason"),
        _words("added_by"),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        _owner(table, "slot_id", "slot"),
        sa.CheckConstraint("places > 0", name="session_addon_adds_something"),
        sa.CheckConstraint("reason <> ''", name="session_addon_has_reason"),
    )
    op.create_index("session_addon_session_idx", table, ["hospital_id", "session_id"])
