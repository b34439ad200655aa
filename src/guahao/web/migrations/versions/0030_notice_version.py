"""A notice's version is the event of its appointment that it tells of; cash remembers who took it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030_notice_version"
down_revision = "0029_suspension_checked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; versions that only counted become older than every event."""
    op.execute("UPDATE notice SET version = version - 1000000")
    op.execute(
        """
        UPDATE notice SET version = appointment.event_seq FROM appointment
        WHERE notice.state = 'planned' AND appointment.hospital_id = notice.hospital_id
          AND notice.subject = 'appointment:' || appointment.id
        """
    )
    op.add_column("payment", sa.Column("taken_by", sa.Text()))
    op.execute(
        """
        UPDATE payment SET taken_by = audit_entry.actor FROM audit_entry
        WHERE audit_entry.hospital_id = payment.hospital_id AND action = 'payment.take_cash'
          AND subject = 'payment:' || payment.id
        """
    )


def downgrade() -> None:
    """Take back; versions stay as they are, each of them once."""
    op.drop_column("payment", "taken_by")
