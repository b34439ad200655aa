"""Showing rows with what stands beside them: names of people, channels, what the reader may do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.access import Permission, StaffRef
from guahao.identity.queries.actors import actor_names
from guahao.kernel.db import in_parts
from guahao.payment import policy
from guahao.payment.api_staff.schemas import (
    AdjustmentSeen,
    CaseSeen,
    EntrySeen,
    Names,
    OrderFileSeen,
    OrderSeen,
    PaymentSeen,
    RefundSeen,
)
from guahao.payment.models import Adjustment, AdjustmentState, Channel, FinanceCase, Refund, RefundState
from guahao.payment.policy import RefundDeed
from guahao.payment.queries.lists import channels_of
from guahao.payment.queries.staff import OrderFile
from guahao.payment.service.recall import facts_of

_NEEDED = dict.fromkeys(RefundDeed, Permission.MANAGE_MONEY) | {
    RefundDeed.HAND_OVER: Permission.HAND_OVER_REFUND
}
_TRAVELS = (RefundState.REQUESTED, RefundState.SUBMITTED)


async def refunds_seen(db: AsyncSession, rows: Sequence[Refund], who: StaffRef) -> list[RefundSeen]:
    """Refunds as somebody sees them."""
    if not rows:
        return []
    channels, names = await channels_by_payment(db, rows), await names_of(db, rows)
    return [_refund(row, channels[row.payment_id], names, who) for row in rows]


async def channels_by_payment(db: AsyncSession, rows: Sequence[Refund]) -> dict[UUID, Channel]:
    """By which channels what these refunds give back was paid."""
    keys = {(row.hospital_id, row.payment_id) for row in rows}
    found: dict[UUID, Channel] = {}
    for part in in_parts(keys):
        found |= {payment.id: payment.channel for payment in await db.execute(channels_of(part))}
    return found


async def names_of(db: AsyncSession, rows: Sequence[Refund]) -> Names:
    """How the staff who had to do with these refunds are called."""
    return await actor_names(db, _actors(one for row in rows for one in _people(row)))


async def refund_seen(db: AsyncSession, row: Refund, who: StaffRef) -> RefundSeen:
    """One refund as somebody sees it."""
    return (await refunds_seen(db, [row], who))[0]


async def cases_seen(db: AsyncSession, rows: Sequence[FinanceCase]) -> list[CaseSeen]:
    """Cases with the names of those who resolved them, and of those whom they are about."""
    about = [str(row.evidence.get("about", "")) for row in rows]
    by = [str(row.evidence.get("by", "")) for row in rows]
    names = await actor_names(db, _actors([*(row.resolved_by for row in rows), *about, *by]))
    return [CaseSeen.of(row).model_copy(update={"names": dict(names)}) for row in rows]


async def adjustments_seen(
    db: AsyncSession, rows: Sequence[Adjustment], who: StaffRef
) -> list[AdjustmentSeen]:
    """Manual entries, with the names of those who proposed and decided, as somebody sees them."""
    names = await actor_names(db, _actors(one for row in rows for one in (row.proposed_by, row.decided_by)))
    return [_adjustment(row, names, who) for row in rows]


async def file_seen(db: AsyncSession, file: OrderFile, who: StaffRef) -> OrderFileSeen:
    """Everything about the money of one order as somebody sees it."""
    return OrderFileSeen(
        order=OrderSeen.of(file.order),
        payments=[PaymentSeen.of(row) for row in file.payments],
        refunds=await refunds_seen(db, file.refunds, who),
        entries=[EntrySeen.of(row) for row in file.entries],
        cases=await cases_seen(db, file.cases),
    )


def _adjustment(row: Adjustment, names: Names, who: StaffRef) -> AdjustmentSeen:
    may_decide = (
        row.state is AdjustmentState.PROPOSED
        and row.proposed_by != f"staff:{who.id}"
        and Permission.MANAGE_MONEY in who.permissions
    )
    return AdjustmentSeen.of(row).model_copy(update={"names": dict(names), "may_decide": may_decide})


def _refund(row: Refund, channel: Channel, names: Names, who: StaffRef) -> RefundSeen:
    found = policy.deeds(facts_of(row, channel.provider), by=f"staff:{who.id}")
    began = row.submitted_at or row.requested_at
    travels = row.state in _TRAVELS
    beside = {
        "channel": channel,
        "expected_by": began + timedelta(days=policy.REFUND_TAKES_DAYS) if travels else None,
        "deeds": sorted(deed for deed in found if _NEEDED[deed] in who.permissions),
        "names": {actor: names[actor] for actor in _people(row) if actor in names},
    }
    return RefundSeen.model_validate({name: getattr(row, name) for name in _OF_ROW} | beside)


_OF_ROW = RefundSeen.model_fields.keys() - {"channel", "expected_by", "deeds", "names"}


def _people(row: Refund) -> list[str]:
    people = (row.requested_by, row.approved_by, row.settled_by, row.recall_asked_by, row.recalled_by)
    return [one for one in people if one is not None]


def _actors(found: Iterable[str | None]) -> set[str]:
    return {one for one in found if one}
