"""Tables of the sandbox: payments, WeChat, SMS; empty and unused in production."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012_sandbox"
down_revision = "0011_payment_money"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply."""
    _trade()
    _refund()
    _delivery()
    op.create_table(
        "sandbox_fault",
        _state("provider"),
        _state("kind"),
        sa.Column("out_trade_no", sa.Text, server_default="", nullable=False),
        sa.Column("times_left", sa.Integer),
        sa.PrimaryKeyConstraint("provider", "kind", "out_trade_no", name="sandbox_fault_pkey"),
        sa.CheckConstraint("times_left > 0", name="sandbox_fault_times_positive"),
    )
    op.create_table(
        "sandbox_bill",
        *_words("token"),
        _state("provider"),
        sa.Column("content", sa.LargeBinary, nullable=False),
        _moment("expires_at"),
        sa.PrimaryKeyConstraint("token", name="sandbox_bill_pkey"),
    )
    _weixin_exchange()
    _weixin_messages()
    _sms()


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _state(name: str, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(40), server_default=default, nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, _MOMENT, nullable=nullable)


def _trade() -> None:
    table = "sandbox_trade"
    op.create_table(
        table,
        _state("provider"),
        *_words("out_trade_no", "reference", "kind", "app_id", "title"),
        sa.Column("amount_fen", sa.Integer, nullable=False),
        sa.Column("payer", sa.Text),
        *_words("notify_url"),
        sa.Column("return_url", sa.Text),
        sa.Column("asked", JSONB, nullable=False),
        _state("state", "open"),
        sa.Column("transaction_id", sa.Text),
        sa.Column("refunded_fen", sa.Integer, server_default="0", nullable=False),
        _moment("created_at"),
        *(_moment(name, nullable=True) for name in ("expires_at", "paid_at", "closed_at")),
        sa.PrimaryKeyConstraint("provider", "out_trade_no", name="sandbox_trade_pkey"),
        sa.CheckConstraint("provider IN ('wechat', 'alipay')", name="sandbox_trade_provider_known"),
        sa.CheckConstraint("state IN ('open', 'paid', 'closed')", name="sandbox_trade_state_known"),
        sa.CheckConstraint("amount_fen > 0", name="sandbox_trade_amount_positive"),
        sa.CheckConstraint("refunded_fen BETWEEN 0 AND amount_fen", name="sandbox_trade_refunds_covered"),
        sa.CheckConstraint(
            "(state = 'paid') = (transaction_id IS NOT NULL) AND (state = 'paid') = (paid_at IS NOT NULL)",
            name="sandbox_trade_paid_complete",
        ),
    )
    op.create_index("sandbox_trade_reference_key", table, ["provider", "reference"], unique=True)
    op.create_index("sandbox_trade_transaction_key", table, ["provider", "transaction_id"], unique=True)
    op.create_index("sandbox_trade_paid_idx", table, ["provider", "paid_at"])
    op.create_index("sandbox_trade_created_idx", table, ["created_at"])


def _refund() -> None:
    table = "sandbox_refund"
    op.create_table(
        table,
        _state("provider"),
        *_words("out_trade_no", "out_refund_no", "refund_id"),
        sa.Column("amount_fen", sa.Integer, nullable=False),
        *_words("reason"),
        sa.Column("notify_url", sa.Text),
        _state("state"),
        _moment("created_at"),
        _moment("settles_at"),
        _moment("settled_at", nullable=True),
        sa.PrimaryKeyConstraint("provider", "out_trade_no", "out_refund_no", name="sandbox_refund_pkey"),
        sa.ForeignKeyConstraint(
            ["provider", "out_trade_no"],
            ["sandbox_trade.provider", "sandbox_trade.out_trade_no"],
            name="sandbox_refund_trade_fkey",
        ),
        sa.CheckConstraint("amount_fen > 0", name="sandbox_refund_amount_positive"),
        sa.CheckConstraint(
            "state IN ('processing', 'success', 'abnormal', 'closed')", name="sandbox_refund_state_known"
        ),
    )
    op.create_index("sandbox_refund_refund_id_key", table, ["provider", "refund_id"], unique=True)
    op.create_index(
        "sandbox_refund_number_once_at_wechat",
        table,
        ["out_refund_no"],
        unique=True,
        postgresql_where=sa.text("provider = 'wechat'"),
    )
    op.create_index(
        "sandbox_refund_due_idx",
        table,
        ["settles_at"],
        postgresql_where=sa.text("state = 'processing'"),
    )
    op.create_index("sandbox_refund_created_idx", table, ["provider", "created_at"])


def _delivery() -> None:
    table = "sandbox_delivery"
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        _state("provider"),
        *_words("out_trade_no", "event_id", "event", "notify_url"),
        sa.Column("content", JSONB, nullable=False),
        _state("disorder", "none"),
        _state("state", "due"),
        _moment("created_at"),
        _moment("due_at"),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        _moment("last_at", nullable=True),
        sa.Column("last_status", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="sandbox_delivery_pkey"),
        sa.CheckConstraint(
            "state IN ('due', 'delivered', 'given_up', 'withheld')", name="sandbox_delivery_state_known"
        ),
        sa.CheckConstraint(
            "disorder IN ('none', 'tampered', 'probe')", name="sandbox_delivery_disorder_known"
        ),
    )
    op.create_index("sandbox_delivery_due_idx", table, ["due_at"], postgresql_where=sa.text("state = 'due'"))
    op.create_index("sandbox_delivery_trade_idx", table, ["provider", "out_trade_no"])


def _weixin_exchange() -> None:
    op.create_table(
        "sandbox_weixin_code",
        *_words("code"),
        _state("kind"),
        *_words("app_id", "subject"),
        _moment("issued_at"),
        _moment("used_at", nullable=True),
        sa.PrimaryKeyConstraint("code", name="sandbox_weixin_code_pkey"),
        sa.CheckConstraint("kind IN ('login', 'phone')", name="sandbox_weixin_code_kind_known"),
    )
    op.create_table(
        "sandbox_weixin_token",
        *_words("app_id", "access_token"),
        _moment("expires_at"),
        sa.PrimaryKeyConstraint("app_id", name="sandbox_weixin_token_pkey"),
    )


def _weixin_messages() -> None:
    op.create_table(
        "sandbox_weixin_consent",
        *_words("openid", "template_id"),
        sa.Column("remaining", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("openid", "template_id", name="sandbox_weixin_consent_pkey"),
        sa.CheckConstraint("remaining >= 0", name="sandbox_weixin_consent_not_overspent"),
    )
    op.create_table(
        "sandbox_weixin_message",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        *_words("openid", "template_id", "page"),
        sa.Column("data", JSONB, nullable=False),
        _moment("sent_at"),
        sa.PrimaryKeyConstraint("id", name="sandbox_weixin_message_pkey"),
    )


def _sms() -> None:
    op.create_table(
        "sandbox_sms",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        *_words("phone", "code", "text"),
        _moment("sent_at"),
        sa.Column("nonce", sa.Text),
        sa.PrimaryKeyConstraint("id", name="sandbox_sms_pkey"),
        sa.UniqueConstraint("nonce", name="sandbox_sms_nonce_key"),
    )
    op.create_index("sandbox_sms_phone_idx", "sandbox_sms", ["phone", "id"])
