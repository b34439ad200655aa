"""Budgets of what strangers may try, and the device that asked for a code."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035_strangers"
down_revision = "0034_closed_places"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("sms_code", sa.Column("device_hash", sa.LargeBinary()))
    op.create_table(
        "login_budget",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="login_budget_pkey"),
    )
    op.create_index("login_budget_full_idx", "login_budget", ["full_at"])


def downgrade() -> None:
    """Take back."""
    op.drop_table("login_budget")
    op.drop_column("sms_code", "device_hash")
