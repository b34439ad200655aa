from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.models import BookingBlock
from guahao.booking.service.cancel import Canceller, cancel
from guahao.kernel.db import Sessions, transaction
from tests.factories.booking import book, make_booker
from tests.factories.scheduling import make_clinic, make_slot

pytestmark = pytest.mark.anyio


async def test_cancellations_at_the_same_moment_are_counted_together(
    sessions: Sessions, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    clinic = await make_clinic(db)
    rows = [await book(db, booker, (await make_slot(db, clinic=clinic, days=n + 2)).id) for n in range(3)]
    await db.commit()

    async def give_up(number: int, other: AsyncSession) -> None:
        by = Canceller(actor="x", account_id=booker.account_id)
        await cancel(other, appointment_id=rows[number].id, by=by)

    async def give_up_the_last() -> None:
        async with transaction(sessions) as other:
            await give_up(2, other)

    async with transaction(sessions) as first:
        await give_up(0, first)
        await give_up(1, first)
        last = asyncio.create_task(give_up_the_last())
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while not last.done() and not await db.scalar(waiting):  # noqa: ASYNC110 - the database tells
            await asyncio.sleep(0.01)
    await last

    assert await db.scalar(select(func.count()).select_from(BookingBlock)) == 1
