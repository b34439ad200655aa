"""Tables of accounts, logins, SMS codes and the counters of tries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_identity_accounts"
down_revision: str | None = "0002_audit"
branch_labels = None
depends_on = None

_NOW = sa.text("now()")
_MOMENT = sa.DateTime(timezone=True)
_LIVE = sa.text("revoked_at IS NULL")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("username", sa.Text),
        sa.Column("phone_sealed", sa.LargeBinary),
        sa.Column("phone_index", sa.LargeBinary),
        sa.Column("password_hash", sa.Text),
        sa.Column("openid", sa.Text),
        sa.Column("created_at", _MOMENT, server_default=_NOW, nullable=False),
        sa.Column("disabled_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="account_pkey"),
        sa.UniqueConstraint("username", name="account_username_key"),
        sa.UniqueConstraint("phone_index", name="account_phone_index_key"),
        sa.UniqueConstraint("openid", name="account_openid_key"),
        sa.CheckConstraint("username IS NULL OR username = lower(username)", name="account_username_lower"),
        sa.CheckConstraint("num_nonnulls(openid, phone_index) > 0", name="account_has_identity"),
        sa.CheckConstraint("(phone_sealed IS NULL) = (phone_index IS NULL)", name="account_phone_whole"),
    )
    _logins()
    _sms_codes()
    _counters()


def _logins() -> None:
    op.create_table(
        "login",
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid),
        sa.Column("staff_id", sa.Uuid),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("last_seen_at", _MOMENT, nullable=False),
        sa.Column("idle_expires_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("revoked_at", _MOMENT),
        sa.PrimaryKeyConstraint("token_hash", name="login_pkey"),
        sa.UniqueConstraint("id", name="login_id_key"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="login_account_id_fkey"),
        sa.CheckConstraint("num_nonnulls(account_id, staff_id) = 1", name="login_has_one_owner"),
        sa.CheckConstraint("kind IN ('password', 'sms', 'wechat')", name="login_kind"),
    )
    op.create_index("login_account_idx", "login", ["account_id"], postgresql_where=_LIVE)
    op.create_index("login_staff_idx", "login", ["staff_id"], postgresql_where=_LIVE)
    op.create_index("login_expiry_idx", "login", ["expires_at"])


def _sms_codes() -> None:
    op.create_table(
        "sms_code",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("phone_index", sa.LargeBinary, nullable=False),
        sa.Column("address_hash", sa.LargeBinary, nullable=False),
        sa.Column("code_hash", sa.LargeBinary, nullable=False),
        sa.Column("tries", sa.SmallInteger, server_default="0", nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("sent_at", _MOMENT),
        sa.Column("used_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="sms_code_pkey"),
        sa.CheckConstraint("tries >= 0 AND tries <= 5", name="sms_code_tries_bounded"),
        sa.CheckConstraint("purpose IN ('register', 'login', 'reset')", name="sms_code_purpose"),
    )
    op.create_index("sms_code_phone_idx", "sms_code", ["phone_index", "created_at"])
    op.create_index("sms_code_address_idx", "sms_code", ["address_hash", "created_at"])
    op.create_index("sms_code_created_idx", "sms_code", ["created_at"])


def _counters() -> None:
    op.create_table(
        "sms_budget",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("messages", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("day", name="sms_budget_pkey"),
        sa.CheckConstraint("messages > 0", name="sms_budget_messages_positive"),
    )
    op.create_table(
        "login_throttle",
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_try_at", _MOMENT, nullable=False),
        sa.Column("blocked_until", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="login_throttle_pkey"),
    )
    op.create_index("login_throttle_last_try_idx", "login_throttle", ["last_try_at"])
