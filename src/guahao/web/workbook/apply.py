"""Writing new and changed rows through the services of catalog and scheduling, in the order they need."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.catalog import queries
from guahao.catalog import service as catalog
from guahao.kernel.errors import Problem
from guahao.kernel.ids import hospital_of
from guahao.kernel.sex import Sex
from guahao.scheduling.models import HolidayRule, Period
from guahao.scheduling.service.bulk import upsert_templates
from guahao.scheduling.service.templates import TemplateRow
from guahao.web.workbook.columns import definition
from guahao.web.workbook.in_the_way import faults_of_overlaps, is_moved
from guahao.web.workbook.rows import (
    AnyRow,
    CampusRow,
    DepartmentRow,
    DoctorRow,
    Fault,
    FeeRow,
    HospitalRow,
    Row,
    ScheduleRow,
    Workbook,
    by_key,
)

Progress = Callable[[str, int, int], None]
"""Told (sheet title, rows done, rows in all) as the work goes on."""

SYSTEM = "system"
"""Whoever has the server: every row is written as it stands."""


class RowsRefusedError(Exception):
    """Rows that the checks let through cannot be written; the transaction must be rolled back."""

    def __init__(self, *faults: Fault) -> None:
        """Take what to report."""
        super().__init__(faults[0].message)
        self.faults = faults


class Writer:
    """Writes one workbook into one transaction; knows the numbers of hospitals by code."""

    def __init__(self, db: AsyncSession, *, progress: Progress, actor: str, now: datetime) -> None:
        """Take the transaction to write in, and who writes.

        A price that a member of staff moves far waits for a second person, as it does by hand.
        """
        self._db = db
        self._progress = progress
        self._now = now
        self._actor = actor
        self.hospital_ids: dict[str, int] = {}
        self.waiting_fees = 0

    async def write(self, changed: Workbook, current: Workbook) -> None:
        """Write every row of `changed`, which differs from what the database held, `current`.

        Raises `RowsRefusedError`.
        """
        for sheet, shape in definition().sheets.items():
            self._progress(shape.title, 0, len(getattr(changed, sheet)))
        for code in _hospitals_of(changed):
            await self._remember(code)
        await self._each("hospital", changed.hospital, self._hospital)
        await self._each("campus", changed.campus, self._campus)
        await self._each("department", _parents_first(changed.department), self._department)
        await self._each("doctor", changed.doctor, self._doctor)
        await self._each("fee", changed.fee, self._fee)
        done = 0
        in_the_way: list[Fault] = []
        for code in self.hospital_ids:
            rows = [row for row in changed.schedule if row.hospital == code]
            in_the_way += await self._schedule(code, rows, current)
            done += len(rows)
            self._progress(definition().sheets["schedule"].title, done, len(changed.schedule))
        if in_the_way:
            raise RowsRefusedError(*in_the_way)
        await self._finish(changed)

    async def _remember(self, code: str) -> None:
        hospital = await queries.hospital_by_code(self._db, code)
        if hospital is not None:
            self.hospital_ids[code] = hospital.id

    async def _each(
        self, sheet: str, rows: Sequence[AnyRow], write: Callable[[AnyRow], Awaitable[None]]
    ) -> None:
        title = definition().sheets[sheet].title
        for done, row in enumerate(rows, 1):
            try:
                await write(row)
            except Problem as problem:
                raise _refused(sheet, row, problem) from problem
            self._progress(title, done, len(rows))

    async def _hospital(self, row: HospitalRow) -> None:
        state = catalog.HospitalState.OPEN if row.is_active else catalog.HospitalState.CLOSED
        self.hospital_ids[row.code] = await catalog.upsert_hospital(
            self._db,
            row=catalog.HospitalRow(
                code=row.code,
                name=row.name,
                kind=catalog.HospitalKind(row.kind),
                city=row.city,
                level=row.level,
                address=row.address,
                phones=row.phones,
                intro=row.intro,
                notices=row.notices,
                latitude=row.latitude,
                longitude=row.longitude,
                state=state,
            ),
            actor=self._actor,
        )

    async def _campus(self, row: CampusRow) -> None:
        await catalog.upsert_campus(
            self._db,
            hospital_id=self.hospital_ids[row.hospital],
            row=catalog.CampusRow(
                code=row.code,
                name=row.name,
                address=row.address,
                phone=row.phone,
                latitude=row.latitude,
                longitude=row.longitude,
                is_active=row.is_active,
            ),
        )

    async def _department(self, row: DepartmentRow) -> None:
        await catalog.upsert_department(
            self._db,
            hospital_id=self.hospital_ids[row.hospital],
            row=catalog.DepartmentRow(
                code=row.code,
                name=row.name,
                parent_code=row.parent,
                campus_code=row.campus,
                national_code=row.national_code,
                intro=row.intro,
                place=row.place,
                diseases=row.diseases,
                sex_limit=Sex(row.sex_limit) if row.sex_limit else None,
                min_age_years=row.min_age_years,
                max_age_years=row.max_age_years,
                position=row.position,
                is_active=row.is_active,
            ),
        )

    async def _doctor(self, row: DoctorRow) -> None:
        await catalog.upsert_doctor(
            self._db,
            hospital_id=self.hospital_ids[row.hospital],
            row=catalog.DoctorRow(
                code=row.code,
                name=row.name,
                level=catalog.DoctorLevel(row.level),
                department_codes=row.departments,
                title=row.title,
                skills=row.skills,
                diseases=row.diseases,
                intro=row.intro,
                is_active=row.is_active,
            ),
        )

    async def _fee(self, row: FeeRow) -> None:
        hospital_id = self.hospital_ids[row.hospital]
        fee = catalog.FeeRow(
            level=catalog.DoctorLevel(row.level),
            fee_fen=row.fee_fen,
            effective_from=row.effective_from,
            kind=catalog.FeeKind(row.kind),
            doctor_code=row.doctor,
        )
        if self._actor == SYSTEM:
            await catalog.upsert_fee(self._db, hospital_id=hospital_id, row=fee)
        elif await catalog.wish_fee(self._db, hospital_id=hospital_id, row=fee, actor=self._actor):
            self.waiting_fees += 1

    async def _schedule(self, code: str, rows: Sequence[ScheduleRow], current: Workbook) -> list[Fault]:
        """One statement for all, since they are many; answers what sessions stand in their way."""
        if not rows:
            return []
        hospital_id = self.hospital_ids[code]
        doctors = await queries.doctors_by_codes(self._db, hospital_id=hospital_id)
        departments = await queries.departments_by_codes(self._db, hospital_id=hospital_id)
        campuses = await queries.campuses_by_codes(self._db, hospital_id=hospital_id)
        templates = [
            _template(
                row,
                doctor_id=doctors[row.doctor].id,
                department_id=departments[row.department].id,
                campus_id=campuses[row.campus].id,
            )
            for row in rows
        ]
        await self._save_all(hospital_id, rows, templates)
        before = by_key("schedule", current.schedule)
        return await faults_of_overlaps(
            self._db,
            [pair for pair in zip(rows, templates, strict=True) if is_moved(pair[0], before)],
            doctors={doctor.id: f"{doctor.name}（{code}）" for code, doctor in doctors.items()},
            hospital_id=hospital_id,
            now=self._now,
        )

    async def _save_all(
        self, hospital_id: int, rows: Sequence[ScheduleRow], templates: Sequence[TemplateRow]
    ) -> None:
        """Row by row only to find the one refused."""
        try:
            await self._save(hospital_id, templates)
        except Problem:
            for row, template in zip(rows, templates, strict=True):
                try:
                    await self._save(hospital_id, [template])
                except Problem as problem:
                    raise _refused("schedule", row, problem) from problem

    async def _save(self, hospital_id: int, templates: Sequence[TemplateRow]) -> None:
        await upsert_templates(self._db, templates, hospital_id=hospital_id, by=self._actor, now=self._now)

    async def _finish(self, changed: Workbook) -> None:
        """Make everything findable, and leave a trace of what was written."""
        written: dict[str, Counter[str]] = defaultdict(Counter)
        for sheet, code in owners(changed):
            written[code][sheet] += 1
        for code, counts in written.items():
            hospital_id = self.hospital_ids[code]
            await catalog.reindex(self._db, hospital_id=hospital_id)
            entry = AuditEntry(
                hospital_id=hospital_id,
                actor=self._actor,
                action="workbook.import",
                subject=f"hospital:{hospital_id}",
                data=dict(counts),
            )
            await record(self._db, entry)


def _template(row: ScheduleRow, *, doctor_id: UUID, department_id: UUID, campus_id: UUID) -> TemplateRow:
    return TemplateRow(
        hospital_id=hospital_of(doctor_id),
        doctor_id=doctor_id,
        department_id=department_id,
        campus_id=campus_id,
        weekday=row.weekday,
        period=Period(row.period),
        starts=row.starts,
        ends=row.ends,
        slot_min=row.slot_min,
        capacity_per_slot=row.capacity_per_slot,
        room=row.room,
        level=row.level,
        own_level=row.own_level,
        valid_from=row.valid_from,
        valid_until=row.valid_until and row.valid_until + timedelta(days=1),
        on_holidays=HolidayRule(row.on_holidays),
        sells_after_end=row.sells_after_end,
    )


def _refused(sheet: str, row: Row, problem: Problem) -> RowsRefusedError:
    title = definition().sheets[sheet].title
    fault = Fault(
        sheet=row.sheet or title, row=row.number, column="", code=problem.code, message=problem.title
    )
    return RowsRefusedError(fault)


def owners(book: Workbook) -> list[tuple[str, str]]:
    """The sheet and hospital code of every row."""
    return [
        *(("hospital", row.code) for row in book.hospital),
        *(("campus", row.hospital) for row in book.campus),
        *(("department", row.hospital) for row in book.department),
        *(("doctor", row.hospital) for row in book.doctor),
        *(("fee", row.hospital) for row in book.fee),
        *(("schedule", row.hospital) for row in book.schedule),
    ]


def _hospitals_of(changed: Workbook) -> list[str]:
    return list(dict.fromkeys(code for _, code in owners(changed)))


def _parents_first(rows: Sequence[DepartmentRow]) -> list[DepartmentRow]:
    """Departments in an order in which each comes after its parent; the checks refused loops."""
    waiting = {(row.hospital, row.code): row for row in rows}
    ordered: list[DepartmentRow] = []
    while waiting:
        ready = [row for row in waiting.values() if (row.hospital, row.parent) not in waiting]
        ordered += ready
        for row in ready:
            del waiting[row.hospital, row.code]
    return ordered
