"""Staff read the books and propose, approve or refuse manual entries."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, BaseModel, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound, Problem, SamePerson
from guahao.kernel.export import Form, whole
from guahao.kernel.http import Body, CountedPage, Db, Keys, Listed, Now, Once, problems
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.kernel.ids import hospital_of, parse_id
from guahao.kernel.paging import page_of, parts_of
from guahao.kernel.value.fields import Id, fault
from guahao.payment.api_staff.fresh import Fresh
from guahao.payment.api_staff.lists import EXPORTED, LISTED, as_download, order_ids
from guahao.payment.api_staff.schemas import (
    AdjustmentSeen,
    AmountFen,
    AnyHospitalId,
    EntrySeen,
    Found,
    Note,
)
from guahao.payment.api_staff.showing import adjustments_seen
from guahao.payment.models import AdjustmentState, LedgerAccount, Part
from guahao.payment.queries import ledger as queries
from guahao.payment.queries import lists
from guahao.payment.queries.sheets import balance_sheet, entries_sheet
from guahao.payment.service import adjustment
from guahao.payment.service.adjustment import AdjustmentDecided
from guahao.payment.service.approval import RefundStateConflict
from guahao.payment.service.rereading import RefundStateUncertain

router = APIRouter(prefix="/ledger", tags=["payment: staff"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_BOOKS))]
Finance = Annotated[StaffRef, Depends(staff(Permission.MANAGE_MONEY))]
_PROBLEMS: tuple[type[Problem], ...] = (
    NotLoggedIn,
    PermissionMissing,
    NotFound,
    IdempotencyKeyReused,
    RequestInProgress,
)
_DECIDED = (*_PROBLEMS, SamePerson, AdjustmentDecided)


class EntrySearch(Found):
    """Which entries; `account` on either side."""

    hospital_id: Annotated[int, Field(ge=0, le=16_777_215)]
    account: LedgerAccount | None = None


@router.get("", responses=LISTED)
async def list_entries(
    search: Annotated[EntrySearch, Query()], db: Db, keys: Keys, who: Viewer
) -> CountedPage[EntrySeen]:
    """Entries of a hospital's books, newest first unless asked otherwise; none is changed or deleted."""
    who.require(search.hospital_id)
    wanted, listing = lists.entries(await _wanted(db, search, keys))
    return CountedPage.of(await page_of(db, wanted, listing=listing, asked=search.asked), EntrySeen.of)


@router.get(".{form}", response_class=Response, responses=EXPORTED)
async def export_entries(
    form: Form, search: Annotated[EntrySearch, Query()], db: Db, keys: Keys, who: Viewer
) -> Response:
    """The same entries as a file, at most 50,000; the export is kept in the audit trail."""
    who.require(search.hospital_id)
    wanted, listing = lists.entries(await _wanted(db, search, keys))
    parts = parts_of(db, wanted, listing=listing, sort=search.sort)
    return await as_download(
        db,
        (partial(entries_sheet, rows) async for rows in parts),
        name="ledger",
        form=form,
        search=search,
        who=who,
        hospital_id=search.hospital_id,
    )


async def _wanted(db: AsyncSession, search: EntrySearch, keys: KeyRing) -> lists.EntryFilter:
    return lists.EntryFilter(
        hospital_id=search.hospital_id,
        account=search.account,
        span=search.span,
        order_ids=await order_ids(db, q=search.q, hospital_id=search.hospital_id, keys=keys),
    )


class BalanceOut(BaseModel):
    """What one account received and gave; `balance_fen` is the difference."""

    account: LedgerAccount
    debit_fen: int
    credit_fen: int
    balance_fen: int


class TrialBalanceOut(BaseModel):
    """Every account; `balance_fen`, the sum over all accounts, is always 0."""

    at: AwareDatetime
    accounts: list[BalanceOut]
    balance_fen: int


