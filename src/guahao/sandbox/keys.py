"""The sandbox's key folder, made at first start: the providers' keys and those issued to us."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

KEY_ID = "PUB_KEY_ID_SANDBOX"
"""Serial of WeChat Pay's key in public-key mode."""

_MERCHANT = "wechat_pay_merchant.pem"
_VERIFYING = "wechat_pay_keys"
_APIV3 = "wechat_pay_apiv3.txt"
_PLATFORM = "sandbox_wechat_platform.pem"
_CERTIFICATE = "sandbox_wechat_certificate.pem"
_ALIPAY_APP = "alipay_app.pem"
_ALIPAY_PUBLIC = "alipay_public.pem"
_ALIPAY = "sandbox_alipay.pem"
_EXPONENT = 3
"""No provider issues such keys, and every library takes them: by it production knows the sandbox's."""
_MARK = b"sandbox"
_YEARS = timedelta(days=5 * 365)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxKeys:
    """What the providers' side needs: their private keys, the merchant's public ones, the APIv3 keys."""

    merchant: RSAPublicKey
    platform: RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate
    """The platform certificate of migration mode."""
    certificate_key: RSAPrivateKey = field(repr=False)
    apiv3: bytes = field(repr=False)
    """The newest APIv3 key."""
    alipay_app: RSAPublicKey
    alipay: RSAPrivateKey = field(repr=False)

    @property
    def certificate_serial(self) -> str:
        """The serial of the platform certificate as WeChat Pay writes it."""
        return serial_of(self.certificate)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the folder, and make it first where it is missing; safe when several processes start at once.

        Where it lies inside the folder of the key ring, that one is made first.
        """
        if not (folder / _MERCHANT).exists():
            _make(folder)
        (issued,) = [
            path for path in (folder / _VERIFYING).glob("*.pem") if path.stem != KEY_ID
        ]  # the one certificate beside the public key
        return cls(
            merchant=_private(folder / _MERCHANT).public_key(),
            platform=_private(folder / _PLATFORM),
            certificate=x509.load_pem_x509_certificate(issued.read_bytes()),
            certificate_key=_private(folder / _CERTIFICATE),
            apiv3=(folder / _APIV3).read_bytes().split()[0],
            alipay_app=_private(folder / _ALIPAY_APP).public_key(),
            alipay=_private(folder / _ALIPAY),
        )


def serial_of(certificate: x509.Certificate) -> str:
    """The serial number as WeChat Pay writes it: upper-case hexadecimal."""
    return f"{certificate.serial_number:X}"


def is_sandbox_secret(content: bytes) -> bool:
    """Whether a private key or APIv3 key was made here, wherever it was copied to since."""
    if content.startswith(_MARK):
        return True
    try:
        key = serialization.load_pem_private_key(content, password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError):
        return False
    return isinstance(key, RSAPrivateKey) and key.public_key().public_numbers().e == _EXPONENT


def _make(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}-{secrets.token_hex(8)}")
    (fresh / _VERIFYING).mkdir(mode=0o700, parents=True)
    fresh.chmod(0o700)
    platform, certificate_key, alipay = (_new_key() for _ in range(3))
    certificate = _certificate(certificate_key)
    for name, key in (
        (_MERCHANT, _new_key()),
        (_PLATFORM, platform),
        (_CERTIFICATE, certificate_key),
        (_ALIPAY_APP, _new_key()),
        (_ALIPAY, alipay),
    ):
        _write(fresh / name, _private_pem(key))
    _write(fresh / _VERIFYING / f"{KEY_ID}.pem", _public_pem(platform))
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    _write(fresh / _VERIFYING / f"{serial_of(certificate)}.pem", pem)
    _write(fresh / _APIV3, _MARK + secrets.token_hex(16).encode()[len(_MARK) :] + b"\n")
    _write(fresh / _ALIPAY_PUBLIC, _public_pem(alipay))
    try:
        fresh.rename(folder)  # atomic: of several starting processes one wins, the others read its keys
    except OSError:
        shutil.rmtree(fresh)
        if not (folder / _MERCHANT).exists():
            raise


def _new_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=_EXPONENT, key_size=2048)


def _certificate(key: RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Guahao sandbox of WeChat Pay")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(secrets.randbits(154) | 1 << 158)  # so that its text always has 40 digits
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _YEARS)
        .sign(key, SHA256())
    )


def _private_pem(key: RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _private(path: Path) -> RSAPrivateKey:
    # Made here and worth no money: the check of the numbers would take 50 ms for each key of each process.
    key = serialization.load_pem_private_key(
        path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True
    )
    assert isinstance(key, RSAPrivateKey)
    return key
