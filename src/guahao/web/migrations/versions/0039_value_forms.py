"""Makes room for the normal forms of values: all readings of a name in the search index.

A job makes that index anew. Persons of before are indexed anew by a job, too: their values are sealed, and
a migration has no keys.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039_value_forms"
down_revision = "0038_patient_checked"
branch_labels = None
depends_on = None

_KEY = ("hospital_id", "kind", "entity_id", "text")


def upgrade() -> None:
    """Apply."""
    _index_by((*_KEY, "pinyin"))
    op.add_column(
        "person", sa.Column("value_forms", sa.SmallInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.create_index("person_value_forms_idx", "person", ["value_forms", "id"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("person_value_forms_idx", "person")
    op.drop_column("person", "value_forms")
    _index_by(_KEY)


def _index_by(key: tuple[str, ...]) -> None:
    op.execute("DELETE FROM search_entry")
    op.execute(
        "-- squawk-ignore ban-drop-constraint\nALTER TABLE search_entry DROP CONSTRAINT search_entry_pkey"
    )
    op.execute(f"CREATE UNIQUE INDEX search_entry_pkey ON search_entry ({', '.join(key)})")
    op.execute("ALTER TABLE search_entry ADD PRIMARY KEY USING INDEX search_entry_pkey")
