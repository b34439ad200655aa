"""Each setting that is wrong is told in a line that names it, by every command alike, never as a crash."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from guahao.kernel.settings import Settings
from guahao.web import configuration
from guahao.web.cli import run
from tests.adapters.wechat_pay.platform import private_key
from tests.web.test_fail_closed import BASE, SWITCHES, of, own_keys

LINE = re.compile(r"GUAHAO_[A-Z_]+: .+")
KEY_ID = SWITCHES["wechat_pay"]["wechat_pay_key_id"]

NO_NUMBER = ("", "x", "-1", "1e3", "999999999999", "中文")
NO_SWITCH = ("", "maybe", "2")
NO_ADDRESS = (
    *(
        "x",
        "https://",
        "https://[",
        "https://[::1",
        "https:///a",
        "https://a b.cn",
        "https://a.cn\n",
        "ftp://a.cn",
    ),
    *("https://a.cn:99999", "https://a.cn:x", "https://user:pw@a.cn", "https://a.cn/x?y=1", "https://a.cn#f"),
    *(
        "https://a.cn/",
        "http://a.cn",
        "sandbox",
        "https://localhost",
        "https://LOCALHOST.",
        "https://127.0.0.1",
    ),
    *(
        "https://127.0.0.2",
        "https://[::1]",
        "https://127.1",
        "https://0",
        "https://0.0.0.0",
        "https://[::]",
        "https://0x7f000001",
        "https://127.0.0.0x1",
        "https://guahao.localhost",
        "postgresql://[",
        "https://a.cn:",
        "https://a.cn//x",
        "https://a.cn/../x",
        "https://a.cn,https://b.cn",
        "'https://a.cn'",
    ),
)
NO_DATABASE = (
    *(" ", "x", "https://a.cn/x", "mysql://a/b", "postgresql://", "postgresql://h", "postgresql://["),
    *("postgresql://u:p@h:port/db", "postgresql://u:p@127.0.0.1:99999/db", "postgresql://u@[::1/db"),
    *("postgresql://u:p@127.0.0.1/db ", "postgresql://u:p@127.0.0.1/db\n", '"postgresql://u:p@127.0.0.1/db"'),
    *("postgresql://u:p@127.0.0.1/db,postgresql://u:p@127.0.0.1/db", "postgresql://u:p@127.0.0.1/a/b"),
    *("postgresql://u@h/db?sslmode=verify-ca", "postgresql://u@h1,h2/db", "postgresql://u@h/db?ssl=true"),
    *(
        f"postgresql://u:p@127.0.0.1/db?{options}"
        for options in (
            "connect_timeout=5",
            "application_name=guahao",
            "hostaddr=10.0.0.5",
            "service=elsewhere",
            "options=-csearch_path%3Dother",
            "ssl=disable",
            "sslmode=verify",
            "sslmode=verify-full&sslmode=disable",
            "sslmode=verify-full&sslrootcert=/nonexistent.pem",
            "sslmode=verify-full&sslrootcert=/etc/passwd",
            "sslrootcert=a&sslrootcert=b",
        )
    ),
)
NO_HOST = ("", " ", "x y", "https://a.cn", "127.1", "300.1.1.1", "a:8000", "-a", "中文", "/run/x")
NO_WORD = (" ", "a b", "a\n", "\t", "a\u3000b", '"a"', "'a'", '""')
NO_FOLDER = ("/dev/null", "/etc/passwd", "/etc/passwd/x", "~/x", "$HOME/x", " /x", "/x ", "/x\n", '"/x"')

WRONG: Mapping[str, tuple[str, ...]] = {
    "environment": ("", "prod", "PRODUCTION", "production "),
    "database_url": ("", *NO_DATABASE),
    "owner_database_url": (*NO_DATABASE, BASE["database_url"], "postgresql://other:same@127.0.0.1/guahao"),
    "database_without_tls": NO_SWITCH,
    "database_pool_size": ("0", *NO_NUMBER),
    "data_dir": ("", *NO_FOLDER),
    "keys_dir": (*NO_FOLDER, "/nonexistent/keys"),
    "clients_dir": NO_FOLDER,
    "public_url": ("", *NO_ADDRESS),
    "host": NO_HOST,
    "port": ("0", "65536", *NO_NUMBER),
    "trusted_proxies": (
        "x",
        "10.0.0.0/33",
        "300.1.1.1",
        "*",
        "127.0.0.1;10.0.0.1",
        "none,127.0.0.1",
        "0.0.0.0/0",
        "0.0.0.0/1,128.0.0.0/1",
        "64.0.0.0/2",
        "2000::/3",
        "0.0.0.0",
        "::",
        ",",
        '"127.0.0.1"',
    ),
    "metrics_port": ("0", "65536", "8000", *NO_NUMBER[1:]),
    "metrics_host": NO_HOST,
    "max_connections": ("9", *NO_NUMBER),
    "workers": ("0", "65", *NO_NUMBER),
    "drain_s": ("121", "nan", "-1", "x"),
    "log_level": ("", "info", "TRACE"),
    "debug": ("true", *NO_SWITCH),
    "api_docs": ("true", *NO_SWITCH[1:]),
    "single_hospital": NO_WORD,
    "sms_provider": ("", "sandbox", "x"),
    "sms_endpoint": NO_ADDRESS,
    "sms_access_key_id": ("", *NO_WORD),
    "sms_access_key_secret": ("", *NO_WORD),
    "sms_app_id": ("", *NO_WORD),
    "sms_sign_name": ("", " 某医院", "某医院\n", '"某医院"'),
    "sms_template_code": ("", *NO_WORD),
    "sms_daily_budget": ("0", *NO_NUMBER[:4]),
    "address_limit_factor": ("0", *NO_NUMBER[1:4]),
    "booking_limit": ("0", *NO_NUMBER[:4]),
    "search_limit": ("0", *NO_NUMBER[:4]),
    "staff_limit": ("59", *NO_NUMBER[:4]),
    "booking_queue": ("63", *NO_NUMBER[:4]),
    "look_ups_per_staff": ("0", *NO_NUMBER[:4]),
    "look_ups_per_hospital": ("0", *NO_NUMBER[:4]),
    "reveals_per_staff": ("0", *NO_NUMBER[:4]),
    "reveals_per_hospital": ("0", *NO_NUMBER[:4]),
    "identity_provider": ("", "sandbox", "x"),
    "identity_endpoint": NO_ADDRESS,
    "identity_access_key_id": ("", *NO_WORD),
    "identity_access_key_secret": ("", *NO_WORD),
    "wechat_endpoint": NO_ADDRESS,
    "wechat_app_id": ("", "wxsandbox00000000", *NO_WORD),
    "wechat_app_secret": ("sandbox", *NO_WORD),
    "wechat_pay_endpoint": ("", *NO_ADDRESS),
    "wechat_pay_mchid": ("", "1900000000", *NO_WORD),
    "wechat_pay_serial": ("", "SANDBOX_MERCHANT", *NO_WORD),
    "wechat_pay_key_id": ("", "PUB_KEY_ID_SANDBOX", *NO_WORD),
    "alipay_endpoint": ("", *NO_ADDRESS),
    "alipay_app_id": ("", "2021000000000000", *NO_WORD),
    "alipay_seller_id": ("", "2088000000000000", *NO_WORD),
    "backup_passphrase": (),
    "anchor_syslog": ("x", "host", ":514", "h:0", "h:70000", "host:port", "dev/log", "a b:514", "/dev/log "),
    "anchor_url": NO_ADDRESS,
    "sandbox_time_scale": ("0", "-1", "x", "nan"),
}


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)


def _private(key: object) -> bytes:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined]  # any
    return bytes(private)


def _public(key: object) -> bytes:
    public = key.public_key()  # type: ignore[attr-defined]  # any key
    return bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = own_keys(tmp_path / "keys")
    key = private_key("merchant")
    write(folder / "wechat_pay_merchant.pem", _private(key))
    write(folder / "wechat_pay_apiv3.txt", b"0123456789abcdef" * 2)
    (folder / "wechat_pay_keys").mkdir(mode=0o700)
    write(folder / "wechat_pay_keys" / f"{KEY_ID}.pem", _public(key))
    write(folder / "alipay_app.pem", _private(key))
    write(folder / "alipay_public.pem", _public(key))
    return folder


@pytest.fixture
def production(keys: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Give what a start says to these settings: nothing if they are fit."""
    everything = ("wechat", "wechat_pay", "alipay", "tencent_sms", "tencent_identity")
    own = {"database_url": "postgresql://guahao:same@127.0.0.1/guahao", "trusted_proxies": "127.0.0.1"}
    fit = BASE | of(everything) | own | {"keys_dir": str(keys)}

    def said(**changes: str) -> list[str]:
        for name in Settings.model_fields:
            monkeypatch.delenv(f"GUAHAO_{name.upper()}", raising=False)
        empty = {"data_dir": str(keys.parent)} if changes.get("keys_dir") == "" else {}
        for name, value in (fit | changes | empty).items():
            monkeypatch.setenv(f"GUAHAO_{name.upper()}", value)
        try:
            run.refuse_unfit(configuration.load())
        except configuration.BadSettings as error:
            return error.faults
        return []

    return said


