"""What a change to many sessions would do to each, and why it cannot to some; nothing is written here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Protocol
from uuid import UUID

from guahao.kernel.clock import at_local
from guahao.kernel.errors import Problem
from guahao.scheduling.models import ClosedBy, SessionState
from guahao.scheduling.policy.refusals import (
    CLOSED,
    DayIsHoliday,
    DoctorBusy,
    FeeMissing,
    PlacesTaken,
    ReleaseAfterStart,
    RoomBusy,
    SessionInPast,
    SessionReleased,
    SessionStateConflict,
)
from guahao.scheduling.policy.sight import Look, Neighbour, SeenSession, when_text
from guahao.scheduling.policy.workdays import holiday_name


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedItem:
    """One session of a change: what it was and becomes, or why it stays (or is not made)."""

    session_id: UUID | None
    before: Look | None
    after: Look | None
    refused: Problem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What many sessions shall have alike; what is None stays. Capacity is of a full slot."""

    room: str | None = None
    capacity_per_slot: int | None = None
    release_days_before: int | None = None
    release_time: time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorSeen:
    """A doctor's name."""

    name: str


class Prices(Protocol):
    """What copies take over from the hospital: prices and the release rule."""

    def is_priced(self, look: Look) -> bool:
        """Whether a session of this look may go on sale."""
        ...

    def release_at(self, look: Look) -> datetime:
        """When its places would go on sale."""
        ...


class Occupancy:
    """Whose and which room's time is taken."""

    def __init__(self, neighbours: Iterable[Neighbour], doctors: Mapping[UUID, DoctorSeen]) -> None:
        """Take the sessions that stand."""
        self._doctors = doctors
        self._of_doctor: dict[UUID, list[Neighbour]] = defaultdict(list)
        self._of_room: dict[tuple[UUID, str], list[Neighbour]] = defaultdict(list)
        for one in neighbours:
            self.add(one)

    def add(self, one: Neighbour) -> None:
        """Let a session take its time."""
        self._of_doctor[one.doctor_id].append(one)
        self._of_room[one.campus_id, one.room].append(one)

    def clash(self, wanted: Neighbour) -> Problem | None:
        """Why a session cannot be where and when it is wanted; a session never clashes with itself."""
        for others, kind in (
            (self._of_doctor.get(wanted.doctor_id, ()), DoctorBusy),
            (self._of_room.get((wanted.campus_id, wanted.room), ()), RoomBusy),
        ):
            for other in others:
                if not _is_same(other, wanted) and _overlap(other, wanted):
                    return kind(**clash_extra(other, self._doctors))
        return None


def clash_extra(other: Neighbour, doctors: Mapping[UUID, DoctorSeen]) -> dict[str, str | int]:
    """What a refusal tells of the session that is in the way."""
    return {
        **({} if other.id is None else {"session_id": str(other.id)}),
        "doctor": doctors[other.doctor_id].name,
        "room": other.room,
        "when": when_text(other.starts_at, other.ends_at),
        "people": other.people,
    }


def plan_copy(
    sources: Sequence[SeenSession],
    occupancy: Occupancy,
    *,
    days_later: int,
    with_holidays: bool,
    closed: Mapping[UUID, ClosedBy],
    prices: Prices,
    now: datetime,
) -> list[ProposedItem]:
    """Drafts like the sessions of another week; suspended ones are not copied.

    `closed` tells by what the catalogue closes a source's copy.
    """
    items: list[ProposedItem] = []
    for source in sources:
        if source.look.state is SessionState.SUSPENDED:
            continue
        later = timedelta(days=days_later)
        look = replace(
            source.look,
            date=source.look.date + later,
            starts_at=source.look.starts_at + later,
            ends_at=source.look.ends_at + later,
            state=SessionState.DRAFT,
        )
        look = replace(look, release_at=prices.release_at(look))
        wanted = neighbour_of(source.id, look)
        holiday = None if with_holidays else holiday_name(look.date)
        refused = _why_not_made(look, closed.get(source.id), prices, holiday=holiday, now=now)
        # The source may overlap its copy only if both were the same session, so it gets no id here.
        refused = refused or occupancy.clash(replace(wanted, id=None))
        if refused is None:
            occupancy.add(wanted)
        items.append(ProposedItem(session_id=None, before=None, after=look, refused=refused))
    return items


