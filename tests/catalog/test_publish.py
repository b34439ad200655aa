from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.catalog.policy.rules import Rules
from guahao.catalog.queries import forget_rules, rules_of
from guahao.catalog.queries.rules import SEEN_WITHIN_S, rule_versions
from guahao.catalog.service import EditConflict, RulesTooSoon, publish_rules
from guahao.catalog.service.rules import NOTICE
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import NotFound
from tests.factories.catalog import make_hospital

pytestmark = pytest.mark.anyio


async def publish(
    db: AsyncSession, hospital_id: int, rules: Rules, *, base: int, at: datetime | None
) -> None:
    await publish_rules(
        db, hospital_id=hospital_id, rules=rules, base_version=base, effective_from=at, actor="staff:1"
    )


async def test_a_new_hospital_has_the_default_rules(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)

    found = await rules_of(db, hospital_id=hospital_id, now=utc_now())

    assert (found.version, found.hospital_id, found.rules) == (1, hospital_id, Rules())


async def test_an_unknown_hospital_has_no_rules(db: AsyncSession) -> None:
    with pytest.raises(NotFound):
        await rules_of(db, hospital_id=77, now=utc_now())
    with pytest.raises(NotFound):
        await publish(db, 77, Rules(), base=1, at=None)


async def test_a_version_counts_from_its_moment_and_the_old_one_until_then(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)
    start = utc_now() + timedelta(days=2)

    await publish(db, hospital_id, Rules(hold_min=20), base=1, at=start)

    before = await rules_of(db, hospital_id=hospital_id, now=start - timedelta(microseconds=1))
    after = await rules_of(db, hospital_id=hospital_id, now=start)
    assert (before.version, before.rules.hold_min) == (1, 15)
    assert (after.version, after.rules.hold_min, after.effective_from) == (2, 20, start)


async def test_a_version_starts_in_a_minute_when_no_time_is_given(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)
    asked_at = utc_now()

    await publish(db, hospital_id, Rules(), base=1, at=None)

    newest = (await rule_versions(db, hospital_id=hospital_id))[0]
    assert timedelta(seconds=60) <= newest.effective_from - asked_at < timedelta(seconds=90)


async def test_a_version_must_be_seen_by_everybody_before_it_starts(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)

    with pytest.raises(RulesTooSoon) as refused:
        await publish(db, hospital_id, Rules(), base=1, at=utc_now() + timedelta(seconds=59))

    assert datetime.fromisoformat(str(refused.value.extra["earliest"])) > utc_now() + timedelta(seconds=58)
    assert len(await rule_versions(db, hospital_id=hospital_id)) == 1


async def test_publishing_on_an_old_version_is_a_conflict(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)
    await publish(db, hospital_id, Rules(hold_min=20), base=1, at=None)

    with pytest.raises(EditConflict) as refused:
        await publish(db, hospital_id, Rules(hold_min=25), base=1, at=None)

    assert refused.value.extra == {"your_version": 1, "current_version": 2}
    assert [row.version for row in await rule_versions(db, hospital_id=hospital_id)] == [2, 1]


async def test_publishing_is_audited_with_the_fields_that_changed(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)

    await publish(db, hospital_id, Rules(hold_min=20, per_week=4), base=1, at=None)

    entry = await db.scalar(select(AuditEntryRow).where(AuditEntryRow.action == "rules.publish"))
    assert entry is not None
    assert (entry.hospital_id, entry.actor, entry.subject) == (hospital_id, "staff:1", f"rules:{hospital_id}")
    assert entry.data == {"version": 2, "changed": ["hold_min", "per_week"]}


async def test_of_many_publishing_at_once_exactly_one_wins(sessions: Sessions) -> None:
    async with transaction(sessions) as db:
        hospital_id = await make_hospital(db)

    async def one(hold_min: int) -> bool:
        try:
            async with transaction(sessions) as db:
                await publish(db, hospital_id, Rules(hold_min=hold_min), base=1, at=None)
        except EditConflict:
            return False
        return True

    won = await asyncio.gather(*(one(hold_min) for hold_min in range(5, 13)))

    assert won.count(True) == 1
    async with transaction(sessions) as db:
        assert [row.version for row in await rule_versions(db, hospital_id=hospital_id)] == [2, 1]


async def test_rules_are_read_from_memory_and_read_again_when_told_to(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)
    await rules_of(db, hospital_id=hospital_id, now=utc_now())
    change = "UPDATE rule_set SET rules = jsonb_set(rules, '{hold_min}', '7') WHERE hospital_id = :id"
    await db.execute(text(change), {"id": hospital_id})

    remembered = await rules_of(db, hospital_id=hospital_id, now=utc_now())
    forget_rules(hospital_id)
    fresh = await rules_of(db, hospital_id=hospital_id, now=utc_now())

    assert (remembered.rules.hold_min, fresh.rules.hold_min) == (15, 7)


def test_every_process_has_read_a_version_anew_before_it_starts() -> None:
    assert timedelta(seconds=2 * SEEN_WITHIN_S) <= NOTICE == timedelta(seconds=60)


async def test_a_value_that_a_later_release_adds_takes_its_default(db: AsyncSession) -> None:
    hospital_id = await make_hospital(db)
    await db.execute(text("UPDATE rule_set SET rules = rules - 'addon_percent' || '{\"gone\": 1}'"))
    forget_rules(hospital_id)

    found = await rules_of(db, hospital_id=hospital_id, now=datetime(2026, 1, 1, tzinfo=UTC))

    assert found.rules == Rules()
