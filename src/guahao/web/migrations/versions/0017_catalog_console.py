"""Pictures in the database, and imports of workbooks as jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017_catalog_console"
down_revision = "0016_identity_console"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply."""
    _picture()
    _import()


def _picture() -> None:
    op.create_table(
        "picture",
        sa.Column("hospital_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("width", sa.SmallInteger, nullable=False),
        sa.Column("height", sa.SmallInteger, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("width BETWEEN 1 AND 1200 AND height BETWEEN 1 AND 1200", name="picture_size"),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name="picture_hospital_id_fkey"),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="picture_pkey"),
    )
    op.execute("ALTER TABLE picture ALTER COLUMN content SET STORAGE EXTERNAL")
    op.create_index("picture_created_at_idx", "picture", ["created_at"])
    op.add_column(
        "hospital",
        sa.Column("picture_ids", postgresql.ARRAY(sa.Uuid), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("doctor", sa.Column("photo_id", sa.Uuid))
    op.execute(
        "ALTER TABLE doctor ADD CONSTRAINT doctor_hospital_id_photo_id_fkey"
        " FOREIGN KEY (hospital_id, photo_id) REFERENCES picture (hospital_id, id) NOT VALID"
    )
    op.create_index("doctor_hospital_id_photo_id_idx", "doctor", ["hospital_id", "photo_id"])
    # Nothing ever wrote this column but a route that took any text for a path.
    op.execute("-- squawk-ignore ban-drop-column\nALTER TABLE doctor DROP COLUMN photo_path")


def _import() -> None:
    op.create_table(
        "workbook_import",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("hospital_id", sa.Integer),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.Column("is_dry_run", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("attempt", sa.Integer, server_default="0", nullable=False),
        sa.Column("leased_until", _MOMENT),
        sa.Column("done", sa.Integer, server_default="0", nullable=False),
        sa.Column("total", sa.Integer, server_default="0", nullable=False),
        sa.Column("report", postgresql.JSONB),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", _MOMENT),
        sa.CheckConstraint(
            "state IN ('waiting','running','done','refused','failed')", name="workbook_import_state"
        ),
        sa.CheckConstraint(
            "(state IN ('waiting','running')) = (finished_at IS NULL AND content IS NOT NULL)",
            name="workbook_import_end",
        ),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.id"], name="workbook_import_hospital_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="workbook_import_pkey"),
    )
    op.create_index("workbook_import_hospital_id_idx", "workbook_import", ["hospital_id", "id"])
    op.create_index(
        "workbook_import_open_idx",
        "workbook_import",
        ["id"],
        postgresql_where=sa.text("state IN ('waiting','running')"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("workbook_import")
    op.add_column("doctor", sa.Column("photo_path", sa.Text))
    op.drop_column("doctor", "photo_id")
    op.drop_column("hospital", "picture_ids")
    op.drop_table("picture")
