"""Tables of payment."""

from __future__ import annotations

revision = "0007_payment"
down_revision = "0006_scheduling"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
