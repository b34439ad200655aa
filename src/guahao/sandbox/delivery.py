"""Tells the merchant what happened, as the providers do: again and again until it is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import httpx
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.clock import utc_now
from guahao.kernel.db import Json, Sessions, affected, transaction
from guahao.sandbox import faults
from guahao.sandbox.models import (
    DeliveryState,
    Disorder,
    FaultKind,
    SandboxDelivery,
    SandboxProvider,
)

PATIENCE_S = 5.0
"""How long a provider waits for the acknowledgement."""

LATE = timedelta(minutes=10)
"""By how much the fault "late" puts a notification off, in the time of the schedule."""

_LEASE = timedelta(seconds=30)
"""When a notification is tried again whose sender died."""

_BATCH = 20
_DISORDERS = {
    FaultKind.NOTIFY_TAMPERED: Disorder.TAMPERED,
    FaultKind.NOTIFY_PROBE: Disorder.PROBE,
}
_NOTIFY_FAULTS = (FaultKind.NOTIFY_TWICE, FaultKind.NOTIFY_LATE, FaultKind.NOTIFY_NEVER, *_DISORDERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One POST, ready to be sent."""

    headers: Mapping[str, str]
    body: bytes


class Notifier(Protocol):
    """How one provider writes its notifications, and when it tries again."""

    schedule: Sequence[timedelta]
    """The waits between attempts; after the last one it gives up."""

    def write(self, delivery: SandboxDelivery, disorder: Disorder, *, now: datetime) -> Outgoing:
        """Seal and sign a notification for one attempt; `disorder` says what is wrong with it."""
        ...

    def is_acknowledged(self, status: int, body: bytes) -> bool:
        """Tell whether the merchant's answer is the one the provider wants."""
        ...


Notifiers = Mapping[SandboxProvider, Notifier]


async def announce(
    db: AsyncSession,
    *,
    provider: SandboxProvider,
    out_trade_no: str,
    event_id: str,
    event: str,
    notify_url: str,
    content: Json,
    time_scale: float,
    now: datetime,
) -> None:
    """Owe the merchant a notification, with the faults that are switched on for it."""
    wrong = await faults.taken(db, provider=provider, kinds=_NOTIFY_FAULTS, out_trade_no=out_trade_no)
    late = LATE / time_scale if FaultKind.NOTIFY_LATE in wrong else timedelta()
    disorder = next((_DISORDERS[kind] for kind in _DISORDERS if kind in wrong), Disorder.NONE)
    state = DeliveryState.WITHHELD if FaultKind.NOTIFY_NEVER in wrong else DeliveryState.DUE
    for number in range(2 if FaultKind.NOTIFY_TWICE in wrong else 1):
        db.add(
            SandboxDelivery(
                provider=provider,
                out_trade_no=out_trade_no,
                event_id=event_id,
                event=event,
                notify_url=notify_url,
                content=content,
                disorder=disorder if number == 0 else Disorder.NONE,
                state=state,
                created_at=now,
                due_at=now + late,
                attempts=0,
            )
        )
    await db.flush()


async def deliver(
    sessions: Sessions,
    *,
    http: httpx.AsyncClient,
    notifiers: Notifiers,
    time_scale: float,
    clock: Callable[[], datetime] = utc_now,
) -> int:
    """Attempt what is due, at most a batch, and answer how many that were."""
    async with transaction(sessions) as db:
        claimed = await _claim(db, now=clock())
    statuses = await asyncio.gather(*(_attempt(http, notifiers, delivery, clock) for delivery in claimed))
    async with transaction(sessions) as db:
        for delivery, answer in zip(claimed, statuses, strict=True):
            schedule = notifiers[delivery.provider].schedule
            await _record(db, delivery, answer, schedule=schedule, time_scale=time_scale, now=clock())
    return len(claimed)


async def _claim(db: AsyncSession, *, now: datetime) -> Sequence[SandboxDelivery]:
    due = (
        select(SandboxDelivery.id)
        .where(SandboxDelivery.state == DeliveryState.DUE, SandboxDelivery.due_at <= now)
        .order_by(SandboxDelivery.due_at, SandboxDelivery.id)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    )
    ids = (await db.scalars(due)).all()
    claim = (
        update(SandboxDelivery)
        .where(SandboxDelivery.id.in_(ids))
        .values(due_at=now + _LEASE, attempts=SandboxDelivery.attempts + 1)
        .returning(SandboxDelivery)
        .execution_options(synchronize_session=False)
    )
    claimed = (await db.scalars(claim)).all()
    return sorted(claimed, key=lambda delivery: delivery.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered:
    status: int
    is_acknowledged: bool


async def _attempt(
    http: httpx.AsyncClient, notifiers: Notifiers, delivery: SandboxDelivery, clock: Callable[[], datetime]
) -> _Answered:
    notifier = notifiers[delivery.provider]
    disorder = delivery.disorder if delivery.attempts == 1 else Disorder.NONE
    outgoing = notifier.write(delivery, disorder, now=clock())
    try:
        async with asyncio.timeout(PATIENCE_S):
            answer = await http.post(
                delivery.notify_url, content=outgoing.body, headers=dict(outgoing.headers)
            )
    except (httpx.HTTPError, TimeoutError):
        return _Answered(status=0, is_acknowledged=False)
    genuine = disorder is Disorder.NONE
    accepted = notifier.is_acknowledged(answer.status_code, answer.content)
    return _Answered(status=answer.status_code, is_acknowledged=genuine and accepted)


async def _record(
    db: AsyncSession,
    delivery: SandboxDelivery,
    answer: _Answered,
    *,
    schedule: Sequence[timedelta],
    time_scale: float,
    now: datetime,
) -> None:
    """Write the outcome of an attempt, unless another sender has taken the notification over since."""
    state, due_at = DeliveryState.DELIVERED, now
    if not answer.is_acknowledged and delivery.attempts > len(schedule):
        state = DeliveryState.GIVEN_UP
    elif not answer.is_acknowledged:
        state, due_at = DeliveryState.DUE, now + schedule[delivery.attempts - 1] / time_scale
    await db.execute(
        update(SandboxDelivery)
        .where(SandboxDelivery.id == delivery.id, SandboxDelivery.attempts == delivery.attempts)
        .values(state=state, due_at=due_at, last_at=now, last_status=answer.status)
    )


async def send_again(db: AsyncSession, *, delivery_id: int, now: datetime) -> bool:
    """Make a notification due at once, whatever became of it; False if there is none with this id."""
    again = update(SandboxDelivery).where(SandboxDelivery.id == delivery_id)
    return affected(await db.execute(again.values(state=DeliveryState.DUE, due_at=now))) > 0
