"""Tables of scheduling: sessions, slots, the place log, cooling places."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006_scheduling"
down_revision = "0005_catalog"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_DURING = sa.text("tstzrange(starts_at, ends_at)")
_UNFINISHED = sa.text("state <> 'finished'")
_TAKES_PLACE = sa.text("state IN ('draft', 'published')")


def upgrade() -> None:
    """Apply."""
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    _clinic_session()
    _clinic_session_indexes()
    _slot()
    _slot_indexes()
    _place_log()
    _cooling_place()
    _cooling_place_indexes()
    op.execute("ALTER TABLE slot SET (fillfactor = 50)")
    op.execute("ALTER TABLE clinic_session SET (fillfactor = 80)")


def _hospital() -> sa.Column[int]:
    return sa.Column("hospital_id", sa.Integer, nullable=False)


def _id() -> sa.Column[UUID]:
    return sa.Column("id", sa.Uuid, nullable=False)


def _clinic_session() -> None:
    op.create_table(
        "clinic_session",
        _hospital(),
        _id(),
        sa.Column("doctor_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("campus_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid()),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("period", sa.String(40), nullable=False),
        sa.Column("starts_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
        sa.Column("release_at", _MOMENT, nullable=False),
        sa.Column("fee_fen", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("sex_limit", sa.String(40)),
        sa.Column("min_age_years", sa.Integer()),
        sa.Column("max_age_years", sa.Integer()),
        sa.Column("last_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("suspended_reason", sa.Text()),
        sa.Column("created_at", _MOMENT, server_default=sa.text("now()"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("hospital_id"), "="),
            (sa.column("campus_id"), "="),
            (sa.column("room"), "="),
            (_DURING, "&&"),
            where=_TAKES_PLACE,
            using="gist",
            name="clinic_session_room_used_once",
        ),
        postgresql.ExcludeConstraint(
            (sa.column("hospital_id"), "="),
            (sa.column("doctor_id"), "="),
            (_DURING, "&&"),
            where=_TAKES_PLACE,
            using="gist",
            name="clinic_session_doctor_in_one_place",
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'published', 'suspended', 'finished')", name="clinic_session_state_known"
        ),
        sa.CheckConstraint("fee_fen >= 0", name="clinic_session_fee_not_negative"),
        sa.CheckConstraint("last_number >= 0", name="clinic_session_number_not_negative"),
        sa.CheckConstraint("starts_at < ends_at", name="clinic_session_ends_after_start"),
        sa.ForeignKeyConstraint(
            ["hospital_id", "campus_id"],
            ["campus.hospital_id", "campus.id"],
            name="clinic_session_hospital_id_campus_id_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["hospital_id", "department_id"],
            ["department.hospital_id", "department.id"],
            name="clinic_session_hospital_id_department_id_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["hospital_id", "doctor_id"],
            ["doctor.hospital_id", "doctor.id"],
            name="clinic_session_hospital_id_doctor_id_fkey",
        ),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="clinic_session_pkey"),
    )


def _clinic_session_indexes() -> None:
    op.create_index(
        "clinic_session_department_date_idx", "clinic_session", ["hospital_id", "department_id", "date"]
    )
    op.create_index("clinic_session_doctor_date_idx", "clinic_session", ["hospital_id", "doctor_id", "date"])
    op.create_index(
        "clinic_session_template_date_key",
        "clinic_session",
        ["hospital_id", "template_id", "date"],
        unique=True,
    )
    op.create_index(
        "clinic_session_unfinished_idx", "clinic_session", ["ends_at"], postgresql_where=_UNFINISHED
    )


def _slot() -> None:
    op.create_table(
        "slot",
        _hospital(),
        _id(),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
        sa.Column("released_at", _MOMENT, nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("addons", sa.Integer(), server_default="0", nullable=False),
        sa.Column("free", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), server_default="0", nullable=False),
        sa.Column("booked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("desk", sa.Integer(), server_default="0", nullable=False),
        sa.Column("elderly", sa.Integer(), server_default="0", nullable=False),
        sa.Column("referral", sa.Integer(), server_default="0", nullable=False),
        sa.Column("later", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cooling", sa.Integer(), server_default="0", nullable=False),
        sa.Column("frozen", sa.Integer(), server_default="0", nullable=False),
        sa.Column("desk_returns_at", _MOMENT),
        sa.Column("elderly_returns_at", _MOMENT),
        sa.Column("referral_returns_at", _MOMENT),
        sa.Column("later_returns_at", _MOMENT),
        sa.Column("moves", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "ends_at > starts_at AND ends_at <= starts_at + interval '30 minutes'",
            name="slot_at_most_30_minutes",
        ),
        sa.CheckConstraint(
            "capacity + addons = free + held + booked + desk + elderly + referral + later + cooling + frozen",
            name="slot_place_law",
        ),
        sa.CheckConstraint(
            "least(capacity, addons, free, held, booked, desk, elderly, referral, later, cooling, frozen)"
            " >= 0",
            name="slot_no_negative_count",
        ),
        sa.ForeignKeyConstraint(
            ["hospital_id", "session_id"],
            ["clinic_session.hospital_id", "clinic_session.id"],
            name="slot_hospital_id_session_id_fkey",
        ),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="slot_pkey"),
    )


def _slot_indexes() -> None:
    op.create_index(
        "slot_reserve_idx",
        "slot",
        ["starts_at"],
        postgresql_where=sa.text("desk + elderly + referral + later > 0"),
    )
    op.create_index("slot_session_idx", "slot", ["hospital_id", "session_id", "starts_at"], unique=True)


def _place_log() -> None:
    op.create_table(
        "place_log",
        _hospital(),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("appointment_id", sa.Uuid()),
        sa.Column("source", sa.String(40)),
        sa.Column("target", sa.String(40), nullable=False),
        sa.Column("places", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("places > 0", name="place_log_moves_something"),
        sa.ForeignKeyConstraint(
            ["hospital_id", "slot_id"],
            ["slot.hospital_id", "slot.id"],
            name="place_log_hospital_id_slot_id_fkey",
        ),
        sa.PrimaryKeyConstraint("hospital_id", "slot_id", "seq", name="place_log_pkey"),
    )


def _cooling_place() -> None:
    op.create_table(
        "cooling_place",
        _hospital(),
        _id(),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("until", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["hospital_id", "slot_id"],
            ["slot.hospital_id", "slot.id"],
            name="cooling_place_hospital_id_slot_id_fkey",
        ),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="cooling_place_pkey"),
    )


def _cooling_place_indexes() -> None:
    op.create_index("cooling_place_until_idx", "cooling_place", ["until"])
