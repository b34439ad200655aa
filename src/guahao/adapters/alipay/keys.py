"""The two keys of an Alipay application in public-key mode, and RSA2 with them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

PRIVATE_FILE: Final = "alipay_app.pem"
PUBLIC_FILE: Final = "alipay_public.pem"
_LEAST_BITS = 2048
_PEM = b"-----BEGIN"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AlipayKeys:
    """Our private key, which signs, and Alipay's public key, which verifies. Never shown."""

    private: RSAPrivateKey
    public: RSAPublicKey

    @classmethod
    def load(cls, folder: Path) -> AlipayKeys:
        """Read alipay_app.pem and alipay_public.pem: PEM, or the bare base64 that Alipay's pages show.

        Raises ValueError naming the file that is not an RSA key of 2048 bits or more, OSError for one
        that cannot be read.
        """
        return cls(
            private=_private_key(PRIVATE_FILE, (folder / PRIVATE_FILE).read_bytes()),
            public=_public_key(PUBLIC_FILE, (folder / PUBLIC_FILE).read_bytes()),
        )

    def sign(self, text: str) -> str:
        """Sign with SHA256withRSA, in base64."""
        return base64.b64encode(self.private.sign(text.encode(), PKCS1v15(), SHA256())).decode()

    def is_genuine(self, text: str, signature: str) -> bool:
        """Whether Alipay signed exactly this text, with SHA-256 and nothing weaker."""
        try:
            self.public.verify(
                base64.b64decode(signature, validate=True), text.encode(), PKCS1v15(), SHA256()
            )
        except (InvalidSignature, ValueError):  # binascii.Error and UnicodeError are ValueErrors
            return False
        return True


def _private_key(name: str, content: bytes) -> RSAPrivateKey:
    try:
        if content.lstrip().startswith(_PEM):
            key = load_pem_private_key(content, None)
        else:
            key = load_der_private_key(_unwrapped(content), None)
    except (ValueError, TypeError):
        raise ValueError(name) from None  # without the cause, which may quote the key
    if not isinstance(key, RSAPrivateKey) or key.key_size < _LEAST_BITS:
        raise ValueError(name)
    return key


def _public_key(name: str, content: bytes) -> RSAPublicKey:
    try:
        if content.lstrip().startswith(_PEM):
            key = load_pem_public_key(content)
        else:
            key = load_der_public_key(_unwrapped(content))
    except ValueError:
        raise ValueError(name) from None
    if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_BITS:
        raise ValueError(name)
    return key


def _unwrapped(content: bytes) -> bytes:
    return base64.b64decode(b"".join(content.split()), validate=True)
