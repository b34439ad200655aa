"""At whose desk a person was released, and reports of persons who have one document."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0046_releases_and_duplicates"
down_revision = "0045_retention"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_RELEASES = """UPDATE patient p SET release_staff_id = s.id, release_hospital_id = s.hospital_id
FROM audit_entry e JOIN staff s ON e.actor = 'staff:' || s.id
WHERE e.action = 'patient.release' AND e.subject = 'patient:' || p.id
AND p.released_by = 'hospital' AND s.hospital_id IS NOT NULL"""
"""Only a hospital's own people release; the trail has who it was."""
_DUPLICATES = """INSERT INTO person_duplicate (id, person_id, other_id, found_at)
SELECT gen_random_uuid(), p.id, o.id, min(e.at)
FROM audit_entry e
JOIN person p ON e.subject = 'person:' || p.id
JOIN person o ON e.data ->> 'other' = 'person:' || o.id
WHERE e.action = 'person.duplicate' GROUP BY p.id, o.id"""


def upgrade() -> None:
    """Apply."""
    op.add_column("patient", sa.Column("release_hospital_id", sa.Integer))
    op.add_column("patient", sa.Column("release_staff_id", sa.Uuid))
    op.execute(_RELEASES)
    op.execute(
        "ALTER TABLE patient ADD CONSTRAINT patient_release_staff_id_fkey"
        " FOREIGN KEY (release_staff_id) REFERENCES staff (id) NOT VALID"
    )
    op.execute(
        "ALTER TABLE patient ADD CONSTRAINT patient_release_desk_check"
        " CHECK (num_nonnulls(release_hospital_id, release_staff_id) IN (0, 2)"
        " AND (release_hospital_id IS NULL OR released_by = 'hospital')) NOT VALID"
    )
    op.create_index(
        "patient_release_idx",
        "patient",
        ["release_hospital_id", "deleted_at", "id"],
        postgresql_where=sa.text("release_hospital_id IS NOT NULL"),
    )
    _create_reports()
    op.execute(_DUPLICATES)


def _create_reports() -> None:
    op.create_table(
        "person_duplicate",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("other_id", sa.Uuid, nullable=False),
        sa.Column("found_at", _MOMENT, nullable=False, server_default=sa.text("now()")),
        sa.PrimaryKeyConstraint("id", name="person_duplicate_pkey"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="person_duplicate_person_id_fkey"),
        sa.ForeignKeyConstraint(["other_id"], ["person.id"], name="person_duplicate_other_id_fkey"),
        sa.CheckConstraint("person_id <> other_id", name="person_duplicate_two_check"),
    )
    op.create_index("person_duplicate_pair_key", "person_duplicate", ["person_id", "other_id"], unique=True)
    op.create_index("person_duplicate_other_idx", "person_duplicate", ["other_id"])
    op.create_table(
        "person_duplicate_check",
        sa.Column("hospital_id", sa.Integer, nullable=False),
        sa.Column("duplicate_id", sa.Uuid, nullable=False),
        sa.Column("staff_id", sa.Uuid, nullable=False),
        sa.Column("checked_at", _MOMENT, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "duplicate_id", name="person_duplicate_check_pkey"),
        sa.ForeignKeyConstraint(
            ["duplicate_id"], ["person_duplicate.id"], name="person_duplicate_check_duplicate_id_fkey"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="person_duplicate_check_staff_id_fkey"),
    )
    op.create_index("person_duplicate_check_duplicate_idx", "person_duplicate_check", ["duplicate_id"])


def downgrade() -> None:
    """Take back."""
    op.drop_table("person_duplicate_check")
    op.drop_table("person_duplicate")
    op.drop_index("patient_release_idx", "patient")
    op.drop_constraint("patient_release_desk_check", "patient")
    op.drop_constraint("patient_release_staff_id_fkey", "patient")
    op.drop_column("patient", "release_staff_id")
    op.drop_column("patient", "release_hospital_id")
