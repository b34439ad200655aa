"""Validates the constraints that the provider's words changed."""

from __future__ import annotations

from alembic import op

revision = "0033_provider_words_checked"
down_revision = "0032_provider_words"
branch_labels = None
depends_on = None

_CHANGED = {"refund": "refund_number_in_range", "event": "event_state_known"}


def upgrade() -> None:
    """Apply."""
    for table, constraint in _CHANGED.items():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}")


def downgrade() -> None:
    """Take back; a validated constraint does no harm."""
