"""Tables of scheduling templates."""

from __future__ import annotations

revision = "0010_scheduling_templates"
down_revision = "0009_booking"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
