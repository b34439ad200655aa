"""Lets the sandbox remember that a refund goes to the merchant instead of its payer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022_refund_destination"
down_revision = "0021_console_checked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "sandbox_refund",
        sa.Column("goes_to_merchant", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_column("sandbox_refund", "goes_to_merchant")
