"""Recovery codes and invitations of staff, versions of members, and the searches of the audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016_identity_console"
down_revision = "0015_catalog_fee_change"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_SEARCHES = {"audit_entry_actor_idx": "actor", "audit_entry_action_idx": "action"}


def upgrade() -> None:
    """Apply."""
    op.execute(
        # whoever was invited has no password yet
        "-- squawk-ignore ban-drop-not-null\nALTER TABLE staff ALTER COLUMN password_hash DROP NOT NULL"
    )
    op.add_column("staff", sa.Column("version", sa.Integer, server_default="1", nullable=False))
    op.create_table(
        "staff_recovery_code",
        sa.Column("staff_id", sa.Uuid, nullable=False),
        sa.Column("code_hash", sa.LargeBinary, nullable=False),
        sa.Column("used_at", _MOMENT),
        sa.PrimaryKeyConstraint("staff_id", "code_hash", name="staff_recovery_code_pkey"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="staff_recovery_code_staff_id_fkey"),
    )
    op.create_table(
        "staff_invitation",
        sa.Column("staff_id", sa.Uuid, nullable=False),
        sa.Column("code_hash", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("staff_id", name="staff_invitation_pkey"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="staff_invitation_staff_id_fkey"),
    )
    for name, column in _SEARCHES.items():
        op.create_index(name, "audit_entry", ["hospital_id", column, "id"])


def downgrade() -> None:
    """Take back."""
    for name in _SEARCHES:
        op.drop_index(name, "audit_entry")
    op.drop_table("staff_invitation")
    op.drop_table("staff_recovery_code")
    op.drop_column("staff", "version")
    op.execute("UPDATE staff SET password_hash = '' WHERE password_hash IS NULL")
    op.alter_column("staff", "password_hash", nullable=False)
