from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from guahao.adapters.wechat_pay import KeyFileUnusable, WeChatPayKeys
from tests.adapters.wechat_pay.platform import (
    APIV3,
    CERTIFICATE,
    MERCHANT_SERIAL,
    OLD_APIV3,
    PUBLIC_KEY_ID,
    private_key,
)

Key = RSAPrivateKey | ec.EllipticCurvePrivateKey
WEAK = generate_private_key(65537, 1024)
CURVE = ec.generate_private_key(ec.SECP256R1())


def private_pem(key: Key, encryption: KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def public_pem(key: Key) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def certificate_pem(key: Key, serial: str) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Tenpay.com")])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int(serial, 16))
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=1))
    )
    return builder.sign(private_key(CERTIFICATE), SHA256()).public_bytes(Encoding.PEM)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wechat_pay_keys").mkdir()
    (tmp_path / "wechat_pay_merchant.pem").write_bytes(private_pem(private_key("merchant")))
    (tmp_path / "wechat_pay_keys" / f"{PUBLIC_KEY_ID}.pem").write_bytes(
        public_pem(private_key(PUBLIC_KEY_ID))
    )
    (tmp_path / "wechat_pay_apiv3.txt").write_bytes(APIV3 + b"\n" + OLD_APIV3 + b"\n")
    return tmp_path


def load(folder: Path) -> WeChatPayKeys:
    return WeChatPayKeys.load(folder, merchant_serial=MERCHANT_SERIAL, key_id=PUBLIC_KEY_ID)


def unusable(folder: Path, file: str) -> None:
    with pytest.raises(KeyFileUnusable) as caught:
        load(folder)
    assert caught.value.args == (folder / file,)
    assert caught.value.__cause__ is None


def test_keys_are_read_from_the_agreed_files(folder: Path) -> None:
    keys = load(folder)

    assert keys.merchant_serial == MERCHANT_SERIAL
    assert keys.key_id == PUBLIC_KEY_ID
    assert keys.merchant_key.private_numbers() == private_key("merchant").private_numbers()
    assert {name: key.public_numbers() for name, key in keys.verification.items()} == {
        PUBLIC_KEY_ID: private_key(PUBLIC_KEY_ID).public_key().public_numbers()
    }
    assert keys.apiv3 == (APIV3, OLD_APIV3)


def test_no_secret_is_shown(folder: Path) -> None:
    shown = repr(load(folder))

    assert "merchant_key" not in shown
    assert "apiv3" not in shown
    assert APIV3.decode() not in shown


def test_row_22_a_platform_certificate_may_lie_beside_the_public_key(folder: Path) -> None:
    pem = certificate_pem(private_key(CERTIFICATE), CERTIFICATE)
    (folder / "wechat_pay_keys" / f"{CERTIFICATE}.pem").write_bytes(b"Bag Attributes\n" + pem)

    keys = load(folder)

    assert list(keys.verification) == [CERTIFICATE, PUBLIC_KEY_ID]
    expected = private_key(CERTIFICATE).public_key().public_numbers()
    assert keys.verification[CERTIFICATE].public_numbers() == expected


def test_a_certificate_under_another_serial_is_refused(folder: Path) -> None:
    name = "wechat_pay_keys/5157F09EFDC096DE15EBE81A47057A7232F1B8E2.pem"
    (folder / name).write_bytes(certificate_pem(private_key(CERTIFICATE), CERTIFICATE))

    unusable(folder, name)


@pytest.mark.parametrize(
    "content", [b"", b"no key", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_verification_file_that_is_none_is_refused(folder: Path, content: bytes) -> None:
    name = f"wechat_pay_keys/{PUBLIC_KEY_ID}.pem"
    (folder / name).write_bytes(content)

    unusable(folder, name)


@pytest.mark.parametrize("key", [WEAK, CURVE])
def test_a_verification_key_that_is_weak_or_no_rsa_key_is_refused(folder: Path, key: Key) -> None:
    name = f"wechat_pay_keys/{PUBLIC_KEY_ID}.pem"
    (folder / name).write_bytes(public_pem(key))

    unusable(folder, name)


@pytest.mark.parametrize("key", [WEAK, CURVE])
def test_a_certificate_of_a_weak_or_other_key_is_refused(folder: Path, key: Key) -> None:
    name = f"wechat_pay_keys/{CERTIFICATE}.pem"
    (folder / name).write_bytes(certificate_pem(key, CERTIFICATE))

    unusable(folder, name)


def test_the_key_we_ask_answers_to_be_signed_with_must_be_there(folder: Path) -> None:
    name = f"wechat_pay_keys/{PUBLIC_KEY_ID}.pem"
    (folder / name).unlink()

    unusable(folder, name)


def test_a_verification_file_that_cannot_be_read_is_refused(folder: Path) -> None:
    name = "wechat_pay_keys/FOLDER.pem"
    (folder / name).mkdir()

    unusable(folder, name)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no key",
        private_pem(WEAK),
        private_pem(CURVE),
        private_pem(private_key("merchant"), BestAvailableEncryption(b"x")),
    ],
)
def test_a_merchant_key_that_is_none_is_refused(folder: Path, content: bytes) -> None:
    (folder / "wechat_pay_merchant.pem").write_bytes(content)

    unusable(folder, "wechat_pay_merchant.pem")


@pytest.mark.parametrize("name", ["wechat_pay_merchant.pem", "wechat_pay_apiv3.txt"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()

    unusable(folder, name)


@pytest.mark.parametrize("content", [b"", b"\n \n", APIV3[:-1], APIV3 + b"x", APIV3 + b"\nshort"])
def test_an_apiv3_key_of_another_length_is_refused(folder: Path, content: bytes) -> None:
    (folder / "wechat_pay_apiv3.txt").write_bytes(content)

    unusable(folder, "wechat_pay_apiv3.txt")


def test_row_23_one_key_without_an_end_of_line_is_a_ring(folder: Path) -> None:
    (folder / "wechat_pay_apiv3.txt").write_bytes(APIV3)

    assert load(folder).apiv3 == (APIV3,)
