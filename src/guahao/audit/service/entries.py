"""Writing the trail: in the transaction of the deed, without waiting for anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.kernel.db import BulkInsert, Json
from guahao.kernel.ids import DIRECTORY, new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to what. `data` holds identifiers and numbers, never personal data of patients.

    `actor` is `account:<id>`, `staff:<id>`, `system` or, of refusals, `stranger`; `action` is `noun.verb`;
    `subject` is `noun:<id>`. Rows that belong to no hospital go to the directory's own chain.
    """

    hospital_id: int = DIRECTORY
    actor: str
    action: str
    subject: str
    data: Json = field(default_factory=dict)


AUDIT_INSERT = BulkInsert(AuditEntryRow, "hospital_id", "id", "actor", "action", "subject", "data")
"""For statements that write audit entries together with other rows; bind with `audit_params`."""


def audit_params(entries: Sequence[AuditEntry]) -> dict[str, list[Any]]:
    """Bind `entries` for AUDIT_INSERT."""
    return AUDIT_INSERT.params(
        [
            {
                "hospital_id": entry.hospital_id,
                "id": new_id(entry.hospital_id),
                "actor": entry.actor,
                "action": entry.action,
                "subject": entry.subject,
                "data": msgspec.json.encode(entry.data).decode(),
            }
            for entry in entries
        ]
    )


async def record(db: AsyncSession, *entries: AuditEntry) -> None:
    """Record `entries`; they stand if and only if this transaction commits.

    Takes no lock, so deeds of one hospital do not wait for each other; the chain is closed over
    them afterwards (`audit.jobs.seal_entries`).
    """
    await db.execute(AUDIT_INSERT.statement, audit_params(entries))
