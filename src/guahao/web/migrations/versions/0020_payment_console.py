"""Lists of money and of events nobody could be told of; refunds taken back from a provider."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020_payment_console"
down_revision = "0019_booking_console"
branch_labels = None
depends_on = None

_LISTS = (
    ("payment_order_created_idx", "payment_order", ("created_at",)),
    ("payment_order_state_idx", "payment_order", ("state", "created_at")),
    ("payment_order_account_idx", "payment_order", ("account_id", "created_at")),
    ("payment_list_idx", "payment", ("created_at",)),
    ("payment_state_idx", "payment", ("state", "created_at")),
    ("payment_channel_idx", "payment", ("channel", "created_at")),
    ("refund_list_idx", "refund", ("requested_at",)),
    ("refund_state_idx", "refund", ("state", "requested_at")),
    ("refund_amount_idx", "refund", ("amount_fen",)),
    ("refund_state_amount_idx", "refund", ("state", "amount_fen")),
    ("finance_case_list_idx", "finance_case", ("opened_at",)),
    ("finance_case_state_idx", "finance_case", ("state", "opened_at")),
    ("finance_case_kind_idx", "finance_case", ("kind", "opened_at")),
    ("ledger_entry_list_idx", "ledger_entry", ("occurred_at",)),
    ("ledger_entry_debit_idx", "ledger_entry", ("debit", "occurred_at")),
    ("ledger_entry_credit_idx", "ledger_entry", ("credit", "occurred_at")),
    ("ledger_adjustment_list_idx", "ledger_adjustment", ("proposed_at",)),
    ("ledger_adjustment_state_idx", "ledger_adjustment", ("state", "proposed_at")),
)


def upgrade() -> None:
    """Apply."""
    for column in ("recall_asked_by", "recalled_by"):
        op.add_column("refund", sa.Column(column, sa.Text()))
    op.add_column("refund", sa.Column("recalled_at", sa.DateTime(timezone=True)))
    op.add_column("payment_setting", sa.Column("version", sa.Integer(), server_default="0", nullable=False))
    # both hold for every row there is: new columns are empty, and the set of states grows
    op.execute(
        "ALTER TABLE refund ADD CONSTRAINT refund_recall_has_a_name CHECK"
        " (recalled_by IS NOT NULL OR recalled_at IS NULL) NOT VALID"
    )
    op.execute("-- squawk-ignore ban-drop-constraint\nALTER TABLE event DROP CONSTRAINT event_state_known")
    op.execute(
        "ALTER TABLE event ADD CONSTRAINT event_state_known CHECK"
        " (state IN ('pending', 'done', 'dead', 'discarded')) NOT VALID"
    )
    for name, table, columns in _LISTS:
        op.create_index(name, table, ["hospital_id", *columns, "id"])
    op.create_index("finance_case_subject_idx", "finance_case", ["hospital_id", "subject"])
    op.create_index(
        "event_dead_idx",
        "event",
        ["hospital_id", "occurred_at", "id"],
        postgresql_where=sa.text("state = 'dead'"),
    )
    op.create_index(
        "refund_recall_idx",
        "refund",
        ["due_at"],
        postgresql_where=sa.text("recalled_by IS NOT NULL AND recalled_at IS NULL"),
    )
    op.create_index(
        "bill_entry_odd_idx",
        "bill_entry",
        ["hospital_id", "day", "provider"],
        postgresql_where=sa.text("verdict NOT IN ('matched', 'applied')"),
    )
    op.drop_index("ledger_entry_time_idx", "ledger_entry")


def downgrade() -> None:
    """Take back."""
    op.create_index("ledger_entry_time_idx", "ledger_entry", ["hospital_id", "occurred_at"])
    op.drop_index("bill_entry_odd_idx", "bill_entry")
    op.drop_index("refund_recall_idx", "refund")
    op.drop_index("event_dead_idx", "event")
    op.drop_index("finance_case_subject_idx", "finance_case")
    for name, table, _ in _LISTS:
        op.drop_index(name, table)
    op.execute("DELETE FROM event WHERE state = 'discarded'")
    op.execute("ALTER TABLE event DROP CONSTRAINT event_state_known")
    op.execute(
        "ALTER TABLE event ADD CONSTRAINT event_state_known CHECK"
        " (state IN ('pending', 'done', 'dead')) NOT VALID"
    )
    op.execute("ALTER TABLE refund DROP CONSTRAINT refund_recall_has_a_name")
    op.drop_column("payment_setting", "version")
    for column in ("recall_asked_by", "recalled_by", "recalled_at"):
        op.drop_column("refund", column)
