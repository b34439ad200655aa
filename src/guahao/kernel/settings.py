"""Configuration from GUAHAO_* variables and secret files; docs/reference/settings.md lists all."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from guahao.kernel.setting_shape import (
    Address,
    Bare,
    DatabaseAddress,
    Folder,
    Host,
    Proxies,
    SecretWord,
    Syslog,
    Word,
)


class Environment(StrEnum):
    """Where this process runs; production refuses everything made for trying out."""

    DEMO = "demo"
    PRODUCTION = "production"


class SmsProvider(StrEnum):
    """Who sends text messages."""

    NONE = "none"
    SANDBOX = "sandbox"
    TENCENT = "tencent"
    ALIYUN = "aliyun"


class IdentityProvider(StrEnum):
    """Who compares a patient's name with the document number."""

    SANDBOX = "sandbox"
    DESK = "desk"
    TENCENT = "tencent"


SANDBOX = {
    "sms_provider": "sandbox",
    "identity_provider": "sandbox",
    "wechat_endpoint": "sandbox",
    "wechat_app_id": "wxsandbox00000000",
    "wechat_app_secret": "sandbox",
    "wechat_pay_endpoint": "sandbox",
    "wechat_pay_mchid": "1900000000",
    "wechat_pay_serial": "SANDBOX_MERCHANT",
    "wechat_pay_key_id": "PUB_KEY_ID_SANDBOX",
    "alipay_endpoint": "sandbox",
    "alipay_app_id": "2021000000000000",
    "alipay_seller_id": "2088000000000000",
}
"""What stands for settings of remote systems that the demo was not given; production has none of them on."""


