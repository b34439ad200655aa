"""Validates the constraints on orders that became wider or were added."""

from __future__ import annotations

from alembic import op

revision = "0013_payment_checked"
down_revision = "0012_sandbox"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for name in ("state_known", "paid_has_a_time", "parts_fit"):
        op.execute(f"ALTER TABLE payment_order VALIDATE CONSTRAINT payment_order_{name}")


def downgrade() -> None:
    """Take back: a validated constraint does no harm."""
