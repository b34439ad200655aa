"""Accounts, logins, SMS codes and what counts tries."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, closed_set


class LoginKind(StrEnum):
    """How somebody proved who they are."""

    PASSWORD = "password"  # noqa: S105  # a kind of login, not a secret
    SMS = "sms"
    WECHAT = "wechat"


class CodePurpose(StrEnum):
    """What a code sent by SMS may be used for; a code of one purpose opens nothing else."""

    REGISTER = "register"
    LOGIN = "login"
    RESET = "reset"
    CONFIRM = "confirm"
    """A deed of somebody who is logged in, that only the holder may do."""
    CHANGE_PHONE = "change_phone"
    """A number that shall become the account's."""


class Account(Base):
    """A person's account, in the directory of all hospitals.

    A WeChat login makes one of an openid alone; the others have phone, username and password.
    The username is stored in lower case. A closed account keeps its id alone, for what was done with it.
    """

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("username", name="account_username_key"),
        UniqueConstraint("phone_index", name="account_phone_index_key"),
        UniqueConstraint("openid", name="account_openid_key"),
        CheckConstraint("username IS NULL OR username = lower(username)", name="account_username_lower"),
        CheckConstraint(
            "num_nonnulls(openid, phone_index) > 0 OR closed_at IS NOT NULL", name="account_has_identity"
        ),
        CheckConstraint(
            "closed_at IS NULL OR (disabled_at IS NOT NULL"
            " AND num_nonnulls(username, phone_sealed, phone_index, password_hash, openid) = 0)",
            name="account_closed_is_empty",
        ),
        CheckConstraint("(phone_sealed IS NULL) = (phone_index IS NULL)", name="account_phone_whole"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    username: Mapped[str | None]
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    password_hash: Mapped[str | None]
    openid: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    disabled_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class Login(Base):
    """One device that is logged in, as an account or as staff; the token itself is never stored."""

    __tablename__ = "login"
    __table_args__ = (
        UniqueConstraint("id", name="login_id_key"),
        CheckConstraint("num_nonnulls(account_id, staff_id) = 1", name="login_has_one_owner"),
        Index("login_account_idx", "account_id", postgresql_where=text("revoked_at IS NULL")),
        Index("login_staff_idx", "staff_id", postgresql_where=text("revoked_at IS NULL")),
        Index("login_expiry_idx", "expires_at"),
    )

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    id: Mapped[UUID]
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id", name="login_account_id_fkey"))
    staff_id: Mapped[UUID | None]
    kind: Mapped[LoginKind] = mapped_column(closed_set(LoginKind))
    device: Mapped[str]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    idle_expires_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class SmsCode(Base):
    """One code that was asked for, known only by its keyed hash; its rows are the limits' counters."""

    __tablename__ = "sms_code"
    __table_args__ = (
        CheckConstraint("tries >= 0 AND tries <= 5", name="sms_code_tries_bounded"),
        Index("sms_code_phone_idx", "phone_index", "created_at"),
        Index("sms_code_address_idx", "address_hash", "created_at"),
        Index("sms_code_created_idx", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[CodePurpose] = mapped_column(closed_set(CodePurpose))
    phone_index: Mapped[bytes] = mapped_column(LargeBinary)
    address_hash: Mapped[bytes] = mapped_column(LargeBinary)
    device_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of the device that asked, where the phone's owner has logged in on it before."""
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class SmsBudget(Base):
    """Messages of one day, all phones together: what bounds the bill."""

    __tablename__ = "sms_budget"
    __table_args__ = (CheckConstraint("messages > 0", name="sms_budget_messages_positive"),)

    day: Mapped[date] = mapped_column(primary_key=True)
    messages: Mapped[int]


class LoginThrottle(Base):
    """Tries that no success followed, by keyed hash of the name and the address or device they came from."""

    __tablename__ = "login_throttle"
    __table_args__ = (Index("login_throttle_last_try_idx", "last_try_at"),)

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failures: Mapped[int]
    last_try_at: Mapped[datetime]
    blocked_until: Mapped[datetime]


class LoginBudget(Base):
    """What strangers may still try of one name, or from one address: when it is whole again."""

    __tablename__ = "login_budget"
    __table_args__ = (Index("login_budget_full_idx", "full_at"),)

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    full_at: Mapped[datetime]
