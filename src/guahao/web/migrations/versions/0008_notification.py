"""Tables of notification: messages owed."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0008_notification"
down_revision = "0007_payment"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply."""
    _notice()
    _notice_indexes()


def _hospital() -> sa.Column[int]:
    return sa.Column("hospital_id", sa.Integer, nullable=False)


def _id() -> sa.Column[UUID]:
    return sa.Column("id", sa.Uuid, nullable=False)


def _notice() -> None:
    op.create_table(
        "notice",
        _hospital(),
        _id(),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(40), server_default="planned", nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("created_at", _MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('planned', 'cancelled')", name="notice_state_known"),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="notice_pkey"),
        sa.UniqueConstraint(
            "hospital_id", "subject", "kind", "version", name="notice_once_per_subject_kind_and_version"
        ),
    )


def _notice_indexes() -> None:
    op.create_index("notice_due_idx", "notice", ["due_at"], postgresql_where=sa.text("state = 'planned'"))
