"""Validates the constraints that the console's steps added."""

from __future__ import annotations

from alembic import op

revision = "0021_console_checked"
down_revision = "0020_payment_console"
branch_labels = None
depends_on = None

_ADDED = {
    "credit_event": "credit_event_voided_whole",
    "doctor": "doctor_hospital_id_photo_id_fkey",
    "refund": "refund_recall_has_a_name",
    "event": "event_state_known",
}


def upgrade() -> None:
    """Apply."""
    for table, constraint in _ADDED.items():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}")


def downgrade() -> None:
    """Take back; a validated constraint does no harm."""
