"""Tables of booking."""

from __future__ import annotations

revision = "0009_booking"
down_revision = "0008_notification"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
