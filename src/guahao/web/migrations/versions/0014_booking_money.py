"""When the end of a hold began to wait for its order to be closed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014_booking_money"
down_revision = "0013_payment_checked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("appointment", sa.Column("expiring_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Take back."""
    op.drop_column("appointment", "expiring_at")
