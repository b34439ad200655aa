"""A suspension is a row of its own; what a session is follows from its lifecycle and its open suspension."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028_suspension"
down_revision = "0027_installation"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_EXCLUSIONS = {
    "clinic_session_doctor_in_one_place": "hospital_id WITH =, doctor_id WITH =",
    "clinic_session_room_used_once": "hospital_id WITH =, campus_id WITH =, room WITH =",
}


def _exclude() -> None:
    for name, equal in _EXCLUSIONS.items():
        # an exclusion cannot be NOT VALID
        op.execute(
            "-- squawk-ignore constraint-missing-not-valid\n"
            f"ALTER TABLE clinic_session ADD CONSTRAINT {name} EXCLUDE USING gist"
            f" ({equal}, tstzrange(starts_at, ends_at) WITH &&) WHERE (state IN ('draft', 'published'))"
        )


def _drop(*names: str) -> None:
    for name in names:
        op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE clinic_session DROP CONSTRAINT {name}")


def upgrade() -> None:
    """Apply; each suspended session gets the suspension that the audit trail knows of."""
    op.create_table(
        "suspension",
        sa.Column("hospital_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("suspended_by", sa.Text(), nullable=False),
        sa.Column("suspended_at", _MOMENT, server_default=sa.text("statement_timestamp()"), nullable=False),
        sa.Column("lifted_by", sa.Text()),
        sa.Column("lifted_at", _MOMENT),
        sa.Column(
            "open_id", sa.Uuid(), sa.Computed("CASE WHEN lifted_at IS NULL THEN id END", persisted=True)
        ),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="suspension_pkey"),
        sa.UniqueConstraint("hospital_id", "session_id", "open_id", name="suspension_open_key"),
        sa.ForeignKeyConstraint(
            ["hospital_id", "session_id"],
            ["clinic_session.hospital_id", "clinic_session.id"],
            name="suspension_hospital_id_session_id_fkey",
        ),
        sa.CheckConstraint("num_nonnulls(lifted_at, lifted_by) IN (0, 2)", name="suspension_lifted_whole"),
    )
    op.create_index(
        "suspension_one_open",
        "suspension",
        ["hospital_id", "session_id"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.execute(
        """
        INSERT INTO suspension (hospital_id, id, session_id, reason, suspended_by, suspended_at)
        SELECT hospital_id, id, id, coalesce(suspended_reason, ''), coalesce(told.actor, 'system'),
          coalesce(told.at, now())
        FROM clinic_session LEFT JOIN LATERAL (
          SELECT actor, at FROM audit_entry
          WHERE audit_entry.hospital_id = clinic_session.hospital_id
            AND subject = 'session:' || clinic_session.id AND action = 'session.suspended'
          ORDER BY at DESC LIMIT 1
        ) told ON true
        WHERE state = 'suspended'
        """
    )
    _split_the_state()


def _split_the_state() -> None:
    _drop(*_EXCLUSIONS, "clinic_session_state_known")
    op.execute(
        "-- squawk-ignore renaming-column\nALTER TABLE clinic_session RENAME COLUMN state TO lifecycle"
    )
    op.add_column("clinic_session", sa.Column("suspension_id", sa.Uuid()))
    op.execute(
        "UPDATE clinic_session SET lifecycle = 'published', suspension_id = id WHERE lifecycle = 'suspended'"
    )
    # rewrites the table: there are some ten thousand sessions a year in a hospital
    op.execute(
        "-- squawk-ignore adding-field-with-default, adding-not-nullable-field\n"
        "ALTER TABLE clinic_session ADD COLUMN state varchar(40) NOT NULL GENERATED ALWAYS AS"
        " (CASE WHEN suspension_id IS NOT NULL THEN 'suspended' ELSE lifecycle END) STORED"
    )
    op.execute(
        "ALTER TABLE clinic_session ADD CONSTRAINT clinic_session_lifecycle_known"
        " CHECK (lifecycle IN ('draft', 'published', 'finished')) NOT VALID"
    )
    op.execute(
        "ALTER TABLE clinic_session ADD CONSTRAINT clinic_session_suspension_is_open"
        " FOREIGN KEY (hospital_id, id, suspension_id)"
        " REFERENCES suspension (hospital_id, session_id, open_id) NOT VALID"
    )
    _exclude()


def downgrade() -> None:
    """Take back."""
    _drop(*_EXCLUSIONS, "clinic_session_suspension_is_open", "clinic_session_lifecycle_known")
    op.drop_column("clinic_session", "state")
    op.execute("ALTER TABLE clinic_session RENAME COLUMN lifecycle TO state")
    op.execute("UPDATE clinic_session SET state = 'suspended' WHERE suspension_id IS NOT NULL")
    op.drop_column("clinic_session", "suspension_id")
    op.execute(
        "ALTER TABLE clinic_session ADD CONSTRAINT clinic_session_state_known"
        " CHECK (state IN ('draft', 'published', 'suspended', 'finished')) NOT VALID"
    )
    _exclude()
    op.drop_table("suspension")
