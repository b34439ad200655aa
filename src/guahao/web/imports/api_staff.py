"""Staff send workbooks, follow their import, and take the template or the whole hospital home."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.catalog.models import Hospital
from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.identity.queries.actors import actor_names
from guahao.kernel.db import transaction
from guahao.kernel.errors import NotFound, Problem, Unavailable
from guahao.kernel.export import File
from guahao.kernel.http import AllSessions, CountedPage, Db, Listed, UploadTooLarge, download, problems
from guahao.kernel.ids import DIRECTORY, new_id, parse_hospital_id, parse_id
from guahao.kernel.paging import CursorInvalid, Listing, SortUnknown, page_of
from guahao.kernel.upload import uploaded
from guahao.kernel.value.fields import opaque
from guahao.web.imports.models import IS_OPEN, ImportState, WorkbookImport
from guahao.web.workbook.current import current_workbook
from guahao.web.workbook.rows import KEYS
from guahao.web.workbook.template import write_template
from guahao.web.workbook.write import write_workbook

router = APIRouter(prefix="/api/v1/staff", tags=["imports (staff)"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_CATALOG))]
Editor = Annotated[StaffRef, Depends(staff(Permission.EDIT_CATALOG))]
Founder = Annotated[StaffRef, Depends(staff(Permission.CREATE_HOSPITAL))]
SEEN: tuple[type[Problem], ...] = (NotLoggedIn, PermissionMissing, NotFound)
DryRun = Annotated[bool, Query(description="Find every error and write nothing")]
OnlyGoodRows = Annotated[
    bool,
    Query(description="Leave out rows with errors, unless more than a tenth has some"),
]
Confirm = Annotated[
    Annotated[str, opaque(64)] | None,
    Query(description="The `confirm` of a dry run that touches coming sessions: import although it does"),
]
Name = Annotated[str, Query(min_length=1, max_length=200, description="The file's name, to tell it by")]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILE: dict[int | str, dict[str, Any]] = {200: {"content": {XLSX: {}}, "description": "An Excel workbook"}}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {XLSX: {"schema": {"type": "string", "format": "binary"}}},
    }
}
_NEWEST = Listing(by={"id": WorkbookImport.id}, id=WorkbookImport.id, default="-id")


_LOCK = 0x1300B
_MOST_OPEN = 5


class ImportQueueFull(Problem):
    """`at_most` imports of this hospital, or of the platform, wait or run already."""

    code = "import-queue-full"
    status = 429
    retry_after_s = 30


_UNSENT: tuple[type[Problem], ...] = (UploadTooLarge, ImportQueueFull, Unavailable)


@dataclass(frozen=True, slots=True, kw_only=True)
class _New:
    """What is known of an import before its file is read."""

    name: str
    is_dry_run: bool
    only_good_rows: bool
    confirm: str | None
    hospital_id: int | None

    @property
    def owner(self) -> int:
        """Whose ids and trail."""
        return DIRECTORY if self.hospital_id is None else self.hospital_id


class SheetDone(BaseModel):
    """What was done, or in a dry run would be, with the rows of one sheet."""

    name: str
    created: int
    updated: int
    unchanged: int


class RowError(BaseModel):
    """One thing to correct: row 0 is the sheet as a whole, no sheet the file as a whole."""

    sheet: str
    row: int
    column: str
    value: str
    code: str
    title: str


class SheetRows(BaseModel):
    """The filled rows of one sheet: `seen` is `read` + `refused` + the sum of `skipped`.

    `skipped` counts by reason: heading, title, example, guide, hidden_sheet, unknown_sheet.
    """

    name: str
    seen: int
    read: int
    refused: int
    skipped: dict[str, int]


class ImportRemark(BaseModel):
    """What was left out of the file, or read though nobody sees it; nothing is wrong with it.

    `count` says of how much; `row` is the first, 0 the sheet as a whole, no sheet the file as a whole.
    """

    sheet: str
    row: int
    code: str
    count: int
    title: str


class RowTouches(BaseModel):
    """What one row of the file does to coming sessions and to how many people, in words."""

    sheet: str
    row: int
    sessions: int
    people: int
    title: str


class ImportSeen(BaseModel):
    """An import: `done` of `total` rows written so far, and its outcome once `state` is final.

    With `errors` nothing was written, unless it is done with `only_good_rows`: then these rows were left out.
    `error_count` is how many errors there are, the first 500 are shown. `rows` accounts for every row of the
    file. `waiting_fees` are prices that wait for a second person. `hospital_ids` are those in the file.
    `touched` says what becomes of coming sessions and people in them, `touching_rows` the same by row; such
    an import is refused unless it is sent with the `confirm` told here.
    """

    id: str
    hospital_id: str | None
    name: str
    is_dry_run: bool
    only_good_rows: bool
    state: ImportState
    done: int
    total: int
    sheets: list[SheetDone]
    errors: list[RowError]
    error_count: int
    rows: list[SheetRows]
    remarks: list[ImportRemark]
    waiting_fees: int
    hospital_ids: list[str]
    touched: list[str]
    touching_rows: list[RowTouches]
    confirm: str | None
    created_at: dt.datetime
    created_by_name: str | None
    finished_at: dt.datetime | None

    @classmethod
    def of(cls, row: WorkbookImport, people: dict[str, str]) -> ImportSeen:
        """Show a row."""
        report: dict[str, Any] = row.report or {}
        return cls(
            id=str(row.id),
            hospital_id=None if row.hospital_id is None else str(row.hospital_id),
            name=row.name,
            is_dry_run=row.is_dry_run,
            only_good_rows=report.get("only_good_rows", False),
            state=row.state,
            done=row.done,
            total=row.total,
            sheets=[SheetDone(name=one.pop("title"), **one) for one in map(dict, report.get("counts", ()))],
            errors=[RowError(title=one.pop("message"), **one) for one in map(dict, report.get("faults", ()))],
            error_count=report.get("faults_in_all", 0),
            rows=[SheetRows(**account) for account in report.get("accounts", ())],
            remarks=[
                ImportRemark(title=remark.pop("message"), **remark)
                for remark in map(dict, report.get("remarks", ()))
            ],
            waiting_fees=report.get("waiting_fees", 0),
            hospital_ids=[str(id_) for id_ in report.get("hospital_ids", ())],
            touched=list(report.get("touched", ())),
            touching_rows=[
                RowTouches(title=row.pop("message"), **row)
                for row in map(dict, report.get("touching_rows", ()))
            ],
            confirm=report.get("confirm"),
            created_at=row.created_at,
            created_by_name=people.get(row.created_by),
            finished_at=row.finished_at,
        )


class ImportSearch(Listed):
    """Imports of a hospital; without one those of the platform."""

    hospital_id: Annotated[int | None, Field(ge=1, le=16_777_215)] = None


@router.post(
    "/hospitals/{hospital_id}/imports",
    status_code=202,
    responses=problems(*SEEN, *_UNSENT),
    openapi_extra=_BODY,
)
async def import_hospital(
    hospital_id: str,
    request: Request,
    sessions: AllSessions,
    who: Editor,
    name: Name = "import.xlsx",
    dry_run: DryRun = False,  # noqa: FBT002  # a query parameter
    only_good_rows: OnlyGoodRows = False,  # noqa: FBT002  # a query parameter
    confirm: Confirm = None,
) -> ImportSeen:
    """Send an Excel workbook that tells of this hospital, at most 20 MB; follow it by its `id`.

    All of it is written or, with any error, nothing, unless `only_good_rows` chooses otherwise. A large
    change of a price waits for a second person. What touches coming sessions needs `confirm`.
    At most five imports of a hospital wait or run at once.
    """
    id_ = parse_hospital_id(hospital_id)
    who.require(id_)
    async with transaction(sessions) as db:
        if await db.get(Hospital, id_) is None:
            raise NotFound
    new = _New(name=name, is_dry_run=dry_run, only_good_rows=only_good_rows, confirm=confirm, hospital_id=id_)
    return await _queue(sessions, request, new, who)


@router.post("/imports", status_code=202, responses=problems(*SEEN, *_UNSENT), openapi_extra=_BODY)
async def import_hospitals(
    request: Request,
    sessions: AllSessions,
    who: Founder,
    name: Name = "import.xlsx",
    dry_run: DryRun = False,  # noqa: FBT002  # a query parameter
    only_good_rows: OnlyGoodRows = False,  # noqa: FBT002  # a query parameter
    confirm: Confirm = None,
) -> ImportSeen:
    """Send an Excel workbook that makes hospitals or tells of several; as the import of one hospital.

    Those of the platform, too, are at most five at once.
    """
    new = _New(
        name=name, is_dry_run=dry_run, only_good_rows=only_good_rows, confirm=confirm, hospital_id=None
    )
    return await _queue(sessions, request, new, who)


async def _queue(sessions: AllSessions, request: Request, new: _New, who: StaffRef) -> ImportSeen:
    async with transaction(sessions) as db:
        await require_room(db, new.hospital_id)  # before 20 MB are read for nothing
    async with uploaded(request.body, owner=new.owner) as content, transaction(sessions) as db:
        await require_room(db, new.hospital_id)
        row = WorkbookImport(
            id=new_id(new.owner),
            hospital_id=new.hospital_id,
            name=new.name,
            content=content,
            is_dry_run=new.is_dry_run,
            report={"only_good_rows": new.only_good_rows, "confirm": new.confirm},
            state=ImportState.WAITING,
            created_by=f"staff:{who.id}",
        )
        db.add(row)
        await db.flush()
        await db.refresh(row)
        await _note(db, who, new.owner, "workbook.send", f"workbook_import:{row.id}", dry_run=new.is_dry_run)
        return ImportSeen.of(row, await actor_names(db, {row.created_by}))


async def require_room(db: AsyncSession, hospital_id: int | None) -> None:
    """Raise `ImportQueueFull`; until commit nobody else adds to the same queue."""
    await db.execute(select(func.pg_advisory_xact_lock(_LOCK, hospital_id or DIRECTORY)))
    owned = WorkbookImport.hospital_id.is_not_distinct_from(hospital_id)
    number = await db.scalar(select(func.count()).select_from(WorkbookImport).where(IS_OPEN, owned))
    if (number or 0) >= _MOST_OPEN:
        raise ImportQueueFull(at_most=_MOST_OPEN)


@router.get("/imports", responses=problems(*SEEN, SortUnknown, CursorInvalid))
async def list_imports(
    search: Annotated[ImportSearch, Query()], db: Db, who: Viewer
) -> CountedPage[ImportSeen]:
    """The imports of a hospital, newest first; those of the platform are for its own staff."""
    read = await page_of(db, _of(search.hospital_id, who), listing=_NEWEST, asked=search.asked)
    people = await actor_names(db, {row.created_by for row in read.rows})
    return CountedPage.of(read, lambda row: ImportSeen.of(row, people))


def _of(hospital_id: int | None, who: StaffRef) -> Select[WorkbookImport]:
    if hospital_id is not None:
        who.require(hospital_id)
    elif who.hospital_id is not None:
        raise NotFound
    return select(WorkbookImport).where(WorkbookImport.hospital_id.is_not_distinct_from(hospital_id))


@router.get("/imports/{import_id}", responses=problems(*SEEN))
async def show_import(import_id: str, db: Db, who: Viewer) -> ImportSeen:
    """How far an import has come, and its outcome."""
    row = await db.get(WorkbookImport, parse_id(import_id))
    if row is None:
        raise NotFound
    _of(row.hospital_id, who)
    return ImportSeen.of(row, await actor_names(db, {row.created_by}))


@router.get("/workbook-template.xlsx", response_class=Response, responses=_FILE | problems(*SEEN))
async def take_template(who: Viewer) -> Response:
    """The empty workbook with explanations, drop-downs and an example a sheet."""
    del who
    return download(_xlsx("template", await asyncio.to_thread(_written, write_template)))


@router.get(
    "/hospitals/{hospital_id}/workbook.xlsx",
    response_class=Response,
    responses=_FILE | problems(*SEEN),
)
async def take_hospital(hospital_id: str, db: Db, who: Viewer) -> Response:
    """Everything of a hospital as a workbook that imports again unchanged; kept in the audit trail."""
    id_ = parse_hospital_id(hospital_id)
    who.require(id_)
    hospital = await db.get(Hospital, id_)
    if hospital is None:
        raise NotFound
    book = await current_workbook(db, codes={hospital.code})
    rows = {sheet: len(getattr(book, sheet)) for sheet in KEYS}
    await _note(db, who, id_, "workbook.export", f"hospital:{id_}", **rows)
    content = await asyncio.to_thread(_written, lambda file: write_workbook(file, book))
    return download(_xlsx("hospital", content))


def _written(write: Callable[[IO[bytes]], None]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def _xlsx(name: str, content: bytes) -> File:
    return File(name=f"{name}.xlsx", content=content, media_type=XLSX)


async def _note(
    db: AsyncSession, who: StaffRef, hospital_id: int, action: str, subject: str, **data: int
) -> None:
    await record(
        db,
        AuditEntry(
            hospital_id=hospital_id, actor=f"staff:{who.id}", action=action, subject=subject, data=data
        ),
    )
