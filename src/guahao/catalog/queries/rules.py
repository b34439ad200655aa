"""The rules in force, from a short-lived view in this process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import RuleSetRow
from guahao.catalog.policy.reading import rules_from
from guahao.catalog.policy.rules import Rules, RuleSet
from guahao.kernel.errors import NotFound

SEEN_WITHIN_S = 30
"""After so many seconds every process has seen a newly published version."""

_seen: dict[int, tuple[float, tuple[RuleSet, ...]]] = {}


def rule_set_of(row: RuleSetRow) -> RuleSet:
    """Read a stored version; a value that a later release added takes its default."""
    return RuleSet(
        hospital_id=row.hospital_id,
        version=row.version,
        effective_from=row.effective_from,
        rules=msgspec.convert(row.rules, Rules),
    )


async def rules_of(db: AsyncSession, *, hospital_id: int, now: datetime) -> RuleSet:
    """The rule set in force at `now`: the highest version whose time has come.

    Answered from memory for up to 30 s; a version takes effect 60 s after it was published at
    the earliest, so no process judges by an old one. Raises NotFound for an unknown hospital.
    """
    for rule_set in await _versions(db, hospital_id):
        if rule_set.effective_from <= now:
            return rule_set
    raise NotFound


async def rules_of_version(db: AsyncSession, *, hospital_id: int, version: int) -> RuleSet:
    """The rule set that was in force when something was booked under it; from memory as above.

    Raises NotFound.
    """
    for rule_set in await _versions(db, hospital_id):
        if rule_set.version == version:
            return rule_set
    raise NotFound


async def _versions(db: AsyncSession, hospital_id: int) -> tuple[RuleSet, ...]:
    seen_at, versions = _seen.get(hospital_id, (0.0, ()))
    if not versions or time.monotonic() - seen_at > SEEN_WITHIN_S:
        versions = await _load(db, hospital_id)
        _seen[hospital_id] = (time.monotonic(), versions)
    return versions


async def _load(db: AsyncSession, hospital_id: int) -> tuple[RuleSet, ...]:
    return tuple(rule_set_of(row) for row in await rule_versions(db, hospital_id=hospital_id))


async def rule_versions(db: AsyncSession, *, hospital_id: int) -> list[RuleSetRow]:
    """Every version of a hospital's rules, newest first."""
    rows = await db.scalars(
        select(RuleSetRow).where(RuleSetRow.hospital_id == hospital_id).order_by(RuleSetRow.version.desc())
    )
    return list(rows)


async def newest_rules(db: AsyncSession, *, hospital_id: int) -> RuleSet:
    """The newest version, which the next one is based on; it may be planned for later. Raises NotFound."""
    rows = await rule_versions(db, hospital_id=hospital_id)
    if not rows:
        raise NotFound
    return rule_set_of(rows[0])


async def rules_tried(db: AsyncSession, *, hospital_id: int, values: Mapping[str, object]) -> Rules:
    """The newest rules with these JSON values in place of theirs, not saved.

    Raises RulesInvalid with every field at fault, NotFound.
    """
    newest = await newest_rules(db, hospital_id=hospital_id)
    return rules_from(values, base=newest.rules)


def forget_rules(hospital_id: int) -> None:
    """Drop this process's view of a hospital's rules, after publishing or in a fresh database."""
    _seen.pop(hospital_id, None)
