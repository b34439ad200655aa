"""Tables and indexes that the console needs."""

from __future__ import annotations

revision = "0016_identity_console"
down_revision = "0015_catalog_fee_change"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""


def downgrade() -> None:
    """Take back."""
