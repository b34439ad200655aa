"""Staff read the books and propose, approve or refuse manual entries."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, BaseModel, Field, model_validator

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.errors import NotFound, SamePerson
from guahao.kernel.http import Body, Db, Now, Once, Page, problems
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.kernel.ids import hospital_of, parse_id
from guahao.payment.api_staff.schemas import (
    AdjustmentSeen,
    AmountFen,
    AnyHospitalId,
    Cursor,
    Day,
    EntrySeen,
    Id,
    Limit,
    Note,
    before,
    midnight,
    page,
)
from guahao.payment.models import AdjustmentState, LedgerAccount, Part
from guahao.payment.queries import ledger as queries
from guahao.payment.service import adjustment
from guahao.payment.service.adjustment import AdjustmentDecided

router = APIRouter(prefix="/ledger", tags=["payment: staff"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_BOOKS))]
Finance = Annotated[StaffRef, Depends(staff(Permission.MANAGE_MONEY))]
DECIDED = problems(
    NotLoggedIn,
    PermissionMissing,
    NotFound,
    SamePerson,
    AdjustmentDecided,
    IdempotencyKeyReused,
    RequestInProgress,
)


class EntrySearch(BaseModel):
    """Which entries; days are local, `to` excluded, `account` on either side."""

    hospital_id: Annotated[int, Field(ge=0, le=16_777_215)]
    from_: Annotated[Day | None, Field(alias="from")] = None
    to: Day | None = None
    account: LedgerAccount | None = None
    cursor: Id | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@router.get("", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def list_entries(search: Annotated[EntrySearch, Query()], db: Db, who: Viewer) -> Page[EntrySeen]:
    """Entries of a hospital's books, newest first; none is ever changed or deleted."""
    who.require(search.hospital_id)
    wanted = queries.EntryFilter(
        hospital_id=search.hospital_id,
        starts_at=midnight(search.from_),
        ends_at=midnight(search.to),
        account=search.account,
    )
    rows = await queries.entries_of_hospital(
        db, wanted=wanted, before=before(search.cursor), limit=search.limit + 1
    )
    return page(EntrySeen, rows, limit=search.limit)


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
            message = "debit and credit must differ"
            raise ValueError(message)
        return self


@router.get("/adjustments", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def list_adjustments(
    hospital_id: AnyHospitalId,
    db: Db,
    who: Viewer,
    state: AdjustmentState | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[AdjustmentSeen]:
    """A hospital's manual entries, newest first."""
    who.require(hospital_id)
    rows = await queries.adjustments_of_hospital(
        db, hospital_id=hospital_id, state=state, before=before(cursor), limit=limit + 1
    )
    return page(AdjustmentSeen, rows, limit=limit)


@router.post(
    "/adjustments",
    status_code=201,
    response_model=AdjustmentSeen,
    responses=problems(NotLoggedIn, PermissionMissing, NotFound, IdempotencyKeyReused, RequestInProgress),
)
async def propose(body: AdjustmentIn, db: Db, who: Finance, once: Once) -> Response:
    """Propose a manual entry; it is booked when a second person approves it."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    who.require(body.hospital_id)
    wanted = adjustment.NewAdjustment(
        hospital_id=body.hospital_id,
        debit=body.debit,
        credit=body.credit,
        part=body.part,
        amount_fen=body.amount_fen,
        order_id=parse_id(body.order_id) if body.order_id else None,
        note=body.note,
    )
    row = await adjustment.propose(db, wanted=wanted, by=f"staff:{who.id}")
    return await claim.answer(AdjustmentSeen.of(row), status=201)


@router.post("/adjustments/{adjustment_id}/approve", response_model=AdjustmentSeen, responses=DECIDED)
async def approve(adjustment_id: str, db: Db, who: Finance, once: Once) -> Response:
    """Book a manual entry that somebody else proposed."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    row = await adjustment.approve(db, adjustment_id=_own(who, adjustment_id), by=f"staff:{who.id}")
    return await claim.answer(AdjustmentSeen.of(row))


@router.post("/adjustments/{adjustment_id}/reject", response_model=AdjustmentSeen, responses=DECIDED)
async def reject(adjustment_id: str, db: Db, who: Finance, once: Once) -> Response:
    """Refuse a manual entry that somebody else proposed."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    row = await adjustment.reject(db, adjustment_id=_own(who, adjustment_id), by=f"staff:{who.id}")
    return await claim.answer(AdjustmentSeen.of(row))


def _own(who: StaffRef, adjustment_id: str) -> UUID:
    id_ = parse_id(adjustment_id)
    who.require(hospital_of(id_))
    return id_