@router.get("/trial-balance", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def show_trial_balance(
    hospital_id: AnyHospitalId, db: Db, who: Viewer, now: Now, at: AwareDatetime | None = None
) -> TrialBalanceOut:
    """The books as of a moment, now if none is given: what each account received, gave and holds."""
    who.require(hospital_id)
    moment = at or now
    balances = await queries.trial_balance(db, hospital_id=hospital_id, at=moment)
    return TrialBalanceOut(
        at=moment,
        accounts=[BalanceOut.model_validate(one, from_attributes=True) for one in balances],
        balance_fen=sum(one.balance_fen for one in balances),
    )


class BalanceSearch(Listed):
    """Whose books, as of which moment."""

    hospital_id: Annotated[int, Field(ge=0, le=16_777_215)]
    at: AwareDatetime | None = None


@router.get("/trial-balance.{form}", response_class=Response, responses=EXPORTED)
async def export_trial_balance(
    form: Form, search: Annotated[BalanceSearch, Query()], db: Db, who: Viewer, now: Now
) -> Response:
    """The trial balance as a file; the export is kept in the audit trail."""
    who.require(search.hospital_id)
    balances = await queries.trial_balance(db, hospital_id=search.hospital_id, at=search.at or now)
    return await as_download(
        db,
        whole(partial(balance_sheet, balances)),
        name="trial-balance",
        form=form,
        search=search,
        who=who,
        hospital_id=search.hospital_id,
    )


class AdjustmentIn(Body):
    """A manual entry: `debit` receives, `credit` gives."""

    hospital_id: Annotated[int, Field(ge=0, le=16_777_215)]
    debit: LedgerAccount
    credit: LedgerAccount
    part: Part = Part.CASH
    amount_fen: AmountFen
    order_id: Id | None = None
    note: Note

    @model_validator(mode="after")
    def _moves_something(self) -> AdjustmentIn:
        if self.debit is self.credit:
            raise fault("same_account", field="credit")
        return self


class AdjustmentSearch(Listed):
    """Which manual entries."""

    hospital_id: Annotated[int, Field(ge=0, le=16_777_215)]
    state: AdjustmentState | None = None


@router.get("/adjustments", responses=LISTED)
async def list_adjustments(
    search: Annotated[AdjustmentSearch, Query()], db: Db, who: Viewer
) -> CountedPage[AdjustmentSeen]:
    """A hospital's manual entries, newest first unless asked otherwise; sorted by `proposed_at`."""
    who.require(search.hospital_id)
    wanted = lists.adjustments(hospital_id=search.hospital_id, state=search.state)
    read = await page_of(db, wanted, listing=lists.ADJUSTMENTS, asked=search.asked)
    shown = await adjustments_seen(db, read.rows, who)
    return CountedPage(items=shown, next_cursor=read.next_cursor, total=read.total)


@router.post(
    "/adjustments",
    status_code=201,
    response_model=AdjustmentSeen,
    responses=problems(*_PROBLEMS, RefundStateConflict, RefundStateUncertain),
)
async def propose(body: AdjustmentIn, fresh: Fresh, db: Db, who: Finance, once: Once) -> Response:
    """Propose a manual entry; it is booked when a second person approves it.

    If it is about an order, its refunds must stand as their provider says they do now.
    """
    who.require(body.hospital_id)
    order_id = parse_id(body.order_id) if body.order_id else None
    if order_id is not None and hospital_of(order_id) == body.hospital_id:
        await fresh.order(order_id)
    claim = await once.claim(db, owner=f"staff:{who.id}")
    wanted = adjustment.NewAdjustment(
        hospital_id=body.hospital_id,
        debit=body.debit,
        credit=body.credit,
        part=body.part,
        amount_fen=body.amount_fen,
        order_id=order_id,
        note=body.note,
    )
    row = await adjustment.propose(db, wanted=wanted, by=f"staff:{who.id}")
    return await claim.answer((await adjustments_seen(db, [row], who))[0], status=201)


@router.post(
    "/adjustments/{adjustment_id}/approve",
    response_model=AdjustmentSeen,
    responses=problems(*_DECIDED, RefundStateConflict, RefundStateUncertain),
)
async def approve(adjustment_id: str, fresh: Fresh, db: Db, who: Finance, once: Once) -> Response:
    """Book a manual entry that somebody else proposed; refunds of its order are asked about again."""
    id_ = _own(who, adjustment_id)
    order_id = await adjustment.order_of(fresh.sessions, adjustment_id=id_)
    if order_id is not None:
        await fresh.order(order_id)
    claim = await once.claim(db, owner=f"staff:{who.id}")
    row = await adjustment.approve(db, adjustment_id=id_, by=f"staff:{who.id}")
    return await claim.answer((await adjustments_seen(db, [row], who))[0])


@router.post(
    "/adjustments/{adjustment_id}/reject", response_model=AdjustmentSeen, responses=problems(*_DECIDED)
)
async def reject(adjustment_id: str, db: Db, who: Finance, once: Once) -> Response:
    """Refuse a manual entry that somebody else proposed."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    row = await adjustment.reject(db, adjustment_id=_own(who, adjustment_id), by=f"staff:{who.id}")
    return await claim.answer((await adjustments_seen(db, [row], who))[0])


def _own(who: StaffRef, adjustment_id: str) -> UUID:
    id_ = parse_id(adjustment_id)
    who.require(hospital_of(id_))
    return id_
