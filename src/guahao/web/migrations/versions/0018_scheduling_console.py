"""Tables and indexes that the console needs."""

from __future__ import annotations

revision = "0018_scheduling_console"
down_revision = "0017_catalog_console"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
