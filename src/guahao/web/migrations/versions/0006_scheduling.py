"""Tables of scheduling."""

from __future__ import annotations

revision = "0006_scheduling"
down_revision = "0005_catalog"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
