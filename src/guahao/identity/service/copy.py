"""A copy of everything that is held about an account, for its holder to take along."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.ports.copy import AccountCopy
from guahao.identity.queries.copy import copy_of_account
from guahao.identity.service.holder import Proof, accept_proof
from guahao.kernel.clock import CHINA, local_date
from guahao.kernel.crypto import KeyRing
from guahao.kernel.export import File
from guahao.kernel.i18n import text


async def take_copy(
    db: AsyncSession, *, account_id: UUID, proof: Proof, others: AccountCopy, key_ring: KeyRing, now: datetime
) -> File:
    """Write the file, and into the trail that it was taken. Raises what `accept_proof` raises.

    JSON: a title in Chinese and the rows of each table, with the columns' own names and opened values.
    """
    await accept_proof(db, account_id=account_id, proof=proof, now=now)
    tables = await copy_of_account(db, account_id=account_id, key_ring=key_ring)
    tables |= await others(db, account_id=account_id, key_ring=key_ring)
    subject = f"account:{account_id}"
    counts = {name: len(rows) for name, rows in tables.items()}
    await record(db, AuditEntry(actor=subject, action="account.export", subject=subject, data=counts))
    content = {
        "about": text("copy.about"),
        "made_at": now.astimezone(CHINA),
        "tables": {name: {"title": text(f"copy.{name}"), "rows": rows} for name, rows in tables.items()},
    }
    encoded = msgspec.json.format(msgspec.json.encode(content), indent=2)
    return File(name=f"my-data-{local_date(now):%Y%m%d}.json", media_type="application/json", content=encoded)
