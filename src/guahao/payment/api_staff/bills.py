"""Staff read how the providers' bills fit the books, day by day, and ask for a day again."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select

from guahao.audit.service import AuditEntry, record
from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.errors import NotFound, Unavailable
from guahao.kernel.export import Form, Sheet, as_file
from guahao.kernel.http import Body, CountedPage, Db, Now, Once, download, problems
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.kernel.ids import DIRECTORY
from guahao.kernel.paging import (
    CursorInvalid,
    SortUnknown,
    decode_cursor,
    encode_cursor,
    page_of,
    parts_of,
)
from guahao.payment.api_staff.lists import EXPORTED, as_download
from guahao.payment.api_staff.schemas import Dated, Day
from guahao.payment.models import BillEntry, BillKind, BillRun, BillState, Provider, Verdict
from guahao.payment.queries import bills as queries
from guahao.payment.queries import lists
from guahao.payment.queries.bills import Reconciled, VerdictSum, lines_sheet, summary_sheet
from guahao.payment.queries.sheets import runs_sheet
from guahao.payment.service.reconcile import want_again

router = APIRouter(prefix="/reconciliations", tags=["payment: staff"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_BOOKS))]
Finance = Annotated[StaffRef, Depends(staff(Permission.MANAGE_MONEY))]
DayOfPath = Annotated[Day, Path()]


Differences = Mapping[tuple[Provider, dt.date], int]


class BillTotals(BaseModel):
    """What the bill itself adds up to, over all hospitals of the merchant."""

    model_config = ConfigDict(from_attributes=True)

    row_count: int
    matched: int
    differences: int
    paid_fen: int
    refunded_fen: int
    fund_income_fen: int | None
    fund_outgo_fen: int | None
    digest: str | None


class RunSeen(BaseModel):
    """A provider's day; the platform's people also see its totals over all hospitals, others null.

    `differences` counts what does not fit: of the reader's hospital, or of all; null until it is checked.
    """

    provider: Provider
    day: dt.date
    state: BillState
    checked_at: datetime | None
    last_error: str | None
    differences: int | None
    totals: BillTotals | None

    @classmethod
    def of(cls, run: BillRun, who: StaffRef, own: Differences) -> RunSeen:
        """Show a day to somebody; `own` are the differences of the reader's hospital."""
        counted = run.differences if who.hospital_id is None else own.get((run.provider, run.day), 0)
        return cls(
            provider=run.provider,
            day=run.day,
            state=run.state,
            checked_at=run.checked_at,
            last_error=run.last_error,
            differences=None if run.checked_at is None else counted,
            totals=BillTotals.model_validate(run) if who.hospital_id is None else None,
        )


class VerdictSumSeen(BaseModel):
    """How many lines of a kind have a verdict, and what both sides of them add up to."""

    model_config = ConfigDict(from_attributes=True)

    kind: BillKind
    verdict: Verdict
    number: int
    bill_fen: int
    our_fen: int

    @classmethod
    def of(cls, one: VerdictSum) -> VerdictSumSeen:
        """Show a sum."""
        return cls.model_validate(one)


class BillEntrySeen(BaseModel):
    """One payment or refund of a day: what the bill says, what we say, and how that fits."""

    model_config = ConfigDict(from_attributes=True)

    hospital_id: int = Field(description="0 for numbers that are not ours")
    kind: BillKind
    reference: str
    transaction_id: str | None
    bill_fen: int | None
    our_fen: int | None
    verdict: Verdict

    @classmethod
    def of(cls, row: BillEntry) -> BillEntrySeen:
        """Show a row."""
        return cls.model_validate(row)


class RunFileSeen(BaseModel):
    """A reconciled day: sums and a page of lines, of your hospital."""

    run: RunSeen
    sums: list[VerdictSumSeen]
    items: list[BillEntrySeen]
    next_cursor: str | None


class RunSearch(Dated):
    """Which days."""

    provider: Provider | None = None
    state: BillState | None = None


@router.get("", responses=problems(NotLoggedIn, PermissionMissing, SortUnknown, CursorInvalid))
async def list_days(search: Annotated[RunSearch, Query()], db: Db, who: Viewer) -> CountedPage[RunSeen]:
    """Days reconciled or waiting for it, newest first unless asked otherwise; sorted by `day`."""
    read = await page_of(db, _wanted(search), listing=lists.RUNS, asked=search.asked)
    own = await _differences(db, read.rows, who)
    return CountedPage.of(read, lambda run: RunSeen.of(run, who, own))


