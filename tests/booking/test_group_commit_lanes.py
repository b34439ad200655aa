"""Nobody waits for ever: whatever moment a wish comes at, some lane takes it."""

import asyncio

import pytest
from fastapi import Response

from guahao.booking.api_patient.group_commit import GroupCommit, _settle, _Waiting
from guahao.booking.service.book import BookingRequest
from guahao.booking.service.plan import HoldRequest
from guahao.kernel.db import Sessions
from guahao.kernel.ids import new_id

pytestmark = pytest.mark.anyio


class Gated(GroupCommit):
    """Books at once when the gate opens, without a database."""

    gate: asyncio.Event

    async def _alone(self, one: _Waiting) -> None:
        await self.gate.wait()
        _settle(one, Response())


async def ticks(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("moment", range(10))
async def test_a_wish_that_comes_as_the_last_lanes_end_is_booked(sessions: Sessions, moment: int) -> None:
    group = Gated(sessions, most_waiting=2000)
    group.gate = asyncio.Event()
    request = HoldRequest(slot_id=new_id(1), patient_id=new_id(), account_id=new_id(), actor="test")
    wish = BookingRequest(hold=request, claim=None, answer_of=str)
    answers = []
    for _ in range(2):
        answers.append(asyncio.create_task(group.book(wish)))
        await ticks(5)

    group.gate.set()
    await ticks(moment)
    answers.append(asyncio.create_task(group.book(wish)))

    async with asyncio.timeout(30):
        assert [answer.status_code for answer in await asyncio.gather(*answers)] == [200, 200, 200]
