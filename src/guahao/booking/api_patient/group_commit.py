"""Group commit: bookings that come while others are being written make the next transaction together.

No timer: an idle server books a request at once. What cannot be booked in company (a key used
before, a place that went, a fault) is booked alone, where the cause is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Response
from sqlalchemy.exc import DBAPIError

from guahao.booking.service.book import BookingRequest, book, book_together
from guahao.booking.service.hold import PlacesGone
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import Problem, Unavailable

MOST_TOGETHER = 64
LANES = 2
"""Transactions at a time: a second one so that a lock somebody else holds does not stop everybody."""

_FULL_FOR_S = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    booking: BookingRequest
    answer: asyncio.Future[Response]


class GroupCommit:
    """Books the requests of one process, several in one transaction when several wait."""

    def __init__(self, sessions: Sessions, *, most_waiting: int) -> None:
        """Open transactions by `sessions`; at most so many requests wait, the rest is refused at once."""
        self._sessions = sessions
        self._most_waiting = most_waiting
        self._waiting: list[_Waiting] = []
        self._lanes: set[asyncio.Task[None]] = set()
        self._open_lanes = 0

    async def book(self, booking: BookingRequest) -> Response:
        """Answer once the booking is committed, or raise the problem by which it is refused.

        Raises `Unavailable` when too many wait: who is told at once tries again, who waits too long leaves.
        """
        if len(self._waiting) >= self._most_waiting:
            raise Unavailable(retry_after_s=_FULL_FOR_S)
        one = _Waiting(booking, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._open_lanes < LANES:
            self._open_lanes += 1
            lane = asyncio.get_running_loop().create_task(self._run())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        return await one.answer

    async def _run(self) -> None:
        # Closed in the same step that finds nobody waiting: a done callback comes a step later, and a
        # request in between would find all lanes taken and wait for nobody.
        try:
            while self._waiting:
                batch, self._waiting = _next_batch(self._waiting)
                rest = await self._together(batch) if len(batch) > 1 else batch
                await asyncio.gather(*(self._alone(one) for one in rest))
        finally:
            self._open_lanes -= 1

    async def _alone(self, one: _Waiting) -> None:
        try:
            async with transaction(self._sessions) as db:
                answer = await book(db, one.booking)
        except Exception as error:  # noqa: BLE001 - the request's own handler answers or logs it
            _settle(one, error)
        else:
            _settle(one, answered(one.booking, answer))

    async def _together(self, batch: Sequence[_Waiting]) -> Sequence[_Waiting]:
        """Book a batch in one transaction; answers those that must be booked alone."""
        try:
            async with transaction(self._sessions) as db:
                answers = await book_together(db, [one.booking for one in batch])
        except (PlacesGone, Problem, DBAPIError):
            return batch
        except Exception as error:  # noqa: BLE001 - the requests' own handlers answer or log it
            for one in batch:
                _settle(one, error)
            return ()
        for one in batch:
            answer = answers.get(one.booking)
            if answer is not None:
                _settle(one, answered(one.booking, answer) if isinstance(answer, str) else answer)
        return [one for one in batch if one.booking not in answers]


def _next_batch(waiting: list[_Waiting]) -> tuple[list[_Waiting], list[_Waiting]]:
    """Take at most MOST_TOGETHER, one for each key: a repeated key waits for its first answer."""
    batch: list[_Waiting] = []
    later: list[_Waiting] = []
    keys = set()
    for one in waiting:
        claim = one.booking.claim
        key = (claim.owner, claim.route, claim.key) if claim else id(one)
        fits = key not in keys and len(batch) < MOST_TOGETHER
        (batch if fits else later).append(one)
        keys.add(key)
    return batch, later


def _settle(one: _Waiting, answer: Response | Exception) -> None:
    if one.answer.done():
        return
    if isinstance(answer, Exception):
        one.answer.set_exception(answer)
    else:
        one.answer.set_result(answer)


def answered(booking: BookingRequest, answer: str) -> Response:
    """The HTTP answer of a booking."""
    return Response(answer, booking.status, media_type="application/json")
