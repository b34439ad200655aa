"""Validates the constraints on roles and doctors of staff."""

from __future__ import annotations

from alembic import op

revision = "0026_control_checked"
down_revision = "0025_identity_control"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for constraint in ("staff_roles_compatible", "staff_doctor_check"):
        op.execute(f"ALTER TABLE staff VALIDATE CONSTRAINT {constraint}")


def downgrade() -> None:
    """Take back; a validated constraint does no harm."""