class Settings(BaseSettings):
    """Every setting, its default and what it means."""

    model_config = SettingsConfigDict(env_prefix="GUAHAO_", extra="ignore", frozen=True)

    environment: Environment = Field(
        Environment.PRODUCTION, description="production, or demo to try things out"
    )
    database_url: DatabaseAddress | None = Field(
        None, description="postgresql:// address; empty starts the embedded server in data_dir/pg"
    )
    owner_database_url: DatabaseAddress | None = Field(
        None, description="Address of the role that owns the tables, for migrate, backup and restore alone"
    )
    database_without_tls: bool = Field(
        False,
        description="Reach a database of another machine without TLS: its network is encrypted otherwise",
    )
    database_pool_size: int = Field(10, ge=2, le=100, description="Connections per process")
    data_dir: Folder = Field(Path("var"), description="Where the embedded database, keys and files live")
    keys_dir: Folder | None = Field(None, description="Key files; data_dir/keys when empty")
    clients_dir: Folder | None = Field(
        None,
        description="Folder of the built clients; when empty none, and dist/clients in `guahao demo`",
    )
    public_url: Address = Field("http://127.0.0.1:8000", description="The address clients use")
    host: Host = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on")
    trusted_proxies: Proxies = Field(
        "",
        description="Whose X-Forwarded-For is believed: addresses or networks with commas; `none` for nobody",
    )
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="Port of /metrics; when empty none, and the main port in the demo"
    )
    metrics_host: Host = Field("127.0.0.1", description="Address of the port of /metrics")
    max_connections: int = Field(
        2000, ge=10, le=100_000, description="Open connections for each server process at most"
    )
    workers: int = Field(1, ge=1, le=64, description="Server processes")
    drain_s: float = Field(10, ge=0, le=120, description="Seconds a stopping server finishes requests")
    log_level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe lines that are logged"
    )
    debug: bool = Field(False, description="Developer output; refused in production")
    api_docs: bool | None = Field(
        None, description="Serve /docs and /openapi.json; refused in production, when empty on in the demo"
    )
    single_hospital: Word | None = Field(
        None, description="Code of the only hospital shown (single-hospital mode); empty is platform mode"
    )
    sms_provider: SmsProvider = Field(
        SmsProvider.NONE, description="none, tencent, aliyun, or sandbox (demo only)"
    )
    sms_endpoint: Address = Field("", description="Address of the SMS provider; its public one when empty")
    sms_access_key_id: Word = Field("", description="Access key id at the SMS provider")
    sms_access_key_secret: SecretWord = Field(
        SecretStr(""), description="Access key secret at the SMS provider"
    )
    sms_app_id: Word = Field("", description="SdkAppId (Tencent only)")
    sms_sign_name: Bare = Field("", description="Approved signature of messages")
    sms_template_code: Word = Field("", description="Approved template for verification codes")
    sms_daily_budget: int = Field(20_000, ge=1, description="Messages a day at most, all phones together")
    address_limit_factor: int | None = Field(
        None, ge=1, description="Multiplies every limit per address; empty is 1, and 1000 in the demo"
    )
    booking_limit: int = Field(
        200, ge=1, description="Bookings, moves and cancellations of an account in a minute, in each process"
    )
    search_limit: int = Field(
        120,
        ge=1,
        description="Searches of an account in a minute, in each process; tenfold by address without login",
    )
    staff_limit: int = Field(
        1200, ge=60, description="Requests of one member of staff in a minute, in each process"
    )
    booking_queue: int = Field(
        2000, ge=64, description="Bookings that wait in a process at most; further ones answer 503"
    )
    look_ups_per_staff: int = Field(
        150, ge=1, description="Look-ups a day of people unknown to the hospital, for one member of staff"
    )
    look_ups_per_hospital: int = Field(
        3000, ge=1, description="The same for all staff of a hospital together"
    )
    reveals_per_staff: int = Field(
        100, ge=1, description="Personal values seen in full a day by one member of staff"
    )
    reveals_per_hospital: int = Field(2000, ge=1, description="The same by all staff of a hospital together")
    identity_provider: IdentityProvider = Field(
        IdentityProvider.DESK,
        description="tencent, sandbox, or desk: patients show their document at a hospital before booking",
    )
    identity_endpoint: Address = Field("", description="Address of the identity provider; its own when empty")
    identity_access_key_id: Word = Field("", description="Access key id at the identity provider")
    identity_access_key_secret: SecretWord = Field(
        SecretStr(""), description="Access key secret at the identity provider"
    )
    wechat_endpoint: Address = Field("", description="WeChat API address; its public one when empty")
    wechat_app_id: Word = Field("", description="AppID of the mini program; when empty none is offered")
    wechat_app_secret: SecretWord = Field(SecretStr(""), description="AppSecret of the mini program")

    wechat_pay_endpoint: Address = Field(
        "", description="WeChat Pay address; sandbox answers in process, empty offers no WeChat Pay"
    )
    wechat_pay_mchid: Word = Field("", description="Merchant number at WeChat Pay")
    wechat_pay_serial: Word = Field(
        "", description="Serial number of the merchant certificate whose key signs for us"
    )
    wechat_pay_key_id: Word = Field(
        "", description="Serial we ask answers to be signed with; its key is in keys_dir"
    )
    alipay_endpoint: Address = Field(
        "", description="Alipay gateway address; sandbox answers in process, empty offers no Alipay"
    )
    alipay_app_id: Word = Field("", description="App id at Alipay")
    alipay_seller_id: Word = Field("", description="Seller's user id (PID) at Alipay")
    backup_passphrase: SecretStr | None = Field(
        None, description="What encrypts backups; asked, or read from standard input, when empty"
    )
    anchor_syslog: Syslog = Field(
        "",
        description="Also send anchors of the audit trail to this syslog: host:port, or a socket (/dev/log)",
    )
    anchor_url: Address = Field("", description="Also POST anchors of the audit trail to this https address")
    sandbox_time_scale: float = Field(
        60, gt=0, description="How many times faster than real the sandbox repeats its notifications"
    )

    @model_validator(mode="before")
    @classmethod
    def _given(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Take an empty text for nothing where nothing is meant, and the sandbox's in the demo."""
        optional = {name for name, field in cls.model_fields.items() if field.default is None}
        meant = {name: value for name, value in given.items() if value != "" or name not in optional}
        return SANDBOX | meant if meant.get("environment") == Environment.DEMO else meant

    @property
    def shows_api(self) -> bool:
        """Whether anybody may read the API's description here."""
        return self.environment is Environment.DEMO if self.api_docs is None else self.api_docs

    @property
    def keys_path(self) -> Path:
        """The folder of key files."""
        return self.keys_dir or self.data_dir / "keys"

    @property
    def address_factor(self) -> int:
        """By how much the limits per address are raised: in the demo many share one address."""
        return self.address_limit_factor or (1000 if self.environment is Environment.DEMO else 1)
