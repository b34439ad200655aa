"""Which look-ups of today an enrolment gives back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0049_person_look_up"
down_revision = "0048_department_limits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "person_look_up",
        sa.Column("hospital_id", sa.Integer, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("staff_id", sa.Uuid, nullable=False),
        sa.Column("sought", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "day", "staff_id", "sought", name="person_look_up_pkey"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("person_look_up")
