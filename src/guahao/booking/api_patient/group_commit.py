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
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.api_patient.schemas import HeldOut
from guahao.booking.service.hold import PlacesGone, write_hold, write_holds
from guahao.booking.service.plan import HoldPlan, HoldRequest, plan_hold, plan_holds
from guahao.kernel import idempotency
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import Problem, Unavailable
from guahao.kernel.http import OnceClaim

MOST_TOGETHER = 64
LANES = 2
"""Transactions at a time: a second one so that a lock somebody else holds does not stop everybody."""

_CREATED = 201
_FULL_FOR_S = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A request for a place and the key it came with."""

    request: HoldRequest
    claim: idempotency.Claim | None


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    wish: Wish
    answer: asyncio.Future[Response]


class GroupCommit:
    """Books wishes of one process, several in one transaction when several wait."""

    def __init__(self, sessions: Sessions, *, most_waiting: int) -> None:
        """Open transactions by `sessions`; at most so many wishes wait, the rest is refused at once."""
        self._sessions = sessions
        self._most_waiting = most_waiting
        self._waiting: list[_Waiting] = []
        self._lanes: set[asyncio.Task[None]] = set()
        self._open_lanes = 0

    async def book(self, wish: Wish) -> Response:
        """Answer once the booking is committed, or raise the problem by which it is refused.

        Raises `Unavailable` when too many wait: who is told at once tries again, who waits too long leaves.
        """
        if len(self._waiting) >= self._most_waiting:
            raise Unavailable(retry_after_s=_FULL_FOR_S)
        one = _Waiting(wish, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._open_lanes < LANES:
            self._open_lanes += 1
            lane = asyncio.get_running_loop().create_task(self._run())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        return await one.answer

    async def _run(self) -> None:
        # Closed in the same step that finds nobody waiting: a done callback comes a step later, and a
        # wish in between would find all lanes taken and wait for nobody.
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
                answer = await _book_alone(db, one.wish)
        except Exception as error:  # noqa: BLE001 - the request's own handler answers or logs it
            _settle(one, error)
        else:
            _settle(one, answer)

    async def _together(self, batch: Sequence[_Waiting]) -> Sequence[_Waiting]:
        """Book a batch in one transaction; answers those that must be booked alone."""
        try:
            async with transaction(self._sessions) as db:
                answers = await _book_together(db, batch)
        except (PlacesGone, Problem, DBAPIError):
            return batch
        except Exception as error:  # noqa: BLE001 - the requests' own handlers answer or log it
            for one in batch:
                _settle(one, error)
            return ()
        for one, answer in answers.items():
            _settle(one, answer)
        return [one for one in batch if one not in answers]


def _next_batch(waiting: list[_Waiting]) -> tuple[list[_Waiting], list[_Waiting]]:
    """Take at most MOST_TOGETHER, one for each key: a repeated key waits for its first answer."""
    batch: list[_Waiting] = []
    later: list[_Waiting] = []
    keys = set()
    for one in waiting:
        claim = one.wish.claim
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


async def _book_alone(db: AsyncSession, wish: Wish) -> Response:
    if wish.claim is not None:
        await idempotency.claim(db, wish.claim)
    plan = await plan_hold(db, wish.request)
    answer = OnceClaim(db=db, claim=wish.claim).prepared(HeldOut.of(plan), status=_CREATED)
    await write_hold(db, plan, kept=answer.kept)
    return answer.response


async def _book_together(db: AsyncSession, batch: Sequence[_Waiting]) -> dict[_Waiting, Response | Exception]:
    """Book those whose key is new; their refusals are answers too."""
    claims = [one.wish.claim for one in batch if one.wish.claim is not None]
    mine = await idempotency.claim_free(db, claims) if claims else set()
    taken = [one for one in batch if one.wish.claim is None or one.wish.claim in mine]
    if not taken:
        return {}
    planned = await plan_holds(db, [one.wish.request for one in taken])
    pairs = list(zip(taken, planned, strict=True))
    refused = {one: plan for one, plan in pairs if isinstance(plan, Problem)}
    booked = {one: (plan, _content(plan)) for one, plan in pairs if isinstance(plan, HoldPlan)}
    unused = [one.wish.claim for one in refused if one.wish.claim is not None]
    if unused:
        await idempotency.give_back(db, unused)
    if booked:
        firsts = [
            (one.wish.claim, _CREATED, content)
            for one, (_, content) in booked.items()
            if one.wish.claim is not None
        ]
        plans = [plan for plan, _ in booked.values()]
        await write_holds(db, plans, kept=idempotency.keep_params(firsts))
    return {**refused, **{one: _response(content) for one, (_, content) in booked.items()}}


def _content(plan: HoldPlan) -> str:
    return HeldOut.of(plan).model_dump_json()


def _response(content: str) -> Response:
    return Response(content, _CREATED, media_type="application/json")
