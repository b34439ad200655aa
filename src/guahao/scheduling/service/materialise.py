"""Making dated sessions from templates, a booking window and some days ahead."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.queries import Rules, departments_by_ids, fees_of, rules_of
from guahao.kernel.clock import local_date
from guahao.kernel.errors import NotFound
from guahao.kernel.log import logger
from guahao.scheduling.models import ClinicSession, ScheduleClock
from guahao.scheduling.policy.plan import DAYS_AHEAD, PlannedSession
from guahao.scheduling.policy.workdays import is_off
from guahao.scheduling.queries.holidays import sessions_of_closed_holidays
from guahao.scheduling.service.create import Terms, create_sessions
from guahao.scheduling.service.missing import missing_sessions
from guahao.scheduling.service.withdraw import withdraw_untouched

LOOK_AGAIN = timedelta(hours=1)
BATCH = 300


async def materialise_due(db: AsyncSession) -> int:
    """Make a batch of sessions of the hospital that has waited longest; answers how many were made.

    A hospital with nothing left to make is looked at again in an hour, or as soon as its plan changes.
    """
    clock = await db.scalar(
        select(ScheduleClock)
        .where(ScheduleClock.due_at <= func.now())
        .order_by(ScheduleClock.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if clock is None:
        return 0
    now: datetime = await db.scalar(select(func.now())) or clock.due_at
    try:
        made = await materialise(db, hospital_id=clock.hospital_id, now=now, most=BATCH)
    except NotFound:
        # A hospital without rules must not keep the others waiting.
        logger().warning("hospital-without-rules", hospital_id=clock.hospital_id)
        made = 0
    if made < BATCH:
        await db.execute(
            update(ScheduleClock)
            .where(ScheduleClock.hospital_id == clock.hospital_id)
            .values(due_at=func.now() + LOOK_AGAIN)
            .execution_options(synchronize_session=False)
        )
    return made or 1


async def materialise(db: AsyncSession, *, hospital_id: int, now: datetime, most: int | None = None) -> int:
    """Make the sessions that a hospital's templates and exceptions give and that do not exist yet.

    Answers how many were made, stopping at the day on which `most` was reached. Idempotent and safe
    to run twice at once. What cannot be made (doctor or room taken, no price) is left out and logged.
    Sessions nobody has touched on a day that has become a holiday, since the year's notice came out, are
    withdrawn; days that make up for it are planned like any other.
    """
    rules = (await rules_of(db, hospital_id=hospital_id, now=now)).rules
    await _withdraw_holidays(db, hospital_id=hospital_id, now=now)
    missing = await _missing(db, hospital_id=hospital_id, rules=rules, now=now)
    if not missing:
        return 0
    terms = Terms(
        rules=rules,
        fees=await fees_of(db, hospital_id=hospital_id),
        departments=await departments_by_ids(db, {one.department_id for one in missing}),
    )
    made, refused = 0, 0
    for _, group in groupby(missing, key=lambda one: one.date):
        of_day = list(group)
        created = len(await create_sessions(db, of_day, terms=terms))
        if not made:
            await _show_planner(db)
        made += created
        refused += len(of_day) - created
        if most is not None and made >= most:
            break
    if refused:
        logger().warning("sessions-not-made", hospital_id=hospital_id, count=refused)
    return made


async def _show_planner(db: AsyncSession) -> None:
    """Have PostgreSQL look, once ever, into tables that just got their first rows.

    A plan made for an empty table reads all of it for each row. A connection keeps such plans, those of its
    foreign keys too, until somebody looks; the first weeks of a hospital are made before autovacuum does.
    """
    seen = await db.scalar(text("SELECT reltuples >= 0 FROM pg_class WHERE oid = 'slot'::regclass"))
    if not seen:
        await db.execute(text("ANALYZE clinic_session, slot, place_log"))


async def _missing(
    db: AsyncSession, *, hospital_id: int, rules: Rules, now: datetime
) -> list[PlannedSession]:
    today = local_date(now)
    days = [today + timedelta(days=ahead) for ahead in range(rules.booking_window_days + DAYS_AHEAD + 1)]
    missing = await missing_sessions(db, days, hospital_id=hospital_id)
    return [one.planned for one in missing if one.closed_by is None and one.planned.starts_at > now]


async def _withdraw_holidays(db: AsyncSession, *, hospital_id: int, now: datetime) -> None:
    """Take back what follows its template on a public holiday on which the template is closed."""
    rows = await db.execute(sessions_of_closed_holidays(hospital_id, after=local_date(now)))
    off = [row.id for row in rows if row.version == 1 and is_off(row.date, weekday=row.weekday)]
    if off:
        await withdraw_untouched(db, ClinicSession.id.in_(off), hospital_id=hospital_id, now=now)
