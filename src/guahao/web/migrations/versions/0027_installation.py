"""Table of the installation's marks: the environment and the key check values of the first start."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027_installation"
down_revision: str | None = "0026_control_checked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "installation_mark",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name="installation_mark_pkey"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("installation_mark")
