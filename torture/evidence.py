"""Everything the database says after a run, read once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from guahao.audit.queries import verify
from guahao.kernel.crypto import load_key_ring
from guahao.kernel.db import make_engine, make_sessions, transaction

Row = dict[str, Any]

_TABLES = {
    "slot": "id",
    "place_log": "slot_id, seq",
    "clinic_session": "id",
    "appointment": "id",
    "payment_order": "id",
    "payment": "id",
    "refund": "id",
    "ledger_entry": "id",
    "finance_case": "id",
    "sandbox_trade": "provider, out_trade_no",
    "sandbox_refund": "provider, out_trade_no, out_refund_no",
    "event": "id",
    "idempotency_key": "owner, route, key",
    "audit_entry": "id",
}


@dataclass(slots=True, kw_only=True)
class Evidence:
    """The rows of each table, ids as text, and what is wrong with the audit chain."""

    tables: Mapping[str, list[Row]]
    audit_damage: list[str]

    def __getitem__(self, table: str) -> list[Row]:
        """The rows of a table."""
        return self.tables[table]


async def collect(dsn: str, folder: Path) -> Evidence:
    """Read the database at `dsn`; nothing may be writing any more."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = {
            name: [_plain(row) for row in await connection.fetch(f"SELECT * FROM {name} ORDER BY {order}")]
            for name, order in _TABLES.items()
        }
    finally:
        await connection.close()
    return Evidence(tables=tables, audit_damage=await _audit_damage(dsn, folder))


def _plain(row: asyncpg.Record) -> Row:
    plain: Row = {}
    for name, value in row.items():
        plain[name] = str(value) if isinstance(value, UUID) else value
    if isinstance(plain.get("payload"), str):
        plain["payload"] = json.loads(plain["payload"])
    return plain


async def _audit_damage(dsn: str, folder: Path) -> list[str]:
    key_ring = load_key_ring(folder / "keys", production=False)
    engine = make_engine(dsn, pool_size=2)
    try:
        async with transaction(make_sessions(engine)) as db:
            found = await verify(db, key=key_ring.audit, anchors=[])
    finally:
        await engine.dispose()
    damage = [f"{one.bad.damage} in the chain of hospital {one.hospital_id}" for one in found if one.bad]
    waiting = [f"{one.waiting} entries are not chained" for one in found if one.waiting]
    return damage + waiting
