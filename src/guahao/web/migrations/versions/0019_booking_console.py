"""Finding bookings and people at the desk; excused deeds that no longer count."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019_booking_console"
down_revision = "0018_scheduling_console"
branch_labels = None
depends_on = None

_LISTS = {
    "appointment_time_idx": ["hospital_id", "starts_at", "id"],
    "appointment_department_time_idx": ["hospital_id", "department_id", "starts_at", "id"],
    "appointment_doctor_time_idx": ["hospital_id", "doctor_id", "starts_at", "id"],
}


def upgrade() -> None:
    """Apply."""
    for name, columns in _LISTS.items():
        op.create_index(name, "appointment", columns)
    op.drop_index("appointment_person_idx", "appointment")
    op.create_index("appointment_person_idx", "appointment", ["person_id", "starts_at", "id"])
    op.add_column("credit_event", sa.Column("voided_at", sa.DateTime(timezone=True)))
    op.add_column("credit_event", sa.Column("voided_by", sa.Text()))
    op.add_column("credit_event", sa.Column("void_reason", sa.Text()))
    op.execute(
        "ALTER TABLE credit_event ADD CONSTRAINT credit_event_voided_whole"
        " CHECK (num_nonnulls(voided_at, voided_by, void_reason) IN (0, 3)) NOT VALID"
    )
    op.add_column("person", sa.Column("name_index", sa.LargeBinary()))
    op.create_index("person_name_idx", "person", ["name_index"])
    op.add_column("patient", sa.Column("phone_index", sa.LargeBinary()))
    op.create_index("patient_phone_idx", "patient", ["phone_index"])
    is_unverified = sa.text("verified_at IS NULL")
    op.create_index("person_unverified_idx", "person", ["id"], postgresql_where=is_unverified)


def downgrade() -> None:
    """Take back."""
    op.drop_index("person_unverified_idx", "person")
    op.drop_index("patient_phone_idx", "patient")
    op.drop_column("patient", "phone_index")
    op.drop_index("person_name_idx", "person")
    op.drop_column("person", "name_index")
    op.drop_constraint("credit_event_voided_whole", "credit_event")
    for name in ("void_reason", "voided_by", "voided_at"):
        op.drop_column("credit_event", name)
    op.drop_index("appointment_person_idx", "appointment")
    op.create_index("appointment_person_idx", "appointment", ["person_id", "date"])
    for name in _LISTS:
        op.drop_index(name, "appointment")
