"""Empties the search index, whose entries have the search form of before; a job makes it anew."""

from __future__ import annotations

from alembic import op

revision = "0050_search_forms"
down_revision = "0049_person_look_up"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("DELETE FROM search_entry")


def downgrade() -> None:
    """Take back: entries of now are not found by the search form of before, either."""
    op.execute("DELETE FROM search_entry")
