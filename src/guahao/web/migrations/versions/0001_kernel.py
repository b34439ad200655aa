"""Tables of the kernel: outbox, idempotency keys, job runs, worker heartbeats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001_kernel"
down_revision: str | None = None
branch_labels = None
depends_on = None

_NOW = sa.text("now()")


def upgrade() -> None:
    """Apply."""
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    _events()
    op.create_table(
        "idempotency_key",
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("body_hash", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("answer", sa.Text),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", "route", "key", name="idempotency_key_pkey"),
    )
    op.create_index("idempotency_key_expiry_idx", "idempotency_key", ["expires_at"])
    op.create_table(
        "job_run",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("done", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("failures", sa.Integer, server_default="0", nullable=False),
        sa.Column("last_error", sa.Text),
        sa.PrimaryKeyConstraint("name", name="job_run_pkey"),
    )
    op.create_table(
        "worker_heartbeat",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("beaten_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="worker_heartbeat_pkey"),
    )


def _events() -> None:
    op.create_table(
        "event",
        sa.Column("hospital_id", sa.Integer, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("payload", JSONB, nullable=False),
        sa.Column("state", sa.String(40), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="event_pkey"),
        sa.CheckConstraint("state IN ('pending', 'done', 'dead')", name="event_state_known"),
    )
    op.create_index("event_pending_idx", "event", ["due_at"], postgresql_where=sa.text("state = 'pending'"))
    op.create_table(
        "event_handled",
        sa.Column("hospital_id", sa.Integer, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("reaction", sa.Text, nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "event_id", "reaction", name="event_handled_pkey"),
    )
