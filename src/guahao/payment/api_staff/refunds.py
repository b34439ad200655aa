"""Staff decide about refunds and see them through."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.errors import NotFound, Problem, SamePerson
from guahao.kernel.http import Body, Db, Once, Page, problems
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.kernel.ids import hospital_of, parse_id
from guahao.payment.api_staff.schemas import Cursor, HospitalId, Limit, Note, RefundSeen, before, page
from guahao.payment.models import RefundState
from guahao.payment.queries import staff as queries
from guahao.payment.service import approval
from guahao.payment.service.approval import RefundStateConflict
from guahao.payment.service.refund import RefundTooLarge

router = APIRouter(prefix="/refunds", tags=["payment: staff"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_ORDERS))]
Finance = Annotated[StaffRef, Depends(staff(Permission.MANAGE_MONEY))]
Giver = Annotated[StaffRef, Depends(staff(Permission.HAND_OVER_REFUND))]
_PROBLEMS: tuple[type[Problem], ...] = (
    NotLoggedIn,
    PermissionMissing,
    NotFound,
    RefundStateConflict,
    IdempotencyKeyReused,
    RequestInProgress,
)


class NoteIn(Body):
    """Why, for whoever reads it later."""

    note: Note


@router.get("", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def list_refunds(
    hospital_id: HospitalId,
    db: Db,
    who: Viewer,
    state: RefundState | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[RefundSeen]:
    """A hospital's refunds, newest first."""
    who.require(hospital_id)
    rows = await queries.refunds_of_hospital(
        db, hospital_id=hospital_id, state=state, before=before(cursor), limit=limit + 1
    )
    return page(RefundSeen, rows, limit=limit)


@router.post("/{refund_id}/approve", response_model=RefundSeen, responses=problems(*_PROBLEMS, SamePerson))
async def approve(refund_id: str, db: Db, who: Finance, once: Once) -> Response:
    """Let a refund above the limit go, or confirm that one was handed over; never your own."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    row = await approval.approve(db, refund_id=_own(who, refund_id), by=f"staff:{who.id}")
    return await claim.answer(RefundSeen.of(row))


@router.post("/{refund_id}/reject", response_model=RefundSeen, responses=problems(*_PROBLEMS, SamePerson))
async def reject(refund_id: str, body: NoteIn, db: Db, who: Finance, once: Once) -> Response:
    """Refuse a refund above the limit, or say that it was not handed over; never your own."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    row = await approval.reject(db, refund_id=_own(who, refund_id), note=body.note, by=f"staff:{who.id}")
    return await claim.answer(RefundSeen.of(row))


@router.post("/{refund_id}/retry", response_model=RefundSeen, responses=problems(*_PROBLEMS, RefundTooLarge))
async def retry(refund_id: str, db: Db, who: Finance, once: Once) -> Response:
    """Send a refund to its provider again now; one the provider closed gets a new number."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    row = await approval.retry(db, refund_id=_own(who, refund_id), by=f"staff:{who.id}")
    return await claim.answer(RefundSeen.of(row))


@router.post("/{refund_id}/hand-over", response_model=RefundSeen, responses=problems(*_PROBLEMS))
async def hand_over(refund_id: str, body: NoteIn, db: Db, who: Giver, once: Once) -> Response:
    """Say that you gave a refund by other means; it has arrived when somebody of finance confirms it."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    row = await approval.hand_over(db, refund_id=_own(who, refund_id), note=body.note, by=f"staff:{who.id}")
    return await claim.answer(RefundSeen.of(row))


def _own(who: StaffRef, refund_id: str) -> UUID:
    id_ = parse_id(refund_id)
    who.require(hospital_of(id_))
    return id_
