"""Prices as staff want them, large changes waiting for a second person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015_catalog_fee_change"
down_revision = "0014_booking_money"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "fee_change",
        sa.Column("hospital_id", sa.Integer, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("fee_id", sa.Uuid()),
        sa.Column("version", sa.Integer()),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("level", sa.String(40), nullable=False),
        sa.Column("doctor_id", sa.Uuid()),
        sa.Column("fee_fen", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("before_fen", sa.Integer()),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", _MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_at", _MOMENT),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> proposed_by", name="fee_change_decided_by_another"
        ),
        sa.CheckConstraint(
            "(state IN ('approved','rejected')) = (decided_by IS NOT NULL AND decided_at IS NOT NULL)",
            name="fee_change_decision_has_a_name",
        ),
        sa.CheckConstraint("(fee_id IS NULL) = (version IS NULL)", name="fee_change_of_a_version"),
        sa.CheckConstraint("state IN ('applied','proposed','approved','rejected')", name="fee_change_state"),
        sa.CheckConstraint("fee_fen BETWEEN 0 AND 10000000", name="fee_change_fee"),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name="fee_change_hospital_id_fkey"),
        sa.ForeignKeyConstraint(
            ["hospital_id", "doctor_id"],
            ["doctor.hospital_id", "doctor.id"],
            name="fee_change_hospital_id_doctor_id_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["hospital_id", "fee_id"],
            ["fee_item.hospital_id", "fee_item.id"],
            name="fee_change_hospital_id_fee_id_fkey",
        ),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="fee_change_pkey"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("fee_change")
