"""Steps that need two administrators: proposed by one, allowed or refused by another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.models.staff import ControlRequest, RequestKind, RequestState, Staff
from guahao.identity.policy.permission import Permission, Role, permissions_of
from guahao.kernel.db import is_exactly
from guahao.kernel.errors import NotFound, Problem, SamePerson
from guahao.kernel.ids import DIRECTORY, new_id

__all__ = ["ControlRequest", "RequestKind", "RequestState"]

REQUEST_LIFETIME = timedelta(hours=72)


class ControlRequestOpen(Problem):
    """Another administrator has asked for the same; it is decided or withdrawn first."""

    code = "control-request-open"
    status = 409


class ControlRequestClosed(Problem):
    """The request was decided or withdrawn, its time is over, or who made it is no longer administrator."""

    code = "control-request-closed"
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """Who decides about a request; `scope` is their hospital, None for the platform."""

    id: UUID
    scope: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """A step that shall be allowed by a second administrator.

    `subject` names what it is about (`staff:<id>`); `detail` is what the second one reads and decides
    about; `code_part_hash` is the proposer's half of an invitation, where one is made.
    """

    kind: RequestKind
    hospital_id: int | None
    subject: str
    detail: dict[str, object]
    code_part_hash: bytes | None = None


async def propose(db: AsyncSession, *, new: NewRequest, proposer_id: UUID, now: datetime) -> ControlRequest:
    """Write a request down; nothing else changes. An own earlier or an expired one for the same is withdrawn.

    Two at once for the same subject make one request. Raises `ControlRequestOpen`.
    """
    await _withdraw_replaced(db, new, proposer_id=proposer_id, now=now)
    request: ControlRequest | None = await db.scalar(
        insert(ControlRequest)
        .values(
            id=new_id(),
            hospital_id=new.hospital_id,
            kind=new.kind,
            subject=new.subject,
            detail=new.detail,
            code_part_hash=new.code_part_hash,
            proposed_by=proposer_id,
            proposed_at=now,
            expires_at=now + REQUEST_LIFETIME,
        )
        .on_conflict_do_nothing(
            index_elements=["subject", "kind"],
            index_where=is_exactly(ControlRequest.state, RequestState.OPEN),
        )
        .returning(ControlRequest)
    )
    if request is None:
        raise ControlRequestOpen
    await _record(db, request, "control.propose", by=proposer_id)
    return request


async def _withdraw_replaced(db: AsyncSession, new: NewRequest, *, proposer_id: UUID, now: datetime) -> None:
    is_replaced = (ControlRequest.expires_at <= now) | (ControlRequest.proposed_by == proposer_id)
    await db.execute(
        update(ControlRequest)
        .where(
            ControlRequest.subject == new.subject,
            ControlRequest.kind == new.kind,
            ControlRequest.state == RequestState.OPEN,
            is_replaced,
        )
        .values(state=RequestState.WITHDRAWN, decided_by=ControlRequest.proposed_by, decided_at=now)
        .execution_options(synchronize_session=False)
    )


async def approve_request(
    db: AsyncSession, *, request_id: UUID, decider: Decider, now: datetime
) -> ControlRequest:
    """Mark an open request as allowed by a second administrator; the caller does what it asks for.

    Raises `NotFound`, `SamePerson`, `ControlRequestClosed`.
    """
    request = await _locked_open(db, request_id=request_id, scope=decider.scope, now=now)
    if request.proposed_by == decider.id:
        raise SamePerson
    await _require_administrator(db, request.proposed_by)
    await _close(db, request, RequestState.APPROVED, by=decider.id, now=now)
    return request


async def reject_request(
    db: AsyncSession, *, request_id: UUID, decider: Decider, now: datetime
) -> ControlRequest:
    """Refuse a request. Raises `NotFound`, `SamePerson`, `ControlRequestClosed`."""
    request = await _locked_open(db, request_id=request_id, scope=decider.scope, now=now)
    if request.proposed_by == decider.id:
        raise SamePerson
    await _close(db, request, RequestState.REJECTED, by=decider.id, now=now)
    return request


async def withdraw_request(
    db: AsyncSession, *, request_id: UUID, proposer: Decider, now: datetime
) -> ControlRequest:
    """Take back what the caller asked for. Raises `NotFound` for another's, `ControlRequestClosed`."""
    request = await _locked_open(db, request_id=request_id, scope=proposer.scope, now=now)
    if request.proposed_by != proposer.id:
        raise NotFound
    await _close(db, request, RequestState.WITHDRAWN, by=proposer.id, now=now)
    return request


async def _locked_open(
    db: AsyncSession, *, request_id: UUID, scope: int | None, now: datetime
) -> ControlRequest:
    request = await db.scalar(
        select(ControlRequest)
        .where(ControlRequest.id == request_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if request is None or scope not in {None, request.hospital_id}:
        raise NotFound
    if request.state is not RequestState.OPEN:
        raise ControlRequestClosed(state=request.state.value)
    if request.expires_at <= now:
        raise ControlRequestClosed(state="expired")
    return request


async def _require_administrator(db: AsyncSession, staff_id: UUID) -> None:
    """Refuse the word of somebody who was disabled or lost the role after they asked."""
    proposer = await db.get_one(Staff, staff_id, with_for_update={"key_share": True}, populate_existing=True)
    allowed = permissions_of(Role(role) for role in proposer.roles)
    if proposer.disabled_at is not None or Permission.APPROVE_CONTROL not in allowed:
        raise ControlRequestClosed(state=RequestState.WITHDRAWN.value)


async def _close(
    db: AsyncSession, request: ControlRequest, state: RequestState, *, by: UUID, now: datetime
) -> None:
    request.state, request.decided_by, request.decided_at = state, by, now
    await db.flush()
    await _record(db, request, _ACTIONS[state], by=by)


_ACTIONS = {
    RequestState.APPROVED: "control.approve",
    RequestState.REJECTED: "control.reject",
    RequestState.WITHDRAWN: "control.withdraw",
}


async def _record(db: AsyncSession, request: ControlRequest, action: str, *, by: UUID) -> None:
    await record(
        db,
        AuditEntry(
            hospital_id=request.hospital_id or DIRECTORY,
            actor=f"staff:{by}",
            action=action,
            subject=request.subject,
            data={
                "request_id": str(request.id),
                "kind": request.kind.value,
                "proposed_by": f"staff:{request.proposed_by}",
            },
        ),
    )
