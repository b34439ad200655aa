"""Sealed personal columns: an AES-256-GCM envelope bound to its row, blind indexes, and the key files.

A token is `version | algorithm | key id | nonce | ciphertext`: 1 + 1 + 2 + 12 + n + 16 bytes. The key
that seals is derived by HKDF from a key-encryption key for one hospital and one field; the place
(field, hospital, row) and the token's header are authenticated, so a token copied elsewhere does
not open. Sealing is explicit: services call `seal` and `open`, no column type does it unseen.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from guahao.kernel.ids import DIRECTORY

_VERSION = 1
_AES_256_GCM = 1
_HEADER_BYTES = 4
_NONCE_BYTES = 12
_TAG_BYTES = 16
_KEY_BYTES = 32
_DEV_MARK = "made-for-trying-out:"
_KEY_NUMBER = re.compile(r"[1-9][0-9]{0,4}")
_SINGLE_KEYS = ("blind", "pepper", "audit")


class SealBroken(Exception):
    """A sealed value cannot be opened where it stands; says where, never what was inside."""

    def __init__(self, place: Place) -> None:
        """Name the place of the value."""
        super().__init__(f"{place.field} of row {place.row} does not open")
        self.place = place


class UnknownKey(SealBroken):
    """The value was sealed with a key that is not in the ring."""


class TamperedData(SealBroken):
    """The value was changed, cut, or moved here from another row, column or hospital."""


class KeysUnusable(Exception):
    """The folder of key files cannot be used; the message tells what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a sealed value lives: `table.column`, the hospital and the row."""

    field: str
    row: UUID
    hospital_id: int = DIRECTORY

    @property
    def bytes(self) -> bytes:
        """What is authenticated together with the value."""
        return f"{self.field}|{self.hospital_id}|{self.row}".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """All keys of an installation; the newest key-encryption key seals, every one of them opens."""

    sealing: Mapping[int, bytes] = field(repr=False)
    blind: bytes = field(repr=False)
    pepper: bytes = field(repr=False)
    audit: bytes = field(repr=False)
    made_for_trying_out: bool
    _derived: dict[tuple[int, int, str], AESGCM] = field(default_factory=dict, repr=False)
    _unreadable: dict[Place, bool] = field(default_factory=dict, repr=False)
    """What `open_shown` met, and whether somebody was told."""

    def seal(self, text: str, *, field: str, row: UUID, hospital_id: int = DIRECTORY) -> bytes:
        """Encrypt `text` for the column `field` (`table.column`) of one row."""
        place = Place(field=field, row=row, hospital_id=hospital_id)
        kid = self.newest
        header = bytes((_VERSION, _AES_256_GCM)) + kid.to_bytes(2, "big")
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return header + nonce + self._cipher(kid, place).encrypt(nonce, text.encode(), header + place.bytes)

    def open(self, token: bytes, *, field: str, row: UUID, hospital_id: int = DIRECTORY) -> str:
        """Decrypt what `seal` made for this very place.

        Raises `UnknownKey` or `TamperedData`.
        """
        place = Place(field=field, row=row, hospital_id=hospital_id)
        header, sealed = token[:_HEADER_BYTES], token[_HEADER_BYTES:]
        if len(sealed) < _NONCE_BYTES + _TAG_BYTES or header[:2] != bytes((_VERSION, _AES_256_GCM)):
            raise TamperedData(place)
        kid = int.from_bytes(header[2:], "big")
        if kid not in self.sealing:
            raise UnknownKey(place)
        try:
            opened = self._cipher(kid, place).decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], header + place.bytes
            )
        except InvalidTag as error:
            raise TamperedData(place) from error
        return opened.decode()

    def open_shown(self, token: bytes, *, field: str, row: UUID, hospital_id: int = DIRECTORY) -> str | None:
        """Decrypt for a screen or a file: None where it does not open, so that all the rest is shown.

        The place waits in `take_untold`.
        """
        try:
            return self.open(token, field=field, row=row, hospital_id=hospital_id)
        except SealBroken as error:
            self._unreadable.setdefault(error.place, False)
            return None

    def take_untold(self) -> list[Place]:
        """Answer the places that did not open and of which nobody was told; each once in this process."""
        untold = [place for place, is_told in list(self._unreadable.items()) if not is_told]
        self._unreadable.update(dict.fromkeys(untold, True))
        return untold

    def reseal(self, token: bytes, *, field: str, row: UUID, hospital_id: int = DIRECTORY) -> bytes:
        """Answer the same text sealed with the newest key, for the same place.

        Raises `UnknownKey` or `TamperedData`.
        """
        text = self.open(token, field=field, row=row, hospital_id=hospital_id)
        return self.seal(text, field=field, row=row, hospital_id=hospital_id)

    @property
    def newest(self) -> int:
        """The number of the key-encryption key that seals."""
        return max(self.sealing)

    def check_values(self) -> dict[str, bytes]:
        """Answer for each key, by the name of its file, what only that key makes of a fixed text.

        They tell nothing of the keys, so they may lie beside the data and show whose ring it needs.
        """
        keys = {f"sealing-{number}": key for number, key in self.sealing.items()}
        keys |= {"blind": self.blind, "pepper": self.pepper, "audit": self.audit}
        return {
            name: hmac.digest(key, f"guahao key check|{name}".encode(), "sha256")
            for name, key in keys.items()
        }

    def blind_index(self, field: str, text: str) -> bytes:
        """Answer 16 bytes that are equal for equal `text` in one field and tell nothing about it.

        `text` must be in its normal form already; the search for a sealed value goes by this.
        """
        return hmac.digest(self.blind, f"{field}|{text}".encode(), "sha256")[:16]

    def _cipher(self, kid: int, place: Place) -> AESGCM:
        name = (kid, place.hospital_id, place.field)
        cipher = self._derived.get(name)
        if cipher is None:
            info = f"guahao|{place.hospital_id}|{place.field}".encode()
            key = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(self.sealing[kid])
            cipher = self._derived[name] = AESGCM(key)
        return cipher


def load_key_ring(folder: Path, *, production: bool) -> KeyRing:
    """Read the key files `sealing-<number>.key`, `blind.key`, `pepper.key` and `audit.key`.

    Each holds 64 hexadecimal digits and is readable by its owner alone. Outside production a missing
    or empty folder is filled with new keys, marked so that production refuses them; a folder that
    has only some of the keys is never completed, since data sealed with the lost ones would be lost
    unnoticed. In production the folder and every file must be private, every key random and used once.
    Safe when several processes start at once. Raises `KeysUnusable`.
    """
    if not production and not _has_files(folder):
        _make_keys(folder)
    if production and folder.is_dir():
        require_private(folder)
    sealing, marked = _sealing_keys(folder, production=production)
    single: dict[str, bytes] = {}
    for name in _SINGLE_KEYS:
        single[name], made = _read_key(folder / f"{name}.key", production=production)
        marked = marked or made
    if production:
        _require_different([*sealing.values(), *single.values()])
    return KeyRing(
        sealing=sealing,
        blind=single["blind"],
        pepper=single["pepper"],
        audit=single["audit"],
        made_for_trying_out=marked,
    )


def _sealing_keys(folder: Path, *, production: bool) -> tuple[dict[int, bytes], bool]:
    found: dict[int, bytes] = {}
    marked = False
    for path in sorted(folder.glob("sealing-*.key")):
        number = path.stem.removeprefix("sealing-")
        if not _KEY_NUMBER.fullmatch(number) or int(number) >= 1 << 16:
            message = f"{path}: the part after 'sealing-' must be 1 to 65535, without zeros before it"
            raise KeysUnusable(message)
        found[int(number)], made = _read_key(path, production=production)
        marked = marked or made
    if not found:
        message = f"{folder}: no file sealing-1.key; put the key files there or set GUAHAO_KEYS_DIR"
        raise KeysUnusable(message)
    return found, marked


def require_private(path: Path) -> None:
    """Refuse a file or folder that anybody else can read, change or take away. Raises `KeysUnusable`."""
    try:
        state = path.stat()
    except OSError as error:
        message = f"{path}: cannot be read"
        raise KeysUnusable(message) from error
    if state.st_mode & 0o077:
        mode = "700" if path.is_dir() else "600"
        message = f"{path}: others may read it; run chmod {mode} on it"
        raise KeysUnusable(message)
    if state.st_uid not in {0, os.geteuid()}:
        message = f"{path}: belongs to another user of this machine; run chown on it"
        raise KeysUnusable(message)


def _require_different(keys: Sequence[bytes]) -> None:
    if any(len(set(key)) < _KEY_BYTES // 4 for key in keys):
        message = "a key file holds a made-up value; every key must be random (openssl rand -hex 32)"
        raise KeysUnusable(message)
    if len(set(keys)) < len(keys):
        message = "two key files hold the same key; each must have its own (openssl rand -hex 32)"
        raise KeysUnusable(message)


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _read_key(path: Path, *, production: bool) -> tuple[bytes, bool]:
    try:
        content = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read as a key file"
        raise KeysUnusable(message) from error
    require_private(path)
    marked = content.startswith(_DEV_MARK)
    if marked and production:
        message = f"{path}: made for trying out; production needs keys of its own (openssl rand -hex 32)"
        raise KeysUnusable(message)
    try:
        key = bytes.fromhex(content.removeprefix(_DEV_MARK))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        message = f"{path}: must hold 64 hexadecimal digits (openssl rand -hex 32)"
        raise KeysUnusable(message)
    return key, marked


def _make_keys(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}-{secrets.token_hex(8)}")
    fresh.mkdir(mode=0o700)
    for name in ("sealing-1", *_SINGLE_KEYS):
        handle = os.open(fresh / f"{name}.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(f"{_DEV_MARK}{secrets.token_hex(_KEY_BYTES)}\n")
            file.flush()
            os.fsync(file.fileno())
    try:
        fresh.rename(folder)  # atomic: of several starting processes one wins, the others read its keys
    except OSError:
        shutil.rmtree(fresh)
        if not _has_files(folder):
            raise
