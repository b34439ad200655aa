"""Opaque cursors of paged lists: where the next page begins."""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

import msgspec

from guahao.kernel.errors import Problem

Position = TypeVar("Position")


class CursorInvalid(Problem):
    """The cursor was not given out by this list."""

    code = "cursor-invalid"
    status = 422


def encode_cursor(position: object) -> str:
    """Wrap the last row's sort key, a tuple of plain values, into a cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def decode_cursor(cursor: str, shape: type[Position]) -> Position:
    """Unwrap a cursor into the shape that was encoded, such as `tuple[datetime, UUID]`.

    Raises CursorInvalid for anything else.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=shape)
    except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError) as error:
        raise CursorInvalid from error