def test_every_setting_has_its_wrong_values_here() -> None:
    assert set(WRONG) == set(Settings.model_fields)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_told_by_name_in_one_line(name: str, production: Callable[..., list[str]]) -> None:
    assert production() == []
    for value in WRONG[name]:
        lines = production(**{name: value})
        assert any(line.startswith(f"GUAHAO_{name.upper()}: ") for line in lines), (value, lines)
        assert all(LINE.fullmatch(line) for line in lines), (value, lines)
        assert not re.search(r"pw@|:p@|same@", "".join(lines)), value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("public_url", "https://guahao.example.cn/yuyue"),
        ("public_url", "https://guahao.example.cn:8443"),
        ("database_url", "postgresql://guahao@/guahao?host=/run/postgresql"),
        ("database_url", "postgresql://guahao@127.0.0.1/guahao?target_session_attrs=read-write"),
        ("database_url", "postgresql://guahao@db.example.cn/guahao?sslmode=verify-full&sslrootcert=system"),
        ("owner_database_url", "postgresql://owner:other@127.0.0.1:5432/guahao"),
        ("host", "::"),
        ("host", "0.0.0.0"),
        ("trusted_proxies", "none"),
        ("trusted_proxies", "10.0.0.0/8, ::1"),
        ("trusted_proxies", "fc00::/7,172.16.0.0/12,"),
        ("anchor_syslog", "/dev/log"),
        ("anchor_syslog", "[::1]:514"),
        ("anchor_syslog", "log.example.cn:601"),
        ("alipay_endpoint", "https://openapi.alipay.com/gateway.do"),
        ("sms_sign_name", "示例 医院"),
        ("clients_dir", "/nonexistent/clients"),
        *((name, "") for name in ("keys_dir", "clients_dir", "metrics_port", "api_docs", "single_hospital")),
        *((name, "") for name in ("owner_database_url", "address_limit_factor", "anchor_syslog")),
    ],
)
def test_a_right_value_is_taken(name: str, value: str, production: Callable[..., list[str]]) -> None:
    assert production(**{name: value}) == []


