"""Tables of audit."""

from __future__ import annotations

revision = "0002_audit"
down_revision = "0001_kernel"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
