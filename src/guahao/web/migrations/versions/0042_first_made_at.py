"""When a person first booked what was moved since: moves are no new bookings to the limits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042_first_made_at"
down_revision = "0041_transaction_everywhere"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("appointment", sa.Column("first_made_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Take back."""
    op.drop_column("appointment", "first_made_at")
