"""Tables of payment: orders."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0007_payment"
down_revision = "0006_scheduling"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply."""
    _payment_order()


def _hospital() -> sa.Column[int]:
    return sa.Column("hospital_id", sa.Integer, nullable=False)


def _id() -> sa.Column[UUID]:
    return sa.Column("id", sa.Uuid, nullable=False)


def _payment_order() -> None:
    op.create_table(
        "payment_order",
        _hospital(),
        _id(),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("amount_fen", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("expires_at", _MOMENT),
        sa.Column("paid_at", _MOMENT),
        sa.Column("created_at", _MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(paid_at IS NOT NULL) = (state IN ('paid', 'refunding', 'refunded'))",
            name="payment_order_paid_has_a_time",
        ),
        sa.CheckConstraint(
            "state IN ('created', 'paid', 'closed', 'refunding', 'refunded')",
            name="payment_order_state_known",
        ),
        sa.CheckConstraint("amount_fen >= 0", name="payment_order_amount_not_negative"),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="payment_order_pkey"),
        sa.UniqueConstraint("hospital_id", "subject", name="payment_order_one_per_subject"),
    )