@router.get(".{form}", response_class=Response, responses=EXPORTED)
async def export_days(form: Form, search: Annotated[RunSearch, Query()], db: Db, who: Viewer) -> Response:
    """The same days as a file; the platform's people also have the totals over all hospitals."""
    parts = parts_of(db, _wanted(search), listing=lists.RUNS, sort=search.sort)
    with_totals = who.hospital_id is None
    return await as_download(
        db,
        (partial(runs_sheet, rows, with_totals=with_totals) async for rows in parts),
        name="reconciliations",
        form=form,
        search=search,
        who=who,
        hospital_id=who.hospital_id,
    )


async def _differences(db: Db, runs: Sequence[BillRun], who: StaffRef) -> Differences:
    if who.hospital_id is None:
        return {}
    return await queries.differences_of(db, runs=runs, hospital_id=who.hospital_id)


def _wanted(search: RunSearch) -> Select[BillRun]:
    return lists.runs(provider=search.provider, state=search.state, from_=search.from_, to=search.to)


class DayIn(Body):
    """Whose bill, of which local day."""

    provider: Provider
    day: Day


@router.post(
    "",
    status_code=202,
    response_model=RunSeen,
    responses=problems(NotLoggedIn, PermissionMissing, NotFound, IdempotencyKeyReused, RequestInProgress),
)
async def reconcile_again(body: DayIn, db: Db, who: Finance, once: Once, now: Now) -> Response:
    """Have a past day's bill fetched and reconciled anew; nothing is applied twice."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    run = await want_again(db, provider=body.provider, day=body.day, by=f"staff:{who.id}", now=now)
    return await claim.answer(RunSeen.of(run, who, await _differences(db, [run], who)), status=202)


_EXPORTED = problems(NotLoggedIn, PermissionMissing, NotFound, Unavailable)


@router.get("/{provider}/{day}.csv", response_class=Response, responses=_EXPORTED)
async def export_csv(provider: Provider, day: DayOfPath, db: Db, who: Viewer) -> Response:
    """The lines of a day as CSV in yuan, those of your hospital; the export is kept in the audit trail."""
    return await _export(
        db, who, Reconciled(provider=provider, day=day, hospital_id=who.hospital_id), Form.CSV
    )


@router.get("/{provider}/{day}.xlsx", response_class=Response, responses=_EXPORTED)
async def export_xlsx(provider: Provider, day: DayOfPath, db: Db, who: Viewer) -> Response:
    """A day as a workbook in yuan, sums and lines of your hospital; kept in the audit trail too."""
    return await _export(
        db, who, Reconciled(provider=provider, day=day, hospital_id=who.hospital_id), Form.XLSX
    )


@router.get("/{provider}/{day}", responses=problems(NotLoggedIn, PermissionMissing, NotFound, CursorInvalid))
async def read_day(
    provider: Provider,
    day: DayOfPath,
    db: Db,
    who: Viewer,
    verdict: Verdict | None = None,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> RunFileSeen:
    """One day with its sums and lines, those of your hospital."""
    run = await queries.bill_run(db, provider=provider, day=day)
    of = Reconciled(provider=provider, day=day, hospital_id=who.hospital_id)
    after = decode_cursor(cursor, tuple[int, BillKind, str]) if cursor else None
    rows = await queries.bill_entries(db, of=of, verdict=verdict, after=after, limit=limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    return RunFileSeen(
        run=RunSeen.of(run, who, await _differences(db, [run], who)),
        sums=[VerdictSumSeen.of(one) for one in await queries.verdict_sums(db, of=of)],
        items=[BillEntrySeen.of(row) for row in rows[:limit]],
        next_cursor=encode_cursor((last.hospital_id, last.kind, last.reference)) if last else None,
    )


async def _export(db: Db, who: StaffRef, of: Reconciled, form: Form) -> Response:
    run = await queries.bill_run(db, provider=of.provider, day=of.day)
    sums = await queries.verdict_sums(db, of=of)
    sheets = _sheets(db, of, partial(summary_sheet, run, sums, of=of) if form is Form.XLSX else None)
    file, _ = await as_file(sheets, name=f"{of.provider.value}-{of.day}", form=form)
    await record(
        db,
        AuditEntry(
            hospital_id=who.hospital_id or DIRECTORY,
            actor=f"staff:{who.id}",
            action="bill.export",
            subject=f"bill:{of.provider.value}:{of.day.isoformat()}",
            data={"form": form.value, "lines": sum(one.number for one in sums)},
        ),
    )
    return download(file)


async def _sheets(
    db: Db, of: Reconciled, summary: Callable[[], Sheet] | None
) -> AsyncIterator[Callable[[], Sheet]]:
    if summary is not None:
        yield summary
    async for rows in queries.bill_lines(db, of=of):
        yield partial(lines_sheet, rows)