def _as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir(mode=0o700)


def _as_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _as_dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


CONTENTS = {
    "nothing": b"",
    "zeros": b"\0" * 2000,
    "text": "密钥".encode("gbk"),
    "half a PEM": b"-----BEGIN PRIVATE KEY-----\nMII",
    "elliptic": _private(generate_private_key(SECP256R1())),
    "elliptic public": _public(generate_private_key(SECP256R1())),
    "Edwards": _private(Ed25519PrivateKey.generate()),
    "a broken certificate": b"-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n",
}
CHANGES: Mapping[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "a folder": _as_folder,
    "a link to itself": _as_loop,
    "a link to nowhere": _as_dangling,
    "read by others": lambda path: path.chmod(0o644),
}


FILES = (
    *("sealing-1.key", "blind.key", "pepper.key", "audit.key", "wechat_pay_merchant.pem"),
    *("wechat_pay_apiv3.txt", f"wechat_pay_keys/{KEY_ID}.pem", "alipay_app.pem", "alipay_public.pem"),
)


@pytest.mark.parametrize("file", FILES)
def test_a_key_file_that_is_none_is_told_by_its_name(
    file: str, keys: Path, production: Callable[..., list[str]]
) -> None:
    path = keys / file
    right = path.read_bytes()
    is_public = "public" in file or "wechat_pay_keys" in file
    for name, change in CHANGES.items():
        change(path)
        lines = production()
        assert bool(lines) or (is_public and name == "read by others"), name
        assert all(
            line.startswith("GUAHAO_KEYS_DIR: ") and file.rsplit("/", maxsplit=1)[-1] in line
            for line in lines
        ), lines
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        write(path, right)
    for name, content in CONTENTS.items():
        write(path, content)
        lines = production()
        assert lines, name
        assert all(LINE.fullmatch(line) for line in lines), name


def test_two_files_of_one_sealing_number_are_refused(
    keys: Path, production: Callable[..., list[str]]
) -> None:
    write(keys / "sealing-01.key", (keys / "sealing-1.key").read_bytes()[::-1])

    (line,) = production()

    assert "sealing-01.key" in line


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
def test_a_secret_file_that_is_no_text_is_told_by_its_name(
    content: bytes | None,
    tmp_path: Path,
    production: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    secret = folder / "guahao_wechat_app_secret"
    if content is None:
        secret.mkdir(mode=0o700)
    else:
        write(secret, content)
    monkeypatch.setenv(configuration.SECRETS_DIR, str(folder))

    (line,) = production()

    assert line.startswith("GUAHAO_WECHAT_APP_SECRET: ")
