"""How entries are chained: a keyed hash over the previous hash, the position and the entry."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from guahao.audit.models import AuditEntryRow
from guahao.kernel.db import Json

GENESIS = bytes(32)
"""What stands before the first link of every chain."""


class SealedFields(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Everything an entry says, in the order in which it is hashed."""

    hospital_id: int
    id: UUID
    at: datetime
    actor: str
    action: str
    subject: str
    data: Json


def fields_of(entry: AuditEntryRow) -> SealedFields:
    """What of a stored entry is hashed."""
    return SealedFields(
        hospital_id=entry.hospital_id,
        id=entry.id,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        data=entry.data,
    )


def link_hash(key: bytes, *, previous: bytes, seq: int, entry: SealedFields) -> bytes:
    """HMAC-SHA256 of one link; whoever lacks the key cannot make a chain that fits."""
    normal = msgspec.structs.replace(entry, at=entry.at.astimezone(UTC))
    said = msgspec.json.encode(normal, order="deterministic")
    return hmac.digest(key, previous + seq.to_bytes(8, "big") + said, "sha256")
