"""Requests of two administrators, roles that exclude each other, accounts bound to a doctor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025_identity_control"
down_revision = "0024_appointment_event_checked"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_OPEN = sa.text("state = 'open'")
_CHECKS = {
    "kind_check": "kind IN ('create_member', 'grant_roles', 'reset_login', 'reset_totp', 'enable_member',"
    " 'loosen_control')",
    "state_check": "state IN ('open', 'approved', 'rejected', 'withdrawn')",
    "decided_check": "(state = 'open') = (decided_at IS NULL)",
    "two_people": "(decided_at IS NULL) = (decided_by IS NULL)"
    " AND ((state = 'withdrawn') = (decided_by = proposed_by) OR decided_by IS NULL)",
}
_EXCLUDED = (
    "roles @> ARRAY['finance'] AND roles && ARRAY['platform_admin', 'hospital_admin', 'desk', 'auditor']"
)
_WITHOUT_FINANCE = """UPDATE staff SET roles = array_remove(roles, 'finance'), version = version + 1
WHERE roles @> ARRAY['finance'] AND roles && ARRAY['platform_admin', 'hospital_admin', 'desk', 'auditor']"""
_COMPATIBLE = f"NOT ({_EXCLUDED}) AND NOT (roles @> ARRAY['auditor'] AND cardinality(roles) > 1)"
_OF_DOCTOR = "doctor_id IS NULL OR (hospital_id IS NOT NULL AND roles @> ARRAY['doctor'])"


def upgrade() -> None:
    """Apply; who had roles that exclude each other keeps the ones without money and audit."""
    op.add_column("staff", sa.Column("doctor_id", sa.Uuid))
    op.execute(_WITHOUT_FINANCE)
    op.execute(
        "UPDATE staff SET roles = array_remove(roles, 'auditor'), version = version + 1"
        " WHERE roles @> ARRAY['auditor'] AND cardinality(roles) > 1"
    )
    op.execute(f"ALTER TABLE staff ADD CONSTRAINT staff_roles_compatible CHECK ({_COMPATIBLE}) NOT VALID")
    op.execute(f"ALTER TABLE staff ADD CONSTRAINT staff_doctor_check CHECK ({_OF_DOCTOR}) NOT VALID")
    op.create_table(
        "control_request",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("hospital_id", sa.Integer),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", postgresql.JSONB, nullable=False),
        sa.Column("code_part_hash", sa.LargeBinary),
        sa.Column("state", sa.String(40), server_default="open", nullable=False),
        sa.Column("proposed_by", sa.Uuid, nullable=False),
        sa.Column("proposed_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("decided_by", sa.Uuid),
        sa.Column("decided_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="control_request_pkey"),
        sa.ForeignKeyConstraint(["proposed_by"], ["staff.id"], name="control_request_proposed_by_fkey"),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"], name="control_request_decided_by_fkey"),
        *(sa.CheckConstraint(rule, name=f"control_request_{name}") for name, rule in _CHECKS.items()),
    )
    op.create_index(
        "control_request_open_key",
        "control_request",
        ["subject", "kind"],
        unique=True,
        postgresql_where=_OPEN,
    )
    op.create_index("control_request_hospital_idx", "control_request", ["hospital_id", "id"])
    # one administrator knew the whole code of these: they are given out anew, by two
    op.execute(
        "DELETE FROM staff_invitation i USING staff s WHERE s.id = i.staff_id"
        " AND s.roles && ARRAY['platform_admin', 'hospital_admin', 'finance', 'auditor']"
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("control_request")
    op.drop_constraint("staff_doctor_check", "staff")
    op.drop_constraint("staff_roles_compatible", "staff")
    op.drop_column("staff", "doctor_id")
