"""Tables of booking: appointments, credit events, blocks."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0009_booking"
down_revision = "0008_notification"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_STANDING = sa.text("state IN ('held', 'booked', 'suspended')")


def upgrade() -> None:
    """Apply."""
    _appointment()
    _appointment_indexes()
    _credit_event()
    _credit_event_indexes()
    _booking_block()
    _booking_block_indexes()
    op.execute("ALTER TABLE appointment SET (fillfactor = 80)")


def _hospital() -> sa.Column[int]:
    return sa.Column("hospital_id", sa.Integer, nullable=False)


def _id() -> sa.Column[UUID]:
    return sa.Column("id", sa.Uuid, nullable=False)


def _appointment() -> None:
    op.create_table(
        "appointment",
        _hospital(),
        _id(),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("doctor_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("starts_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer()),
        sa.Column("hold_expires_at", _MOMENT),
        sa.Column("decide_by", _MOMENT),
        sa.Column("rescheduled_from", sa.Uuid()),
        sa.Column("created_at", _MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("booked_at", _MOMENT),
        sa.Column("ended_at", _MOMENT),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (state IN ('held', 'booked', 'suspended'))",
            name="appointment_end_has_a_time",
        ),
        sa.CheckConstraint(
            "(state = 'held') <= (hold_expires_at IS NOT NULL)", name="appointment_hold_has_an_end"
        ),
        sa.CheckConstraint(
            "(state IN ('booked', 'suspended')) <= (number IS NOT NULL)", name="appointment_booked_has_number"
        ),
        sa.CheckConstraint("channel IN ('online', 'desk', 'phone')", name="appointment_channel_known"),
        sa.CheckConstraint(
            "state IN ('held', 'booked', 'suspended', 'expired', 'cancelled_by_patient',"
            " 'cancelled_by_hospital', 'rescheduled')",
            name="appointment_state_known",
        ),
        sa.ForeignKeyConstraint(
            ["hospital_id", "order_id"],
            ["payment_order.hospital_id", "payment_order.id"],
            name="appointment_hospital_id_order_id_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["hospital_id", "slot_id"],
            ["slot.hospital_id", "slot.id"],
            name="appointment_hospital_id_slot_id_fkey",
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="appointment_patient_id_fkey"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="appointment_person_id_fkey"),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="appointment_pkey"),
    )


def _appointment_indexes() -> None:
    op.create_index("appointment_account_idx", "appointment", ["account_id", "id"])
    op.create_index(
        "appointment_decide_idx",
        "appointment",
        ["decide_by"],
        postgresql_where=sa.text("state = 'suspended'"),
    )
    op.create_index(
        "appointment_hold_idx", "appointment", ["hold_expires_at"], postgresql_where=sa.text("state = 'held'")
    )
    op.create_index(
        "appointment_number_once_per_session",
        "appointment",
        ["hospital_id", "session_id", "number"],
        unique=True,
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.create_index(
        "appointment_one_per_person_and_session",
        "appointment",
        ["hospital_id", "person_id", "session_id"],
        unique=True,
        postgresql_where=_STANDING,
    )
    op.create_index(
        "appointment_one_per_person_department_and_day",
        "appointment",
        ["hospital_id", "person_id", "department_id", "date"],
        unique=True,
        postgresql_where=_STANDING,
    )
    op.create_index("appointment_person_idx", "appointment", ["person_id", "date"])
    op.create_index("appointment_slot_idx", "appointment", ["hospital_id", "slot_id"])


def _credit_event() -> None:
    op.create_table(
        "credit_event",
        _hospital(),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("occurred_at", _MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["hospital_id", "appointment_id"],
            ["appointment.hospital_id", "appointment.id"],
            name="credit_event_hospital_id_appointment_id_fkey",
        ),
        sa.PrimaryKeyConstraint("hospital_id", "appointment_id", name="credit_event_pkey"),
    )


def _credit_event_indexes() -> None:
    op.create_index("credit_event_person_idx", "credit_event", ["hospital_id", "person_id", "occurred_at"])


def _booking_block() -> None:
    op.create_table(
        "booking_block",
        _hospital(),
        _id(),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("starts_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
        sa.Column("lifted_at", _MOMENT),
        sa.CheckConstraint("starts_at < ends_at", name="booking_block_ends_after_start"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="booking_block_person_id_fkey"),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="booking_block_pkey"),
    )


def _booking_block_indexes() -> None:
    op.create_index("booking_block_person_idx", "booking_block", ["hospital_id", "person_id", "ends_at"])
