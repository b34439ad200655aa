"""Tables of money: payments, refunds, the ledger, cases, bills, settings; more states of an order."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011_payment_money"
down_revision = "0010_scheduling_templates"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_NOW = sa.text("now()")
_UNPAID = "'created', 'paying', 'closing', 'closed'"
_STATES = f"{_UNPAID}, 'paid', 'paid_late', 'refunding', 'part_refunded', 'refunded'"


def upgrade() -> None:
    """Apply."""
    _payment_order()
    _payment()
    _refund()
    _bills()
    _channel_message()
    _finance_case()
    _ledger_adjustment()
    _ledger_entry()
    _settings()
    _append_only()


def _hospital() -> sa.Column[int]:
    return sa.Column("hospital_id", sa.Integer, nullable=False)


def _key() -> tuple[sa.Column[int], sa.Column[UUID]]:
    return _hospital(), sa.Column("id", sa.Uuid, nullable=False)


def _widen(name: str, condition: str) -> None:
    op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE payment_order DROP CONSTRAINT {name}")
    op.execute(f"ALTER TABLE payment_order ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")


def _payment_order() -> None:
    for part in ("insurance_fen", "other_fen"):
        op.add_column("payment_order", sa.Column(part, sa.Integer(), server_default="0", nullable=False))
    op.add_column("payment_order", sa.Column("paid_payment_id", sa.Uuid()))
    _widen("payment_order_state_known", f"state IN ({_STATES})")
    _widen("payment_order_paid_has_a_time", f"(paid_at IS NULL) = (state IN ({_UNPAID}))")
    op.execute(
        "ALTER TABLE payment_order ADD CONSTRAINT payment_order_parts_fit CHECK"
        " (insurance_fen >= 0 AND other_fen >= 0 AND insurance_fen + other_fen <= amount_fen) NOT VALID"
    )


def _payment() -> None:
    op.create_table(
        "payment",
        *_key(),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("amount_fen", sa.Integer(), nullable=False),
        sa.Column("payer_account_id", sa.Uuid()),
        sa.Column("device_index", sa.LargeBinary()),
        sa.Column("reference", sa.Text()),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("queries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("page_token_hash", sa.LargeBinary()),
        sa.Column("page_expires_at", _MOMENT),
        sa.Column("transaction_id", sa.Text()),
        sa.Column("captured_fen", sa.Integer(), server_default="0", nullable=False),
        sa.Column("captured_at", _MOMENT),
        sa.Column("refunded_fen", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refund_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refund_sent_at", _MOMENT),
        sa.Column("created_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.CheckConstraint(
            "(captured_fen > 0) = (state IN ('captured', 'disputed')) AND captured_fen >= 0",
            name="payment_captured_has_an_amount",
        ),
        sa.CheckConstraint(
            "channel IN ('wechat_jsapi', 'wechat_native', 'alipay_wap', 'alipay_page', 'alipay_qr', 'cash')",
            name="payment_channel_known",
        ),
        sa.CheckConstraint(
            "state IN ('preparing', 'open', 'closing', 'closed', 'captured', 'disputed')",
            name="payment_state_known",
        ),
        sa.CheckConstraint(
            "(captured_fen > 0) = (captured_at IS NOT NULL AND transaction_id IS NOT NULL)",
            name="payment_captured_has_a_proof",
        ),
        sa.CheckConstraint("amount_fen > 0", name="payment_amount_positive"),
        sa.CheckConstraint("refund_count >= 0 AND refund_count <= 50", name="payment_refunds_at_most_50"),
        sa.CheckConstraint(
            "refunded_fen >= 0 AND refunded_fen <= captured_fen", name="payment_refunds_within_captured"
        ),
        sa.ForeignKeyConstraint(
            ["hospital_id", "order_id"],
            ["payment_order.hospital_id", "payment_order.id"],
            name="payment_hospital_id_order_id_fkey",
        ),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="payment_pkey"),
    )
    _payment_indexes()


def _partly(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, postgresql_where=sa.text(where))


def _payment_indexes() -> None:
    order, transaction = ["hospital_id", "order_id"], ["hospital_id", "transaction_id"]
    is_opening, is_live = "state IN ('preparing', 'open')", "state IN ('preparing', 'open', 'closing')"
    op.create_index("payment_order_idx", "payment", order)
    op.create_index("payment_created_idx", "payment", ["created_at"])
    _partly("payment_captured_idx", "payment", ["captured_at"], "captured_at IS NOT NULL")
    _partly("payment_due_idx", "payment", ["due_at"], is_live)
    _partly("payment_one_open_per_order", "payment", order, is_opening, unique=True)
    _partly("payment_page_idx", "payment", ["page_token_hash"], "page_token_hash IS NOT NULL")
    _partly("payment_transaction_once", "payment", transaction, "transaction_id IS NOT NULL", unique=True)


def _refund() -> None:
    op.create_table(
        "refund",
        *_key(),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text()),
        sa.Column("settled_by", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.Column("channel_refund_id", sa.Text()),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("due_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.Column("requested_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.Column("submitted_at", _MOMENT),
        sa.Column("settled_at", _MOMENT),
        sa.CheckConstraint(
            "(settled_at IS NOT NULL) = (state = 'success')", name="refund_success_has_a_time"
        ),
        sa.CheckConstraint(
            "reason IN ('cancelled', 'hospital', 'late', 'duplicate', 'difference', 'staff')",
            name="refund_reason_known",
        ),
        sa.CheckConstraint(
            "state IN ('awaiting_approval', 'requested', 'submitted', 'success',"
            " 'abnormal', 'manual', 'closed', 'rejected')",
            name="refund_state_known",
        ),
        sa.CheckConstraint("amount_fen > 0", name="refund_amount_positive"),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> requested_by", name="refund_approved_by_another"
        ),
        sa.CheckConstraint("number >= 1 AND number <= 50", name="refund_number_in_range"),
        sa.ForeignKeyConstraint(
            ["hospital_id", "order_id"],
            ["payment_order.hospital_id", "payment_order.id"],
            name="refund_hospital_id_order_id_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["hospital_id", "payment_id"],
            ["payment.hospital_id", "payment.id"],
            name="refund_hospital_id_payment_id_fkey",
        ),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="refund_pkey"),
        sa.UniqueConstraint("hospital_id", "cause", name="refund_once_per_cause"),
        sa.UniqueConstraint("hospital_id", "payment_id", "number", name="refund_number_once"),
    )
    _refund_indexes()


def _refund_indexes() -> None:
    is_unsettled = "state IN ('awaiting_approval', 'requested', 'submitted', 'abnormal', 'manual')"
    op.create_index("refund_order_idx", "refund", ["hospital_id", "order_id"])
    op.create_index("refund_requested_idx", "refund", ["requested_at"])
    _partly("refund_due_idx", "refund", ["due_at"], "state IN ('requested', 'submitted')")
    _partly("refund_settled_idx", "refund", ["settled_at"], "settled_at IS NOT NULL")
    _partly("refund_unsettled_idx", "refund", ["hospital_id", "requested_at"], is_unsettled)


def _bills() -> None:
    op.create_table(
        "bill_entry",
        _hospital(),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.Text()),
        sa.Column("bill_fen", sa.Integer()),
        sa.Column("our_fen", sa.Integer()),
        sa.Column("verdict", sa.String(40), nullable=False),
        sa.CheckConstraint("num_nonnulls(bill_fen, our_fen) > 0", name="bill_entry_has_a_side"),
        sa.PrimaryKeyConstraint(
            "hospital_id", "provider", "day", "kind", "reference", name="bill_entry_pkey"
        ),
    )
    op.create_index("bill_entry_day_idx", "bill_entry", ["provider", "day"])
    op.create_table(
        "bill_run",
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("digest", sa.Text()),
        sa.Column("row_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("refunded_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("fund_income_fen", sa.BigInteger()),
        sa.Column("fund_outgo_fen", sa.BigInteger()),
        sa.Column("matched", sa.Integer(), server_default="0", nullable=False),
        sa.Column("differences", sa.Integer(), server_default="0", nullable=False),
        sa.Column("checked_at", _MOMENT),
        sa.PrimaryKeyConstraint("provider", "day", name="bill_run_pkey"),
    )


def _channel_message() -> None:
    op.create_table(
        "channel_message",
        _hospital(),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("received_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("hospital_id", "provider", "message_id", name="channel_message_pkey"),
    )
    op.create_index("channel_message_time_idx", "channel_message", ["received_at"])


def _finance_case() -> None:
    op.create_table(
        "finance_case",
        *_key(),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.String(40), server_default="open", nullable=False),
        sa.Column("opened_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.Column("resolved_at", _MOMENT),
        sa.Column("resolved_by", sa.Text()),
        sa.Column("resolution", sa.Text()),
        sa.CheckConstraint(
            "(state = 'resolved') = (resolved_by IS NOT NULL AND resolved_at IS NOT NULL)",
            name="finance_case_resolution_has_a_name",
        ),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="finance_case_pkey"),
        sa.UniqueConstraint("hospital_id", "kind", "subject", name="finance_case_once_per_subject"),
    )
    op.create_index(
        "finance_case_open_idx",
        "finance_case",
        ["hospital_id", "opened_at"],
        postgresql_where=sa.text("state = 'open'"),
    )


def _ledger_adjustment() -> None:
    op.create_table(
        "ledger_adjustment",
        *_key(),
        sa.Column("debit", sa.String(40), nullable=False),
        sa.Column("credit", sa.String(40), nullable=False),
        sa.Column("part", sa.String(40), nullable=False),
        sa.Column("amount_fen", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_at", _MOMENT),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL)", name="ledger_adjustment_decision_has_a_name"
        ),
        sa.CheckConstraint("amount_fen > 0", name="ledger_adjustment_amount_positive"),
        sa.CheckConstraint("debit <> credit", name="ledger_adjustment_moves_something"),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> proposed_by", name="ledger_adjustment_decided_by_another"
        ),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="ledger_adjustment_pkey"),
    )


def _ledger_entry() -> None:
    op.create_table(
        "ledger_entry",
        *_key(),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("debit", sa.String(40), nullable=False),
        sa.Column("credit", sa.String(40), nullable=False),
        sa.Column("part", sa.String(40), nullable=False),
        sa.Column("amount_fen", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid()),
        sa.Column("occurred_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.CheckConstraint("amount_fen > 0", name="ledger_entry_amount_positive"),
        sa.CheckConstraint("debit <> credit", name="ledger_entry_moves_something"),
        sa.PrimaryKeyConstraint("hospital_id", "id", name="ledger_entry_pkey"),
        sa.UniqueConstraint("hospital_id", "cause", "part", name="ledger_entry_once_per_cause"),
    )
    op.create_index("ledger_entry_order_idx", "ledger_entry", ["hospital_id", "order_id"])
    op.create_index("ledger_entry_time_idx", "ledger_entry", ["hospital_id", "occurred_at"])


def _settings() -> None:
    op.create_table(
        "payment_setting",
        sa.Column("hospital_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("is_alipay_offered", sa.Boolean(), nullable=False),
        sa.Column("second_person_over_fen", sa.Integer(), nullable=False),
        sa.CheckConstraint("second_person_over_fen >= 0", name="payment_setting_limit_not_negative"),
        sa.PrimaryKeyConstraint("hospital_id", name="payment_setting_pkey"),
    )
    op.create_table(
        "watch_rule",
        _hospital(),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("window_min", sa.Integer(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.CheckConstraint("threshold >= 1", name="watch_rule_threshold_positive"),
        sa.CheckConstraint("window_min >= 1", name="watch_rule_window_positive"),
        sa.PrimaryKeyConstraint("hospital_id", "kind", name="watch_rule_pkey"),
    )


def _append_only() -> None:
    op.execute(
        "CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change()"
    )


def downgrade() -> None:
    """Take back; orders in a state that is new here must be settled before."""
    for table in (
        "watch_rule",
        "payment_setting",
        "ledger_entry",
        "ledger_adjustment",
        "finance_case",
        "channel_message",
        "bill_run",
        "bill_entry",
        "refund",
        "payment",
    ):
        op.drop_table(table)
    op.drop_constraint("payment_order_parts_fit", "payment_order")
    for name in ("paid_payment_id", "other_fen", "insurance_fen"):
        op.drop_column("payment_order", name)
    _widen("payment_order_state_known", "state IN ('created', 'paid', 'closed', 'refunding', 'refunded')")
    _widen(
        "payment_order_paid_has_a_time",
        "(paid_at IS NOT NULL) = (state IN ('paid', 'refunding', 'refunded'))",
    )
