"""Counts of what was refused, minute by minute, until they stand in the trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036_refusals"
down_revision = "0035_strangers"
branch_labels = None
depends_on = None

_WHAT = ("action", "code", "actor", "subject", "address")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "refusal_count",
        sa.Column("hospital_id", sa.Integer(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _WHAT),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("hospital_id", "minute", *_WHAT, name="refusal_count_pkey"),
        sa.CheckConstraint("count > 0", name="refusal_count_positive"),
    )
    op.create_index(
        "refusal_count_unrecorded_idx",
        "refusal_count",
        ["minute"],
        postgresql_where=sa.text("recorded_at IS NULL"),
    )
    op.create_index("refusal_count_minute_idx", "refusal_count", ["minute"])


def downgrade() -> None:
    """Take back."""
    op.drop_table("refusal_count")
