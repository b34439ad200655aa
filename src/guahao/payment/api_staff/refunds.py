"""Staff decide about refunds and see them through."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import transaction
from guahao.kernel.errors import NotFound, Problem, SamePerson
from guahao.kernel.export import Form
from guahao.kernel.http import AllSessions, Body, CountedPage, Db, Keys, Once, problems
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.kernel.ids import hospital_of, parse_id
from guahao.kernel.paging import page_of, parts_of
from guahao.payment.api_patient.gateways import AllGateways
from guahao.payment.api_staff.fresh import Fresh
from guahao.payment.api_staff.lists import EXPORTED, LISTED, as_download, order_ids
from guahao.payment.api_staff.schemas import Found, Note, RefundSeen
from guahao.payment.api_staff.showing import channels_by_payment, names_of, refund_seen, refunds_seen
from guahao.payment.models import Refund, RefundReason, RefundState
from guahao.payment.queries import lists
from guahao.payment.queries import staff as queries
from guahao.payment.queries.sheets import refunds_sheet
from guahao.payment.service import approval
from guahao.payment.service.approval import RefundInDoubt, RefundStateConflict
from guahao.payment.service.recall import RecallRefused, RecallUncertain, recall
from guahao.payment.service.refund import RefundTooLarge
from guahao.payment.service.rereading import RefundStateUncertain

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


class RefundSearch(Found):
    """What to look for; every part but the hospital may be left open."""

    hospital_id: Annotated[int, Field(ge=1, le=16_777_215)]
    state: RefundState | None = None
    reason: RefundReason | None = None


@router.get("", responses=LISTED)
async def list_refunds(
    search: Annotated[RefundSearch, Query()], db: Db, keys: Keys, who: Viewer
) -> CountedPage[RefundSeen]:
    """A hospital's refunds, newest first unless asked otherwise; sorted by `requested_at` or `amount_fen`."""
    who.require(search.hospital_id)
    wanted = await _wanted(db, search, keys)
    read = await page_of(db, wanted, listing=lists.REFUNDS, asked=search.asked)
    shown = await refunds_seen(db, read.rows, who)
    return CountedPage(items=shown, next_cursor=read.next_cursor, total=read.total)


@router.get(".{form}", response_class=Response, responses=EXPORTED)
async def export_refunds(
    form: Form, search: Annotated[RefundSearch, Query()], db: Db, keys: Keys, who: Viewer
) -> Response:
    """The same refunds as a file, at most 50,000; the export is kept in the audit trail."""
    who.require(search.hospital_id)
    wanted = await _wanted(db, search, keys)
    parts = parts_of(db, wanted, listing=lists.REFUNDS, sort=search.sort)
    sheets = (
        partial(
            refunds_sheet, rows, channels=await channels_by_payment(db, rows), names=await names_of(db, rows)
        )
        async for rows in parts
    )
    return await as_download(
        db, sheets, name="refunds", form=form, search=search, who=who, hospital_id=search.hospital_id
    )


async def _wanted(db: AsyncSession, search: RefundSearch, keys: KeyRing) -> Select[Refund]:
    return lists.refunds(
        lists.RefundFilter(
            hospital_id=search.hospital_id,
            state=search.state,
            reason=search.reason,
            span=search.span,
            order_ids=await order_ids(db, q=search.q, hospital_id=search.hospital_id, keys=keys),
        )
    )


@router.get("/{refund_id}", responses=problems(NotLoggedIn, PermissionMissing, NotFound))
async def read_refund(refund_id: str, db: Db, who: Viewer) -> RefundSeen:
    """One refund, with what the reader may do about it."""
    return await refund_seen(db, await queries.refund_by_id(db, refund_id=_own(who, refund_id)), who)


@router.post(
    "/{refund_id}/approve",
    response_model=RefundSeen,
    responses=problems(*_PROBLEMS, SamePerson, RefundInDoubt, RefundStateUncertain),
)
async def approve(refund_id: str, fresh: Fresh, db: Db, who: Finance, once: Once) -> Response:
    """Let a refund above the limit go, or confirm that one was handed over; never your own.

    The provider is asked first whether somebody has sent the money on there.
    """
    id_ = _own(who, refund_id)
    await fresh.refund(id_)
    claim = await once.claim(db, owner=f"staff:{who.id}")
    row = await approval.approve(db, refund_id=id_, by=f"staff:{who.id}")
    return await claim.answer(await refund_seen(db, row, who))


@router.post("/{refund_id}/reject", response_model=RefundSeen, responses=problems(*_PROBLEMS, SamePerson))
async def reject(refund_id: str, body: NoteIn, db: Db, who: Finance, once: Once) -> Response:
    """Refuse a refund above the limit, or say that it was not handed over; never your own."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    row = await approval.reject(db, refund_id=_own(who, refund_id), note=body.note, by=f"staff:{who.id}")
    return await claim.answer(await refund_seen(db, row, who))


@router.post("/{refund_id}/retry", response_model=RefundSeen, responses=problems(*_PROBLEMS, RefundTooLarge))
async def retry(refund_id: str, db: Db, who: Finance, once: Once) -> Response:
    """Send a refund to its provider again now; one the provider closed gets a new number."""
    claim = await once.claim(db, owner=f"staff:{who.id}")
    row = await approval.retry(db, refund_id=_own(who, refund_id), by=f"staff:{who.id}")
    return await claim.answer(await refund_seen(db, row, who))


@router.post(
    "/{refund_id}/hand-over",
    response_model=RefundSeen,
    responses=problems(*_PROBLEMS, RefundInDoubt, RefundStateUncertain),
)
async def hand_over(refund_id: str, body: NoteIn, fresh: Fresh, db: Db, who: Giver, once: Once) -> Response:
    """Say that you gave a refund by other means; it has arrived when somebody of finance confirms it.

    The provider is asked first: what somebody has sent on there must not be given a second time.
    """
    id_ = _own(who, refund_id)
    await fresh.refund(id_)
    claim = await once.claim(db, owner=f"staff:{who.id}")
    row = await approval.hand_over(db, refund_id=id_, note=body.note, by=f"staff:{who.id}")
    return await claim.answer(await refund_seen(db, row, who))


@router.post(
    "/{refund_id}/recall",
    responses=problems(
        NotLoggedIn,
        PermissionMissing,
        NotFound,
        SamePerson,
        RefundStateConflict,
        RecallRefused,
        RecallUncertain,
        RefundStateUncertain,
    ),
)
async def take_back(refund_id: str, sessions: AllSessions, gateways: AllGateways, who: Finance) -> RefundSeen:
    """Have the provider send what cannot reach the payer to the hospital, to be handed over by other means.

    Above the limit of one person the first call asks and a second person's call does it. Repeating is
    harmless.
    """
    id_ = _own(who, refund_id)
    await recall(sessions, gateways=gateways, refund_id=id_, by=f"staff:{who.id}")
    async with transaction(sessions) as db:
        return await refund_seen(db, await queries.refund_by_id(db, refund_id=id_), who)


def _own(who: StaffRef, refund_id: str) -> UUID:
    id_ = parse_id(refund_id)
    who.require(hospital_of(id_))
    return id_
