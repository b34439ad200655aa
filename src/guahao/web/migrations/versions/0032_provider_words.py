"""Follows refunds to the provider's last word, and lays events aside that no version hears yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032_provider_words"
down_revision = "0031_lock_patients"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("refund", sa.Column("final_at", sa.DateTime(timezone=True)))
    op.execute(
        "UPDATE refund SET final_at = coalesce(recalled_at, settled_at, requested_at)"
        " WHERE state IN ('closed', 'rejected') OR recalled_at IS NOT NULL"
        " OR (state = 'success' AND settled_by IS NULL)"
    )
    op.drop_index("refund_recall_idx", table_name="refund")
    op.drop_index("refund_due_idx", table_name="refund")
    op.create_index("refund_due_idx", "refund", ["due_at"], postgresql_where=sa.text("state = 'requested'"))
    op.create_index(
        "refund_followed_idx",
        "refund",
        ["due_at"],
        postgresql_where=sa.text("channel_refund_id IS NOT NULL AND final_at IS NULL"),
    )
    # both hold for every row there is: the range and the set of states grow
    op.execute(
        "-- squawk-ignore ban-drop-constraint\nALTER TABLE refund DROP CONSTRAINT refund_number_in_range"
    )
    op.execute("ALTER TABLE refund ADD CONSTRAINT refund_number_in_range CHECK (number >= 1) NOT VALID")
    op.execute("-- squawk-ignore ban-drop-constraint\nALTER TABLE event DROP CONSTRAINT event_state_known")
    op.execute(
        "ALTER TABLE event ADD CONSTRAINT event_state_known CHECK"
        " (state IN ('pending', 'done', 'dead', 'discarded', 'unheard')) NOT VALID"
    )
    op.create_index(
        "event_unheard_idx", "event", ["occurred_at"], postgresql_where=sa.text("state = 'unheard'")
    )


def downgrade() -> None:
    """Take back; what is laid aside becomes done, as it was before."""
    op.drop_index("event_unheard_idx", table_name="event")
    op.execute("UPDATE event SET state = 'done' WHERE state = 'unheard'")
    op.execute("ALTER TABLE event DROP CONSTRAINT event_state_known")
    op.execute(
        "ALTER TABLE event ADD CONSTRAINT event_state_known CHECK"
        " (state IN ('pending', 'done', 'dead', 'discarded')) NOT VALID"
    )
    op.execute("ALTER TABLE refund DROP CONSTRAINT refund_number_in_range")
    op.execute(
        "ALTER TABLE refund ADD CONSTRAINT refund_number_in_range CHECK"
        " (number >= 1 AND number <= 50) NOT VALID"
    )
    op.drop_index("refund_followed_idx", table_name="refund")
    op.drop_index("refund_due_idx", table_name="refund")
    op.create_index(
        "refund_due_idx",
        "refund",
        ["due_at"],
        postgresql_where=sa.text("state IN ('requested', 'submitted')"),
    )
    op.create_index(
        "refund_recall_idx",
        "refund",
        ["due_at"],
        postgresql_where=sa.text("recalled_by IS NOT NULL AND recalled_at IS NULL"),
    )
    op.drop_column("refund", "final_at")
