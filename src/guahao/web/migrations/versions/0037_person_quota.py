"""A desk patient for each hospital, and counters of look-ups and of values seen in full."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037_person_quota"
down_revision = "0036_refusals"
branch_labels = None
depends_on = None

_AT_DESK = sa.text("account_id IS NULL AND deleted_at IS NULL")
_HOME = """UPDATE patient p SET hospital_id = coalesce(
    (SELECT e.hospital_id FROM audit_entry e
     WHERE e.action = 'patient.enrol' AND e.subject = 'patient:' || p.id AND e.hospital_id > 0
     ORDER BY e.id LIMIT 1),
    (SELECT a.hospital_id FROM appointment a WHERE a.patient_id = p.id ORDER BY a.id LIMIT 1))
WHERE p.account_id IS NULL"""
"""Who was enrolled belongs to the hospital that did so first; the others enrol them anew when they come."""


def upgrade() -> None:
    """Apply."""
    op.add_column("patient", sa.Column("hospital_id", sa.Integer))
    op.execute(_HOME)
    op.execute(
        "ALTER TABLE patient ADD CONSTRAINT patient_owner_check"
        " CHECK (account_id IS NULL OR hospital_id IS NULL) NOT VALID"
    )
    op.add_column("patient", sa.Column("released_by", sa.String(40)))
    op.add_column("patient", sa.Column("release_reason", sa.Text))
    op.execute(
        "ALTER TABLE patient ADD CONSTRAINT patient_release_check CHECK (released_by IS NULL"
        " OR (released_by IN ('owner', 'hospital') AND deleted_at IS NOT NULL)) NOT VALID"
    )
    op.drop_index("patient_desk_key", "patient")
    op.create_index(
        "patient_desk_key", "patient", ["hospital_id", "person_id"], unique=True, postgresql_where=_AT_DESK
    )
    op.create_table(
        "person_quota",
        sa.Column("hospital_id", sa.Integer, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "day", "kind", "holder", name="person_quota_pkey"),
        sa.CheckConstraint("kind IN ('look_up', 'reveal')", name="person_quota_kind_check"),
        sa.CheckConstraint("count > 0", name="person_quota_count_check"),
    )
    op.create_index("person_quota_day_idx", "person_quota", ["day"])


def downgrade() -> None:
    """Take back."""
    op.drop_table("person_quota")
    op.drop_index("patient_desk_key", "patient")
    op.create_index("patient_desk_key", "patient", ["person_id"], unique=True, postgresql_where=_AT_DESK)
    op.drop_constraint("patient_release_check", "patient")
    op.drop_column("patient", "release_reason")
    op.drop_column("patient", "released_by")
    op.drop_constraint("patient_owner_check", "patient")
    op.drop_column("patient", "hospital_id")
