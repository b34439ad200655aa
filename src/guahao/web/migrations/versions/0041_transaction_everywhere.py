"""A provider's transaction is looked for in all hospitals: it pays one order of one of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041_transaction_everywhere"
down_revision = "0040_account_closure"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "payment_transaction_idx",
        "payment",
        ["transaction_id"],
        postgresql_where=sa.text("transaction_id IS NOT NULL"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("payment_transaction_idx", "payment")
