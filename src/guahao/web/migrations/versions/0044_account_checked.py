"""Validates the constraints on accounts and on what a code sent by SMS is for."""

from __future__ import annotations

from alembic import op

revision = "0044_account_checked"
down_revision = "0043_security_event"
branch_labels = None
depends_on = None

_UNREAD = {"sms_code": ("sms_code_purpose",), "account": ("account_has_identity", "account_closed_is_empty")}


def upgrade() -> None:
    """Apply."""
    for table, constraints in _UNREAD.items():
        for constraint in constraints:
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}")


def downgrade() -> None:
    """Take back; a validated constraint does no harm."""
