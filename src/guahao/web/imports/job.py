"""Works through workbooks that staff sent, of each hospital one at a time, whatever happens to workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Exists, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from guahao.catalog.models import Hospital
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, affected, transaction
from guahao.kernel.jobs import Errand
from guahao.kernel.log import describe, logger
from guahao.kernel.sheet.archive import SourceFile
from guahao.web.imports.models import IS_OPEN, ImportState, WorkbookImport
from guahao.web.workbook.load import load_into
from guahao.web.workbook.reading import read_workbook
from guahao.web.workbook.report import Choice, ImportReport, Sender

_LEASE = timedelta(seconds=20)
_TELL_EVERY_S = 0.5
_ATTEMPTS = 3
_LANES = 3
"""How many hospitals' imports a worker does side by side."""

_FAULTS_KEPT = 500
_TOUCHING_ROWS_KEPT = 200
_CLAIMS = text("SELECT pg_advisory_xact_lock(4801339)")
"""One claim at a time: of two at once neither would see that the other takes a file of the same hospital."""


class _Overtaken(Exception):
    """Another worker has taken this import over; what was done here is rolled back."""


@dataclass(kw_only=True)
class _Claimed:
    """An import in this worker's hands, and how far it has come."""

    id: UUID
    attempt: int
    name: str
    content: bytes
    is_dry_run: bool
    sender: Sender
    rows: dict[str, tuple[int, int]] = field(default_factory=dict)

    def progress(self, title: str, done: int, total: int) -> None:
        """Remember what is done of a sheet."""
        self.rows[title] = (done, total)

    @property
    def counted(self) -> dict[str, int]:
        """Rows done and rows in all."""
        return {
            "done": sum(done for done, _ in self.rows.values()),
            "total": sum(total for _, total in self.rows.values()),
        }


async def import_next(sessions: Sessions) -> int:
    """Work through the import that has waited longest; answers how many there were, 0 or 1.

    While a file of a hospital is being worked on, its next one waits and those of others do not. One
    whose worker fell silent is begun anew: nothing of it was written. After three silent workers it is
    given up.
    """
    claimed = await _claim(sessions)
    if claimed is None:
        return 0
    try:
        async with _telling(sessions, claimed):
            await _work(sessions, claimed)
    except _Overtaken:
        logger().warning("import-overtaken", id=str(claimed.id))
    except Exception as error:
        logger().error("import-failed", id=str(claimed.id), **describe(error))
        if claimed.attempt < _ATTEMPTS:
            raise
        await _end(sessions, claimed, ImportState.FAILED, ImportReport())
    return 1


def _hospital_is_busy() -> Exists:
    """Whether some worker holds another file of the same hospital."""
    other = aliased(WorkbookImport)
    same = other.hospital_id.is_not_distinct_from(WorkbookImport.hospital_id)
    held = (other.state == ImportState.RUNNING, other.leased_until >= func.now())
    return select(other.id).where(same, *held).correlate(WorkbookImport).exists()


async def _claim(sessions: Sessions) -> _Claimed | None:
    free = or_(WorkbookImport.leased_until.is_(None), WorkbookImport.leased_until < func.now())
    async with transaction(sessions) as db:
        await db.execute(_CLAIMS)
        row = await db.scalar(
            select(WorkbookImport)
            .where(IS_OPEN, free, ~_hospital_is_busy())
            .order_by(WorkbookImport.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if row is None:
            return None
        if row.attempt >= _ATTEMPTS:
            row.state, row.content, row.finished_at = ImportState.FAILED, None, utc_now()
            return None
        row.state = ImportState.RUNNING
        row.attempt += 1
        row.leased_until = utc_now() + _LEASE
        content = await db.scalar(select(WorkbookImport.content).where(WorkbookImport.id == row.id))
        own = select(Hospital.code).where(Hospital.id == row.hospital_id)
        asked = row.report or {}
        sender = Sender(
            actor=row.created_by,
            only=await db.scalar(own),
            choice=Choice.GOOD_ROWS if asked.get("only_good_rows") else Choice.ALL,
            is_dry_run=row.is_dry_run,
            confirm=asked.get("confirm"),
        )
        return _Claimed(
            id=row.id,
            attempt=row.attempt,
            name=row.name,
            content=content or b"",
            is_dry_run=row.is_dry_run,
            sender=sender,
        )


@asynccontextmanager
async def _telling(sessions: Sessions, claimed: _Claimed) -> AsyncGenerator[None]:
    """Write the progress down now and then, which also keeps other workers away."""
    telling = asyncio.create_task(_tell(sessions, claimed))
    try:
        yield
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling


async def _tell(sessions: Sessions, claimed: _Claimed) -> None:
    while True:
        await asyncio.sleep(_TELL_EVERY_S)
        try:
            async with transaction(sessions) as db:
                await _write(db, claimed, leased_until=func.now() + _LEASE, **claimed.counted)
        except Exception as error:  # noqa: BLE001  # the import itself finds out whether it can go on
            logger().warning("import-progress-untold", **describe(error))


async def _work(sessions: Sessions, claimed: _Claimed) -> None:
    reading = await read_workbook([SourceFile(name=claimed.name, data=claimed.content)])
    async with transaction(sessions) as db:
        report = await load_into(db, reading, by=claimed.sender, progress=claimed.progress, now=utc_now())
        if not report.is_refused and not claimed.is_dry_run:
            await _finish(db, claimed, ImportState.DONE, report)
            return
        await db.rollback()
    await _end(sessions, claimed, ImportState.REFUSED if report.is_refused else ImportState.DONE, report)


async def _end(sessions: Sessions, claimed: _Claimed, state: ImportState, report: ImportReport) -> None:
    async with transaction(sessions) as db:
        await _finish(db, claimed, state, report)


async def _finish(db: AsyncSession, claimed: _Claimed, state: ImportState, report: ImportReport) -> None:
    kept = msgspec.structs.replace(
        report,
        faults=report.faults[:_FAULTS_KEPT],
        touching_rows=report.touching_rows[:_TOUCHING_ROWS_KEPT],
    )
    await _write(
        db,
        claimed,
        state=state,
        content=None,
        leased_until=None,
        finished_at=func.clock_timestamp(),
        report={
            **msgspec.to_builtins(kept),
            "faults_in_all": len(report.faults),
            "only_good_rows": claimed.sender.choice is Choice.GOOD_ROWS,
        },
        **claimed.counted,
    )


async def _write(db: AsyncSession, claimed: _Claimed, **values: Any) -> None:  # noqa: ANN401  # columns
    mine = (WorkbookImport.id == claimed.id, WorkbookImport.attempt == claimed.attempt, IS_OPEN)
    if not affected(await db.execute(update(WorkbookImport).where(*mine).values(**values))):
        raise _Overtaken


JOBS = tuple(
    Errand(name=name, every=timedelta(seconds=1), run=import_next, lease=timedelta(seconds=20))
    for name in ("web.imports", *(f"web.imports.{lane}" for lane in range(2, _LANES + 1)))
)
"""Lanes: a file that takes long fills one of them, since a hospital is never in two."""
