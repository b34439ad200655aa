"""Validates what sessions and their suspensions must be."""

from __future__ import annotations

from alembic import op

revision = "0029_suspension_checked"
down_revision = "0028_suspension"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for name in ("clinic_session_lifecycle_known", "clinic_session_suspension_is_open"):
        op.execute(f"ALTER TABLE clinic_session VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    """Take back; a validated constraint does no harm."""
