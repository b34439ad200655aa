"""Routes by which a second administrator allows or refuses what another one asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from guahao.identity.access import NotLoggedIn, Permission, PermissionMissing, StaffRef, staff
from guahao.identity.models.staff import ControlRequest, RequestKind, RequestState
from guahao.identity.queries.actors import actor_names
from guahao.identity.queries.control import REQUESTS, RequestSearch, requests
from guahao.identity.service import staff as members
from guahao.identity.service.control import (
    ControlRequestClosed,
    Decider,
    reject_request,
    withdraw_request,
)
from guahao.identity.service.staff_control import Approval, Proposal, approve_access
from guahao.kernel.errors import NotFound, SamePerson
from guahao.kernel.http import CountedPage, Db, Keys, Listed, Now, problems
from guahao.kernel.ids import parse_id
from guahao.kernel.paging import CursorInvalid, SortUnknown, page_of

router = APIRouter(prefix="/api/v1/staff/control-requests", tags=["staff members"])

Administrator = Annotated[StaffRef, Depends(staff(Permission.APPROVE_CONTROL))]


class ControlRequestOut(BaseModel):
    """A step that waits for a second administrator, or did; `detail` is what is decided about."""

    id: str
    hospital_id: str | None
    kind: RequestKind
    state: RequestState
    detail: dict[str, object]
    proposed_by: str
    proposed_by_name: str | None
    proposed_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_by_name: str | None
    decided_at: datetime | None
    is_own: bool = Field(description="The caller proposed it: only somebody else may allow it")

    @classmethod
    def of(cls, request: ControlRequest, who: StaffRef, names: Mapping[str, str]) -> ControlRequestOut:
        """Show one request to somebody."""
        proposer = f"staff:{request.proposed_by}"
        decider = None if request.decided_by is None else f"staff:{request.decided_by}"
        return cls(
            id=str(request.id),
            hospital_id=None if request.hospital_id is None else str(request.hospital_id),
            kind=request.kind,
            state=request.state,
            detail=request.detail,
            proposed_by=str(request.proposed_by),
            proposed_by_name=names.get(proposer),
            proposed_at=request.proposed_at,
            expires_at=request.expires_at,
            decided_by=None if request.decided_by is None else str(request.decided_by),
            decided_by_name=None if decider is None else names.get(decider),
            decided_at=request.decided_at,
            is_own=request.proposed_by == who.id,
        )


class ProposalOut(BaseModel):
    """A request just made; `code_part` is the proposer's half of the invitation, shown this once."""

    request_id: str
    kind: RequestKind
    expires_at: datetime
    code_part: str | None

    @classmethod
    def of(cls, proposal: Proposal) -> ProposalOut:
        """Show one proposal to who made it."""
        request = proposal.request
        return cls(
            request_id=str(request.id),
            kind=request.kind,
            expires_at=request.expires_at,
            code_part=proposal.code_part,
        )


class ApprovalOut(BaseModel):
    """A request just allowed and done; `code_part` is the approver's half of the invitation, shown once."""

    request_id: str
    kind: RequestKind
    code_part: str | None
    expires_at: datetime | None

    @classmethod
    def of(cls, approval: Approval) -> ApprovalOut:
        """Show one approval to who gave it."""
        invitation = approval.invitation
        return cls(
            request_id=str(approval.request.id),
            kind=approval.request.kind,
            code_part=None if invitation is None else invitation.code,
            expires_at=None if invitation is None else invitation.expires_at,
        )


class RequestList(Listed):
    """Which requests."""

    state: RequestState | None = None


def decider_of(who: StaffRef) -> Decider:
    """Answer the caller as somebody who decides about requests."""
    return Decider(id=who.id, scope=who.hospital_id)


@router.get("", responses=problems(NotLoggedIn, PermissionMissing, SortUnknown, CursorInvalid))
async def list_requests(
    search: Annotated[RequestList, Query()], who: Administrator, db: Db
) -> CountedPage[ControlRequestOut]:
    """What waits or waited for a second administrator of the caller's hospital; the platform sees all."""
    wanted = requests(RequestSearch(scope=who.hospital_id, state=search.state))
    page = await page_of(db, wanted, listing=REQUESTS, asked=search.asked)
    people = {id_ for row in page.rows for id_ in (row.proposed_by, row.decided_by) if id_ is not None}
    names = await actor_names(db, [f"staff:{id_}" for id_ in people])
    return CountedPage.of(page, lambda row: ControlRequestOut.of(row, who, names))


@router.post(
    "/{request_id}/approval",
    responses=problems(
        NotLoggedIn,
        PermissionMissing,
        NotFound,
        SamePerson,
        ControlRequestClosed,
        members.OwnAccessUnchangeable,
        members.StaffUsernameTaken,
        members.RolesNotAllowed,
        members.RolesIncompatible,
        members.DoctorRequired,
    ),
)
async def approve(request_id: str, who: Administrator, db: Db, keys: Keys, now: Now) -> ApprovalOut:
    """Allow what another administrator asked about somebody's access; it is done at once."""
    approval = await approve_access(
        db, request_id=parse_id(request_id), decider=decider_of(who), key_ring=keys, now=now
    )
    return ApprovalOut.of(approval)


@router.post(
    "/{request_id}/rejection",
    status_code=204,
    responses=problems(NotLoggedIn, PermissionMissing, NotFound, SamePerson, ControlRequestClosed),
)
async def reject(request_id: str, who: Administrator, db: Db, now: Now) -> None:
    """Refuse what another administrator asked for, of any kind."""
    await reject_request(db, request_id=parse_id(request_id), decider=decider_of(who), now=now)


@router.delete(
    "/{request_id}",
    status_code=204,
    responses=problems(NotLoggedIn, PermissionMissing, NotFound, ControlRequestClosed),
)
async def withdraw(request_id: str, who: Administrator, db: Db, now: Now) -> None:
    """Take back what the caller asked for."""
    await withdraw_request(db, request_id=parse_id(request_id), proposer=decider_of(who), now=now)
