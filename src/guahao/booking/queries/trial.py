"""Judges bookings that exist by rules that do not, one person after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from guahao.booking import policy
from guahao.booking.models import Channel
from guahao.catalog.queries import Rules
from guahao.kernel.errors import Problem
from guahao.scheduling.queries.facts import SlotFacts
from guahao.scheduling.queries.states import SessionState


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One booking as it was made; `slot` is there when it is to be judged, `leaving` when it was moved."""

    standing: policy.Standing
    ended_at: datetime | None
    channel: Channel
    leaving: UUID | None
    slot: SlotFacts | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One person's bookings and the cancellations that count, each in the order of time."""

    made: Sequence[Made]
    cancelled_at: Sequence[datetime]


def refusals(past: Past, rules: Rules) -> dict[UUID, Problem]:
    """Booking -> why these rules would have refused it at the moment it was made.

    A booking that would have been refused does not count against later ones.
    """
    refused: dict[UUID, Problem] = {}
    kept: list[Made] = []
    for one in past.made:
        problem = _refusal(one, one.slot, kept, past, rules) if one.slot is not None else None
        if problem is None:
            kept.append(one)
        else:
            refused[one.standing.appointment_id] = problem
    return refused


def _refusal(one: Made, slot: SlotFacts, earlier: Iterable[Made], past: Past, rules: Rules) -> Problem | None:
    now = one.standing.created_at
    then = replace(slot, now=now, state=SessionState.PUBLISHED, released_at=rules.release_at(slot.date))
    history = policy.History(
        standing=tuple(other.standing for other in earlier if _stood(other, now)),
        blocked_until=_paused_until(past.cancelled_at, rules, now) if one.channel is Channel.ONLINE else None,
    )
    return policy.refusal_of_slot(then, rules) or policy.refusal_by_history(
        then, history, rules, leaving=one.leaving
    )


def _stood(other: Made, now: datetime) -> bool:
    """Whether the rules looked at that booking at `now`, as `queries.history` reads it."""
    is_alive = other.ended_at is None or other.ended_at > now
    is_recent = other.standing.created_at > now - timedelta(days=30)
    return is_alive and (is_recent or other.standing.ends_at > now)


def _paused_until(cancelled_at: Sequence[datetime], rules: Rules, now: datetime) -> datetime | None:
    """Until when these rules would have paused online booking, as `service.credit` does."""
    until = None
    known = [moment for moment in cancelled_at if moment <= now]
    for number, moment in enumerate(known, 1):
        since = moment - timedelta(days=rules.cancel_pause_window_days)
        if sum(earlier > since for earlier in known[:number]) >= rules.cancel_pause_count:
            until = moment + timedelta(days=rules.cancel_pause_days)
    return until if until is not None and until > now else None
