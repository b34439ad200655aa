"""A stream encrypted under a passphrase: AES-256-GCM in chunks, so that nothing can be cut or moved.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): a chunk's nonce is a random prefix,
its number, and whether it is the last.
"""

from __future__ import annotations

import io
import secrets
import struct
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

_MAGIC = b"GUAHAO-BACKUP-1\n"
_SALT_BYTES, _PREFIX_BYTES, _TAG_BYTES = 16, 7, 16
_CHUNK = 1024 * 1024


class BackupUnreadable(Exception):
    """The file is no backup, the passphrase is another one, or something was changed or cut off."""


def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(passphrase.encode()))


def _nonce(prefix: bytes, number: int, *, is_last: bool) -> bytes:
    return prefix + struct.pack(">IB", number, is_last)


class SealingWriter(io.RawIOBase):
    """Encrypts what is written; only `finish` makes the file whole."""

    def __init__(self, out: BinaryIO, passphrase: str) -> None:
        """Write the head."""
        super().__init__()
        salt, self._prefix = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_PREFIX_BYTES)
        self._head = _MAGIC + salt + self._prefix
        self._out, self._cipher = out, _cipher(passphrase, salt)
        self._buffer, self._number = bytearray(), 0
        out.write(self._head)

    def writable(self) -> bool:
        """Say so."""
        return True

    def write(self, data: object) -> int:
        """Take bytes; whole chunks leave at once."""
        content = bytes(data)  # type: ignore[call-overload]  # any buffer, as RawIOBase has it
        self._buffer += content
        while len(self._buffer) > _CHUNK:
            self._emit(bytes(self._buffer[:_CHUNK]), is_last=False)
            del self._buffer[:_CHUNK]
        return len(content)

    def finish(self) -> None:
        """Write the last chunk."""
        self._emit(bytes(self._buffer), is_last=True)
        self._buffer.clear()

    def _emit(self, chunk: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._prefix, self._number, is_last=is_last)
        self._out.write(self._cipher.encrypt(nonce, chunk, self._head))
        self._number += 1


class OpeningReader(io.RawIOBase):
    """Decrypts what `SealingWriter` wrote, chunk by chunk; nothing that was changed is ever given out."""

    def __init__(self, source: BinaryIO, passphrase: str) -> None:
        """Read the head. Raises `BackupUnreadable`."""
        super().__init__()
        self._head = source.read(len(_MAGIC) + _SALT_BYTES + _PREFIX_BYTES)
        if not self._head.startswith(_MAGIC) or len(self._head) < len(_MAGIC) + _SALT_BYTES + _PREFIX_BYTES:
            message = "this file is no backup of guahao"
            raise BackupUnreadable(message)
        salt = self._head[len(_MAGIC) :][:_SALT_BYTES]
        self._prefix = self._head[-_PREFIX_BYTES:]
        self._source, self._cipher = source, _cipher(passphrase, salt)
        self._next = source.read(_CHUNK + _TAG_BYTES)
        self._buffer, self._number, self._is_over = b"", 0, False

    def readable(self) -> bool:
        """Say so."""
        return True

    def readinto(self, target: object) -> int:
        """Fill the buffer with what follows; 0 at the end. Raises `BackupUnreadable`."""
        view = memoryview(target)  # type: ignore[arg-type]  # any writable buffer, as RawIOBase has it
        if not self._buffer and not self._is_over:
            self._open_chunk()
        part = self._buffer[: len(view)]
        view[: len(part)] = part
        self._buffer = self._buffer[len(part) :]
        return len(part)

    def _open_chunk(self) -> None:
        sealed, self._next = self._next, self._source.read(_CHUNK + _TAG_BYTES)
        self._is_over = not self._next
        try:
            nonce = _nonce(self._prefix, self._number, is_last=self._is_over)
            self._buffer = self._cipher.decrypt(nonce, sealed, self._head)
        except InvalidTag as error:
            message = (
                "the passphrase is another one, or the file was changed"
                if self._number == 0
                else "the file was changed or cut off"
            )
            raise BackupUnreadable(message) from error
        self._number += 1
