"""One door for what providers tell, from wherever it comes: in a transaction of its own, never an error."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.db import Sessions, transaction
from guahao.payment.ports import Paid, Refunded
from guahao.payment.service.facts.foreign import note_given_back
from guahao.payment.service.facts.message import Applied
from guahao.payment.service.facts.paid import apply_paid
from guahao.payment.service.facts.refunded import apply_refunded


async def apply_fact(sessions: Sessions, fact: Paid | Refunded) -> Applied:
    """Record a fact with everything that follows from it.

    Two facts of one moment that exclude each other, such as two orders told with one transaction, meet in
    a constraint: the later one is judged again with the earlier one in sight, and is a case then.
    """
    try:
        return await _once(sessions, fact)
    except IntegrityError:
        return await _once(sessions, fact)


async def _once(sessions: Sessions, fact: Paid | Refunded) -> Applied:
    async with transaction(sessions) as db:
        return await apply(db, fact)


async def apply(db: AsyncSession, fact: Paid | Refunded) -> Applied:
    """The same in the caller's transaction."""
    if isinstance(fact, Refunded):
        return await apply_refunded(db, fact)
    outcome = await apply_paid(db, fact)
    if fact.given_back_fen:
        await note_given_back(db, fact)
    return outcome
