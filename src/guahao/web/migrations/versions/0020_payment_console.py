"""Tables and indexes that the console needs."""

from __future__ import annotations

revision = "0020_payment_console"
down_revision = "0019_booking_console"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
