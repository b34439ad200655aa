"""The keys of a merchant at WeChat Pay, read from files when a process starts and never fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

MERCHANT_KEY_FILE = "wechat_pay_merchant.pem"
VERIFICATION_FOLDER = "wechat_pay_keys"
APIV3_FILE = "wechat_pay_apiv3.txt"
_APIV3_LENGTH = 32
_LEAST_BITS = 2048


class KeyFileUnusable(Exception):
    """A key file is missing or is not what its name says; tells the file, never its content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeChatPayKeys:
    """What signs for us, what verifies the platform, and what opens its notifications.

    `verification` has one key for each serial the platform may sign with: its public key
    (PUB_KEY_ID_...) and, while a merchant migrates, platform certificates beside it.
    """

    merchant_serial: str
    merchant_key: RSAPrivateKey = field(repr=False)
    key_id: str
    """The serial that we ask answers to be signed with."""
    verification: Mapping[str, RSAPublicKey]
    apiv3: Sequence[bytes] = field(repr=False)
    """Newest first; each opens what was encrypted with it."""

    @classmethod
    def load(cls, folder: Path, *, merchant_serial: str, key_id: str) -> WeChatPayKeys:
        """Read all keys below `folder`. Raises `KeyFileUnusable`."""
        verification = {
            path.stem: _verification_key(path)
            for path in sorted((folder / VERIFICATION_FOLDER).glob("*.pem"))
        }
        if key_id not in verification:
            raise KeyFileUnusable(folder / VERIFICATION_FOLDER / f"{key_id}.pem")
        return cls(
            merchant_serial=merchant_serial,
            merchant_key=_merchant_key(folder / MERCHANT_KEY_FILE),
            key_id=key_id,
            verification=verification,
            apiv3=_apiv3_keys(folder / APIV3_FILE),
        )


def _merchant_key(path: Path) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        # Without the cause: it may quote what it read.
        raise KeyFileUnusable(path) from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _LEAST_BITS:
        raise KeyFileUnusable(path)
    return key


def _verification_key(path: Path) -> RSAPublicKey:
    """A public key, or that of a certificate, whose file must bear the certificate's serial number."""
    try:
        content = path.read_bytes()
        if b"BEGIN CERTIFICATE" not in content:
            key = load_pem_public_key(content)
        else:
            certificate = load_pem_x509_certificate(content)
            if path.stem != f"{certificate.serial_number:X}":
                raise KeyFileUnusable(path)
            key = certificate.public_key()
    except (OSError, ValueError):
        raise KeyFileUnusable(path) from None
    if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_BITS:
        raise KeyFileUnusable(path)
    return key


def _apiv3_keys(path: Path) -> Sequence[bytes]:
    try:
        keys = tuple(path.read_bytes().split())
    except OSError:
        raise KeyFileUnusable(path) from None
    if not keys or any(len(key) != _APIV3_LENGTH for key in keys):
        raise KeyFileUnusable(path)
    return keys
