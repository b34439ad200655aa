"""Validates the constraints on at whose desk a person was released."""

from __future__ import annotations

from alembic import op

revision = "0047_releases_checked"
down_revision = "0046_releases_and_duplicates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for constraint in ("patient_release_staff_id_fkey", "patient_release_desk_check"):
        op.execute(f"ALTER TABLE patient VALIDATE CONSTRAINT {constraint}")


def downgrade() -> None:
    """Take back; a validated constraint does no harm."""
