"""What is told to the owner of a login, and codes by which a phone is changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043_security_event"
down_revision = "0042_first_made_at"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_CHECKS = {
    "has_one_owner": "num_nonnulls(account_id, staff_id) = 1",
    "source_whole": "(address IS NULL) = (device IS NULL)",
    "kind_check": "kind IN ('new_device', 'password_changed', 'phone_changed', 'patient_released',"
    " 'patient_corrected', 'second_factor_set', 'second_factor_removed', 'recovery_code_used',"
    " 'access_reset')",
    "patient_check": "(patient_id IS NOT NULL) = (kind IN ('patient_released', 'patient_corrected'))",
}
_OWNERS = {"account": "staff_id IS NULL", "staff": "account_id IS NULL"}
_PURPOSES = ("register", "login", "reset", "confirm")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "security_event",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid),
        sa.Column("staff_id", sa.Uuid),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("patient_id", sa.Uuid),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("device", sa.Text),
        sa.Column("seen_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="security_event_pkey"),
        *(
            sa.ForeignKeyConstraint([f"{table}_id"], [f"{table}.id"], name=f"security_event_{table}_id_fkey")
            for table in ("account", "staff", "patient")
        ),
        *(sa.CheckConstraint(rule, name=f"security_event_{name}") for name, rule in _CHECKS.items()),
    )
    for owner, where in _OWNERS.items():
        op.create_index(
            f"security_event_{owner}_idx",
            "security_event",
            [f"{owner}_id", "id"],
            postgresql_where=sa.text(where),
        )
    op.create_index("security_event_at_idx", "security_event", ["at"])
    _allow((*_PURPOSES, "change_phone"))


def downgrade() -> None:
    """Take back."""
    op.execute("DELETE FROM sms_code WHERE purpose = 'change_phone'")
    _allow(_PURPOSES)
    op.drop_table("security_event")


def _allow(purposes: tuple[str, ...]) -> None:
    allowed = ", ".join(f"'{purpose}'" for purpose in purposes)
    op.execute("-- squawk-ignore ban-drop-constraint\nALTER TABLE sms_code DROP CONSTRAINT sms_code_purpose")
    op.execute(
        f"ALTER TABLE sms_code ADD CONSTRAINT sms_code_purpose CHECK (purpose IN ({allowed})) NOT VALID"
    )
