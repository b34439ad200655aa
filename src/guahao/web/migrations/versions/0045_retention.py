"""Persons whose name and number are gone, since nothing needs them any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045_retention"
down_revision = "0044_account_checked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("person", sa.Column("forgotten_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Take back."""
    op.drop_column("person", "forgotten_at")
