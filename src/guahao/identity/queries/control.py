"""Steps that need two administrators, as administrators see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.models.staff import ControlRequest, RequestKind, RequestState
from guahao.kernel.paging import Listing

REQUESTS = Listing(by={"proposed_at": ControlRequest.id}, id=ControlRequest.id, default="-proposed_at")
"""Requests are made in the order of their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSearch:
    """Which requests; `scope` is the searcher's hospital, None for the platform, which sees all."""

    scope: int | None
    state: RequestState | None = None


def requests(search: RequestSearch) -> Select[ControlRequest]:
    """The requests that are searched for."""
    conditions = []
    if search.scope is not None:
        conditions.append(ControlRequest.hospital_id == search.scope)
    if search.state is not None:
        conditions.append(ControlRequest.state == search.state)
    return select(ControlRequest).where(*conditions)


async def open_request(
    db: AsyncSession, *, kind: RequestKind, subject: str, now: datetime
) -> ControlRequest | None:
    """The request of this kind that waits for a second administrator, if there is one."""
    request: ControlRequest | None = await db.scalar(
        select(ControlRequest).where(
            ControlRequest.kind == kind,
            ControlRequest.subject == subject,
            ControlRequest.state == RequestState.OPEN,
            ControlRequest.expires_at > now,
        )
    )
    return request
