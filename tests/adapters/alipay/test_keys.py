from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from guahao.adapters.alipay import AlipayKeys
from tests.adapters.alipay.counterpart import OURS, STRANGER, THEIRS, signature

SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)
CURVE = ec.generate_private_key(ec.SECP256R1())


def private(
    key: Any = OURS,
    encoding: Encoding = Encoding.PEM,
    form: PrivateFormat = PrivateFormat.PKCS8,
    lock: KeySerializationEncryption | None = None,
) -> bytes:
    return bytes(key.private_bytes(encoding, form, lock or NoEncryption()))


def public(key: Any = THEIRS, encoding: Encoding = Encoding.PEM) -> bytes:
    return bytes(key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo))


def wrapped(der: bytes) -> bytes:
    text = base64.b64encode(der)
    return b"\n".join(text[at : at + 64] for at in range(0, len(text), 64)) + b"\n"


def load(folder: Path, ours: bytes | None, theirs: bytes | None) -> AlipayKeys:
    for name, content in (("alipay_app.pem", ours), ("alipay_public.pem", theirs)):
        if content is not None:
            (folder / name).write_bytes(content)
    return AlipayKeys.load(folder)


@pytest.mark.parametrize(
    "ours",
    [
        private(),
        b"\n" + private(form=PrivateFormat.TraditionalOpenSSL),
        base64.b64encode(private(encoding=Encoding.DER)),
        wrapped(private(encoding=Encoding.DER, form=PrivateFormat.TraditionalOpenSSL)),
    ],
    ids=["pkcs8", "pkcs1", "bare", "bare and wrapped"],
)
@pytest.mark.parametrize(
    "theirs",
    [public(), b" \n" + public(), base64.b64encode(public(encoding=Encoding.DER)) + b"\n"],
    ids=["pem", "spaced pem", "bare"],
)
def test_keys_are_read_as_pem_or_as_alipays_pages_show_them(
    tmp_path: Path, ours: bytes, theirs: bytes
) -> None:
    keys = load(tmp_path, ours, theirs)

    OURS.public_key().verify(
        base64.b64decode(keys.sign("挂号=1")), "挂号=1".encode(), padding.PKCS1v15(), SHA256()
    )
    assert keys.is_genuine("挂号=1", signature("挂号=1"))
    assert keys.is_genuine("挂号=2", signature("挂号=1")) is False
    assert keys.is_genuine("挂号=1", signature("挂号=1") + "\n") is False
    assert keys.is_genuine("挂号=1", "!" + signature("挂号=1")) is False
    assert not keys.is_genuine("挂号=1", signature("挂号=1", key=STRANGER))


@pytest.mark.parametrize(
    "ours",
    [
        b"",
        b"not a key",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        private(SHORT),
        private(CURVE),
        private(lock=BestAvailableEncryption(b"word")),
        public(),
        base64.b64encode(private(SHORT, Encoding.DER)),
        base64.b64encode(b"AAAA"),
        b"!" + base64.b64encode(private(encoding=Encoding.DER)),
    ],
)
def test_what_is_no_strong_private_key_is_named_but_never_quoted(tmp_path: Path, ours: bytes) -> None:
    with pytest.raises(ValueError, match=r"^alipay_app\.pem$") as caught:
        load(tmp_path, ours, public())
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "theirs",
    [
        b"",
        b"not a key",
        public(SHORT),
        public(CURVE),
        private(),
        b"-----BEGIN PUBLIC KEY-----\n",
        b"!" + base64.b64encode(public(encoding=Encoding.DER)),
    ],
)
def test_what_is_no_strong_public_key_is_named(tmp_path: Path, theirs: bytes) -> None:
    with pytest.raises(ValueError, match=r"^alipay_public\.pem$"):
        load(tmp_path, private(), theirs)


@pytest.mark.parametrize(("ours", "theirs"), [(None, public()), (private(), None)])
def test_a_missing_key_file_is_missing(tmp_path: Path, ours: bytes | None, theirs: bytes | None) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path, ours, theirs)


def test_a_key_of_2048_bits_is_enough(tmp_path: Path) -> None:
    assert load(tmp_path, private(), public()).private.key_size == 2048


def test_keys_are_not_shown(tmp_path: Path) -> None:
    assert "RSA" not in repr(load(tmp_path, private(), public()))