def _why_not_made(
    look: Look, closed: ClosedBy | None, prices: Prices, *, holiday: str | None, now: datetime
) -> Problem | None:
    if look.starts_at <= now:
        return SessionInPast()
    if holiday is not None:
        return DayIsHoliday(holiday=holiday)
    if closed is not None:
        return CLOSED[closed]()
    return None if prices.is_priced(look) else FeeMissing()


def plan_set(
    sessions: Sequence[SeenSession], wish: Wish, occupancy: Occupancy, *, now: datetime
) -> list[ProposedItem]:
    """Sessions with another room, capacity or release; those that have all of it already are left out."""
    items: list[ProposedItem] = []
    for session in sessions:
        look = _wished(session.look, wish)
        if look == session.look:
            continue
        refused = why_not_changed(session, look, now=now)
        if refused is None and look.room != session.look.room:
            moved = neighbour_of(session.id, look)
            refused = occupancy.clash(moved)
            if refused is None:
                occupancy.add(moved)
        items.append(ProposedItem(session_id=session.id, before=session.look, after=look, refused=refused))
    return items


def why_not_changed(session: SeenSession, look: Look, *, now: datetime) -> Problem | None:
    """Why a session cannot take another look, but for who else is in the room."""
    if not session.is_planned or session.look.ends_at <= now:
        state = "closed" if session.is_planned else session.look.state.value
        return SessionStateConflict(state=state)
    if look.release_at != session.look.release_at:
        if session.look.state is SessionState.PUBLISHED and session.look.release_at <= now:
            return SessionReleased()
        if look.release_at >= look.starts_at:
            return ReleaseAfterStart()
    short = [least for places, least in zip(look.capacities, session.least, strict=True) if places < least]
    return PlacesTaken(least=max(short)) if short else None


def plan_publish(
    sessions: Sequence[SeenSession], *, closed: Mapping[UUID, ClosedBy], now: datetime
) -> list[ProposedItem]:
    """Drafts put on sale; what is not a draft is left out, what the catalogue has closed is refused."""
    return [
        ProposedItem(
            session_id=session.id,
            before=session.look,
            after=replace(session.look, state=SessionState.PUBLISHED),
            refused=_why_not_published(session, closed, now=now),
        )
        for session in sessions
        if session.look.state is SessionState.DRAFT
    ]


def _why_not_published(
    session: SeenSession, closed: Mapping[UUID, ClosedBy], *, now: datetime
) -> Problem | None:
    if session.look.starts_at <= now:
        return SessionInPast()
    return CLOSED[closed[session.id]]() if session.id in closed else None


def plan_remove(sessions: Sequence[SeenSession]) -> list[ProposedItem]:
    """Drafts taken away; what is not a draft is left out."""
    return [
        ProposedItem(session_id=session.id, before=session.look, after=None, refused=None)
        for session in sessions
        if session.look.state is SessionState.DRAFT
    ]


def neighbour_of(session_id: UUID, look: Look) -> Neighbour:
    """The time and room that a session takes."""
    return Neighbour(
        id=session_id,
        doctor_id=look.doctor_id,
        campus_id=look.campus_id,
        room=look.room,
        starts_at=look.starts_at,
        ends_at=look.ends_at,
    )


def scaled(look: Look, capacity_per_slot: int) -> tuple[int, ...]:
    """This capacity for each full slot; a shorter last one has fewer places, at least 1."""
    step = timedelta(minutes=look.slot_min)
    last = look.ends_at - look.starts_at - step * (len(look.capacities) - 1)
    return (
        *[capacity_per_slot] * (len(look.capacities) - 1),
        max(1, capacity_per_slot * min(last, step) // step),
    )


def _wished(look: Look, wish: Wish) -> Look:
    if wish.room is not None:
        look = replace(look, room=wish.room)
    if wish.capacity_per_slot is not None:
        look = replace(look, capacities=scaled(look, wish.capacity_per_slot))
    if wish.release_days_before is not None and wish.release_time is not None:
        day = look.date - timedelta(days=wish.release_days_before)
        look = replace(look, release_at=at_local(day, wish.release_time))
    return look


def _is_same(one: Neighbour, other: Neighbour) -> bool:
    return one.id is not None and one.id == other.id


def _overlap(one: Neighbour, other: Neighbour) -> bool:
    return one.starts_at < other.ends_at and other.starts_at < one.ends_at
