"""Tables of audit: entries, the sealer's in-tray, the chain, its anchors; all but the in-tray append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002_audit"
down_revision: str | None = "0001_kernel"
branch_labels = None
depends_on = None

_CLOCK = sa.text("clock_timestamp()")
_FUNCTIONS = (
    """
    CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE FUNCTION audit_note_unsealed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO audit_unsealed (hospital_id, entry_id) SELECT hospital_id, id FROM fresh;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER audit_entry_unsealed AFTER INSERT ON audit_entry REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION audit_note_unsealed()
    """,
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "audit_entry",
        sa.Column("hospital_id", sa.Integer, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=_CLOCK, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="audit_entry_pkey"),
    )
    op.create_index("audit_entry_subject_idx", "audit_entry", ["hospital_id", "subject"])
    op.create_table(
        "audit_unsealed",
        sa.Column("hospital_id", sa.Integer, nullable=False),
        sa.Column("entry_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "entry_id", name="audit_unsealed_pkey"),
    )
    _chain()
    for statement in _FUNCTIONS:
        op.execute(statement)
    for table in ("audit_entry", "audit_seal", "audit_anchor"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change()"
        )


def _chain() -> None:
    op.create_table(
        "audit_seal",
        sa.Column("hospital_id", sa.Integer, nullable=False),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.Uuid, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), server_default=_CLOCK, nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "seq", name="audit_seal_pkey"),
        sa.UniqueConstraint("hospital_id", "entry_id", name="audit_seal_entry_key"),
        sa.ForeignKeyConstraint(
            ["hospital_id", "entry_id"],
            ["audit_entry.hospital_id", "audit_entry.id"],
            name="audit_seal_entry_fkey",
        ),
    )
    op.create_table(
        "audit_anchor",
        sa.Column("hospital_id", sa.Integer, nullable=False),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("anchored_at", sa.DateTime(timezone=True), server_default=_CLOCK, nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "seq", name="audit_anchor_pkey"),
    )


def downgrade() -> None:
    """Take back."""
    for table in ("audit_anchor", "audit_seal", "audit_unsealed", "audit_entry"):
        op.drop_table(table)
    op.execute("DROP FUNCTION audit_note_unsealed()")
    op.execute("DROP FUNCTION audit_refuse_change()")
