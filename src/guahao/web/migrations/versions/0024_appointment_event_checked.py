"""Validates that every appointment's state has its event."""

from __future__ import annotations

from alembic import op

revision = "0024_appointment_event_checked"
down_revision = "0023_appointment_event"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("ALTER TABLE appointment VALIDATE CONSTRAINT appointment_state_has_its_event")


def downgrade() -> None:
    """Take back; a validated constraint does no harm."""
