"""Validates the constraints on orders that became wider or were added; faults of providers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013_payment_checked"
down_revision = "0012_sandbox"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for name in ("state_known", "paid_has_a_time", "parts_fit"):
        op.execute(f"ALTER TABLE payment_order VALIDATE CONSTRAINT payment_order_{name}")
    op.create_table(
        "provider_fault",
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("provider", "fault", name="provider_fault_pkey"),
    )


def downgrade() -> None:
    """Take back; a validated constraint does no harm."""
    op.drop_table("provider_fault")
