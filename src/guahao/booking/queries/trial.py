"""Judges bookings that exist by rules that do not, one person after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from guahao.booking import policy
from guahao.booking.models import Channel
from guahao.catalog.queries import Rules
from guahao.kernel.clock import local_date
from guahao.kernel.errors import Problem
from guahao.scheduling.queries.facts import SlotOnSale
from guahao.scheduling.queries.states import SessionState


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One booking or move as it was made, `at` a moment; `leaving` is the one that was given up for it.

    `is_helped` is a move that the desk made, or out of a suspended session.
    """

    standing: policy.Standing
    at: datetime
    ended_at: datetime | None
    channel: Channel
    leaving: UUID | None
    is_helped: bool
    is_judged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One person's bookings, and the cancellations and unpaid holds that count, each in the order of time."""

    made: Sequence[Made]
    cancelled_at: Sequence[datetime]
    unpaid_at: Sequence[datetime] = ()


def refusals(past: Past, rules: Rules) -> dict[UUID, Problem]:
    """Booking -> why these rules would have refused it at the moment it was made.

    A booking that would have been refused does not count against later ones.
    """
    refused: dict[UUID, Problem] = {}
    kept: list[Made] = []
    for one in past.made:
        problem = _refusal(one, kept, past, rules) if one.is_judged else None
        if problem is None:
            kept.append(one)
        else:
            refused[one.standing.appointment_id] = problem
    return refused


def _refusal(one: Made, earlier: Iterable[Made], past: Past, rules: Rules) -> Problem | None:
    slot = _then(one, rules)
    case = policy.Case(
        slot=slot,
        patient=None,
        history=policy.History(
            standing=tuple(other.standing for other in earlier if _stood(other, slot.now)),
            unpaid_at=_unpaid_at(past, slot.now),
            moved_at=_moved_at(earlier, slot),
            blocked_until=_paused_until(past, rules, slot.now),
        ),
        rules=rules,
        leaving=one.leaving,
    )
    return policy.refusal(case, door=_door(one), unknown=policy.ABOUT_PATIENTS)


def _door(one: Made) -> policy.Door:
    if one.leaving is not None:
        return policy.Door.HELPED_MOVE if one.is_helped else policy.Door.MOVE
    return policy.Door.ONLINE if one.channel is Channel.ONLINE else policy.Door.DESK


def _then(made: Made, rules: Rules) -> SlotOnSale:
    """The slot as it would have stood under these rules when it was booked: on sale once released."""
    booked = made.standing
    return SlotOnSale(
        hospital_id=booked.hospital_id,
        session_id=booked.session_id,
        department_id=booked.department_id,
        date=booked.date,
        state=SessionState.PUBLISHED,
        starts_at=booked.starts_at,
        ends_at=booked.ends_at,
        released_at=rules.release_at(booked.date),
        now=made.at,
    )


def _stood(other: Made, now: datetime) -> bool:
    """Whether the rules looked at that booking at `now`, as `queries.history` reads it."""
    is_alive = other.ended_at is None or other.ended_at > now
    is_recent = other.standing.made_at > now - timedelta(days=30)
    return is_alive and (is_recent or other.standing.date >= local_date(now))


def _moved_at(earlier: Iterable[Made], slot: SlotOnSale) -> tuple[datetime, ...]:
    """The moves there that counted at `slot.now`, newest first, as `queries.history` reads them."""
    since = slot.now - policy.MOVES_COUNT_FOR
    moved = [
        one.at
        for one in earlier
        if one.leaving is not None and not one.is_helped and one.standing.hospital_id == slot.hospital_id
    ]
    return tuple(sorted((at for at in moved if since < at <= slot.now), reverse=True))


def _unpaid_at(past: Past, now: datetime) -> tuple[datetime, ...]:
    """The unpaid holds that counted at `now`, newest first, as `queries.history` reads them."""
    since = now - policy.UNPAID_COUNTS_FOR
    return tuple(moment for moment in reversed(past.unpaid_at) if since < moment <= now)


def _paused_until(past: Past, rules: Rules, now: datetime) -> datetime | None:
    """Until when these rules would have paused online booking, as `service.credit` does."""
    until = None
    known = [moment for moment in past.cancelled_at if moment <= now]
    for number, moment in enumerate(known, 1):
        since = moment - timedelta(days=rules.cancel_pause_window_days)
        if sum(earlier > since for earlier in known[:number]) >= rules.cancel_pause_count:
            until = moment + timedelta(days=rules.cancel_pause_days)
    return until if until is not None and until > now else None
