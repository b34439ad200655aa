"""The one way to take a place: claim the key, plan by the rules, write with the first answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.booking.service.hold import Kept, write_hold, write_holds
from guahao.booking.service.plan import HoldPlan, HoldRequest, plan_hold, plan_holds
from guahao.kernel import idempotency
from guahao.kernel.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BookingRequest:
    """A place that is asked for, the key the request came with, and the answer that is kept with it."""

    hold: HoldRequest
    claim: idempotency.Claim | None
    answer_of: Callable[[HoldPlan], str]
    status: int = 201


async def book(db: AsyncSession, booking: BookingRequest) -> str:
    """Book one place in the caller's transaction; answers what is kept as the first answer.

    Raises what `idempotency.claim`, `plan_hold` and `write_hold` raise; the transaction must then roll back.
    """
    if booking.claim is not None:
        await idempotency.claim(db, booking.claim)
    plan = await plan_hold(db, booking.hold)
    answer = booking.answer_of(plan)
    await write_hold(db, plan, kept=_kept([(booking, answer)]))
    return answer


async def book_together(
    db: AsyncSession, bookings: Sequence[BookingRequest]
) -> dict[BookingRequest, str | Problem]:
    """Book those whose key is new, in one transaction and as many round trips as one; refusals are answers.

    Whoever is left out has a key that was used before, which `book` answers. No two of them may have the
    same key. Raises what `write_holds` raises; the transaction must then roll back.
    """
    claims = [one.claim for one in bookings if one.claim is not None]
    mine = await idempotency.claim_free(db, claims) if claims else set()
    taken = [one for one in bookings if one.claim is None or one.claim in mine]
    if not taken:
        return {}
    planned = dict(zip(taken, await plan_holds(db, [one.hold for one in taken]), strict=True))
    refused = {one: plan for one, plan in planned.items() if isinstance(plan, Problem)}
    plans = {one: plan for one, plan in planned.items() if isinstance(plan, HoldPlan)}
    unused = [one.claim for one in refused if one.claim is not None]
    if unused:
        await idempotency.give_back(db, unused)
    answers = {one: one.answer_of(plan) for one, plan in plans.items()}
    if plans:
        await write_holds(db, list(plans.values()), kept=_kept(list(answers.items())))
    return {**refused, **answers}


def _kept(answers: Sequence[tuple[BookingRequest, str]]) -> Kept | None:
    firsts = [(one.claim, one.status, answer) for one, answer in answers if one.claim is not None]
    return idempotency.keep_params(firsts) if firsts else None
