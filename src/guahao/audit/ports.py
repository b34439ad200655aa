"""Where the heads of the chains are carried, out of the reach of whoever owns the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """The head of a chain: position and hash of its newest link."""

    hospital_id: int
    seq: int
    hash: bytes

    def line(self) -> bytes:
        """How it stands in the file of anchors."""
        return msgspec.json.encode(self) + b"\n"


class AnchorSink(Protocol):
    """A place that keeps anchors: the nearer it is to the database, the less it proves."""

    async def keep(self, anchors: Sequence[Anchor]) -> None:
        """Keep these, maybe once more; returns when they are kept, and raises when they are not."""
        ...
