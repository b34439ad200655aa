"""Tables of identity: persons, patients, staff, consent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_identity_patients"
down_revision: str | None = "0003_identity_accounts"
branch_labels = None
depends_on = None

_NOW = sa.text("now()")
_LIVE = "deleted_at IS NULL"


def upgrade() -> None:
    """Apply."""
    _person()
    _patient()
    _patient_indexes()
    _staff()
    _consent()
    _consent_indexes()


def _person() -> None:
    op.create_table(
        "person",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("document_type", sa.String(40), nullable=False),
        sa.Column("document_index", sa.LargeBinary, nullable=False),
        sa.Column("document_sealed", sa.LargeBinary, nullable=False),
        sa.Column("name_sealed", sa.LargeBinary, nullable=False),
        sa.Column("birth_date", sa.Date, nullable=False),
        sa.Column("sex", sa.String(40), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="person_pkey"),
        sa.UniqueConstraint("document_type", "document_index", name="person_document_key"),
        sa.CheckConstraint(
            "document_type IN ('resident_id', 'passport', 'hk_macao_permit', 'taiwan_permit',"
            " 'foreign_permanent_residence', 'birth_certificate')",
            name="person_document_type_check",
        ),
        sa.CheckConstraint("sex IN ('male', 'female')", name="person_sex_check"),
    )


def _patient() -> None:
    op.create_table(
        "patient",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("relation", sa.String(40), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary),
        sa.Column("guardian_patient_id", sa.Uuid),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="patient_pkey"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="patient_account_id_fkey"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="patient_person_id_fkey"),
        sa.ForeignKeyConstraint(
            ["guardian_patient_id"], ["patient.id"], name="patient_guardian_patient_id_fkey"
        ),
        sa.CheckConstraint(
            "relation IN ('self', 'child', 'parent', 'spouse', 'other')", name="patient_relation_check"
        ),
        sa.CheckConstraint("guardian_patient_id <> id", name="patient_guardian_check"),
    )


def _patient_indexes() -> None:
    op.create_index(
        "patient_account_person_key",
        "patient",
        ["account_id", "person_id"],
        unique=True,
        postgresql_where=sa.text(_LIVE),
    )
    op.create_index(
        "patient_self_key",
        "patient",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text(f"{_LIVE} AND relation = 'self'"),
    )
    op.create_index(
        "patient_desk_key",
        "patient",
        ["person_id"],
        unique=True,
        postgresql_where=sa.text(f"account_id IS NULL AND {_LIVE}"),
    )
    op.create_index("patient_account_idx", "patient", ["account_id", "id"])
    op.create_index("patient_person_idx", "patient", ["person_id"])
    op.create_index(
        "patient_guardian_idx",
        "patient",
        ["guardian_patient_id"],
        postgresql_where=sa.text("guardian_patient_id IS NOT NULL"),
    )


def _staff() -> None:
    op.create_table(
        "staff",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("hospital_id", sa.Integer),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("roles", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("totp_sealed", sa.LargeBinary),
        sa.Column("totp_confirmed_at", sa.DateTime(timezone=True)),
        sa.Column("totp_last_step", sa.BigInteger),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="staff_pkey"),
        sa.CheckConstraint("username = lower(username)", name="staff_username_check"),
        sa.CheckConstraint(
            "cardinality(roles) > 0 AND roles <@ ARRAY['platform_admin', 'hospital_admin', 'desk', 'nurse',"
            " 'doctor', 'finance', 'auditor']",
            name="staff_roles_check",
        ),
        sa.CheckConstraint(
            "hospital_id IS NULL OR NOT roles @> ARRAY['platform_admin']", name="staff_platform_admin_check"
        ),
    )
    op.create_index("staff_username_key", "staff", ["username"], unique=True)
    op.create_index("staff_hospital_idx", "staff", ["hospital_id", "id"])


def _consent() -> None:
    op.create_table(
        "consent",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid),
        sa.Column("patient_id", sa.Uuid),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("text_hash", sa.LargeBinary, nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("staff_id", sa.Uuid),
        sa.Column("given_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("ending", sa.String(40)),
        sa.PrimaryKeyConstraint("id", name="consent_pkey"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="consent_account_id_fkey"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="consent_patient_id_fkey"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="consent_staff_id_fkey"),
        sa.CheckConstraint(
            "kind IN ('privacy', 'service', 'sensitive_personal_information', 'child_sensitive')",
            name="consent_kind_check",
        ),
        sa.CheckConstraint("channel IN ('online', 'counter')", name="consent_channel_check"),
        sa.CheckConstraint("ending IN ('withdrawn', 'superseded')", name="consent_ending_check"),
        sa.CheckConstraint("(ended_at IS NULL) = (ending IS NULL)", name="consent_end_check"),
        sa.CheckConstraint("account_id IS NOT NULL OR patient_id IS NOT NULL", name="consent_giver_check"),
    )


def _consent_indexes() -> None:
    op.create_index(
        "consent_account_kind_key",
        "consent",
        ["account_id", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL AND patient_id IS NULL"),
    )
    op.create_index(
        "consent_patient_kind_key",
        "consent",
        ["patient_id", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL AND patient_id IS NOT NULL"),
    )
    op.create_index("consent_account_idx", "consent", ["account_id", "given_at"])


def downgrade() -> None:
    """Take back."""
    for table in ("consent", "staff", "patient", "person"):
        op.drop_table(table)
