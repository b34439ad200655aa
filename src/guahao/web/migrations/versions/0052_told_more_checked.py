"""Validates the constraints on what is told to the owner of an account."""

from __future__ import annotations

from alembic import op

revision = "0052_told_more_checked"
down_revision = "0051_told_more"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for constraint in ("security_event_kind_check", "security_event_patient_check"):
        op.execute(f"ALTER TABLE security_event VALIDATE CONSTRAINT {constraint}")


def downgrade() -> None:
    """Take back; a validated constraint does no harm."""
