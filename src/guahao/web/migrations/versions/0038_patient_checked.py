"""Validates the constraints on whose patient a row is and who released it."""

from __future__ import annotations

from alembic import op

revision = "0038_patient_checked"
down_revision = "0037_person_quota"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for constraint in ("patient_owner_check", "patient_release_check"):
        op.execute(f"ALTER TABLE patient VALIDATE CONSTRAINT {constraint}")


def downgrade() -> None:
    """Take back; a validated constraint does no harm."""
