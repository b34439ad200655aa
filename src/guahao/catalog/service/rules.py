"""Publishing rules: versions are dense, history stays, nothing takes effect unseen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.catalog.models import Hospital, RuleSetRow
from guahao.catalog.policy.reading import differences
from guahao.catalog.policy.rules import Rules, RuleSet
from guahao.catalog.queries.rules import forget_rules, rule_set_of
from guahao.catalog.service.conflict import EditConflict
from guahao.kernel.clock import CHINA
from guahao.kernel.errors import NotFound, Problem

ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
"""Since when version 1 counts: before anything a hospital here could have done."""

NOTICE = timedelta(seconds=60)
"""Twice as long as a process may judge by rules it has seen."""


class RulesTooSoon(Problem):
    """A version may take effect 60 seconds from now at the earliest."""

    code = "rules-too-soon"
    status = 422


async def begin_rules(db: AsyncSession, *, hospital_id: int, actor: str) -> None:
    """Give a new hospital the default rules as version 1, in force at once; else do nothing."""
    await db.execute(
        insert(RuleSetRow)
        .values(
            hospital_id=hospital_id,
            version=1,
            effective_from=ALWAYS,
            rules=msgspec.to_builtins(Rules()),
            created_by=actor,
        )
        .on_conflict_do_nothing()
    )
    forget_rules(hospital_id)


async def publish_rules(
    db: AsyncSession,
    *,
    hospital_id: int,
    rules: Rules,
    base_version: int,
    effective_from: datetime | None,
    actor: str,
) -> RuleSet:
    """Publish the next version, in force from `effective_from` or, if None, in 60 seconds.

    It also replaces whatever was published to take effect later than it. Publishing waits for
    other edits of the hospital. Raises EditConflict unless `base_version` is the newest version,
    RulesTooSoon, NotFound.
    """
    newest = await _lock_newest(db, hospital_id)
    if newest.version != base_version:
        raise EditConflict(your_version=base_version, current_version=newest.version)
    starts_at = await _start(db, effective_from)
    changed = [change.field for change in differences(rule_set_of(newest).rules, rules)]
    row = RuleSetRow(
        hospital_id=hospital_id,
        version=base_version + 1,
        effective_from=starts_at,
        rules=msgspec.to_builtins(rules),
        created_by=actor,
    )
    db.add(row)
    await db.flush()
    await record(db, _told(row, changed))
    forget_rules(hospital_id)
    return rule_set_of(row)


def _told(row: RuleSetRow, changed: list[str]) -> AuditEntry:
    return AuditEntry(
        hospital_id=row.hospital_id,
        actor=row.created_by,
        action="rules.publish",
        subject=f"rules:{row.hospital_id}",
        data={"version": row.version, "changed": changed},
    )


async def _lock_newest(db: AsyncSession, hospital_id: int) -> RuleSetRow:
    await db.execute(select(Hospital.id).where(Hospital.id == hospital_id).with_for_update(key_share=True))
    newest = await db.scalar(
        select(RuleSetRow)
        .where(RuleSetRow.hospital_id == hospital_id)
        .order_by(RuleSetRow.version.desc())
        .limit(1)
    )
    if newest is None:
        raise NotFound
    return newest


async def _start(db: AsyncSession, wanted: datetime | None) -> datetime:
    clock = await db.scalar(select(func.clock_timestamp()))
    assert clock is not None
    earliest: datetime = clock + NOTICE
    if wanted is not None and wanted < earliest:
        raise RulesTooSoon(earliest=earliest.astimezone(CHINA).isoformat(timespec="seconds"))
    return wanted or earliest
