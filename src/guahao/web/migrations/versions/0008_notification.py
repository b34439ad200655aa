"""Tables of notification."""

from __future__ import annotations

revision = "0008_notification"
down_revision = "0007_payment"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
