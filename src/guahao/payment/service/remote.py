"""What calls to providers share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from guahao.kernel.db import Sessions, transaction
from guahao.kernel.ids import DIRECTORY, hospital_of
from guahao.kernel.log import logger
from guahao.payment.models import CaseKind, Provider, ProviderFault
from guahao.payment.ports import ChannelRefused, ChannelUnreadable, ClockWrong, NotificationUnreadable
from guahao.payment.service.case import open_case

_AT_ONCE = 8
CLOCK_WRONG = "clock-wrong"


async def all_of(calls: Iterable[Awaitable[None]]) -> None:
    """Make the calls, a few at a time; the first failure is raised when all have ended."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(call: Awaitable[None]) -> None:
        async with free:
            await call

    for result in await asyncio.gather(*(one(call) for call in calls), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def note_refusal(sessions: Sessions, provider: Provider, refused: ChannelRefused) -> None:
    """Tell whoever runs the product that a provider refuses what it should accept.

    A wrong clock of ours stops all payments, so it is shown by the health check too.
    """
    if not isinstance(refused, ClockWrong):
        logger().error("payment-refused", provider=provider.value, code=refused.code)
        return
    logger().error("payment-clock-wrong", provider=provider.value, code=refused.code)
    noted = insert(ProviderFault).values(provider=provider, fault=CLOCK_WRONG)
    async with transaction(sessions) as db:
        await db.execute(
            noted.on_conflict_do_update(index_elements=["provider", "fault"], set_={"noted_at": func.now()})
        )


async def note_unreadable(
    sessions: Sessions, provider: Provider, error: ChannelUnreadable, *, kind: str, id_: UUID
) -> None:
    """Open a case, once, for a payment or refund (`kind`) of which the provider speaks unintelligibly."""
    logger().error("payment-answer-unreadable", provider=provider.value, code=str(error))
    async with transaction(sessions) as db:
        await open_case(
            db,
            hospital_id=hospital_of(id_),
            kind=CaseKind.ANSWER_UNREADABLE,
            subject=f"{kind}:{id_}",
            evidence={"provider": provider.value, "part": str(error)},
        )


async def note_notification(
    sessions: Sessions, provider: Provider, unreadable: NotificationUnreadable
) -> None:
    """Open a case, once, for a genuine notification that says nothing we understand."""
    logger().error("payment-notification-unreadable", provider=provider.value)
    async with transaction(sessions) as db:
        await open_case(
            db,
            hospital_id=DIRECTORY,
            kind=CaseKind.ANSWER_UNREADABLE,
            subject=f"notification:{provider.value}:{unreadable.reference}",
            evidence={"provider": provider.value, "reference": unreadable.reference},
        )
