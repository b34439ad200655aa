"""Domain events: rows written in the caller's transaction, told to their reactions afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import Index, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from guahao.kernel.db import Base, BulkInsert, Json, closed_set
from guahao.kernel.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact in the past tense. Carries identifiers and numbers, never rows, names or secrets."""

    name: ClassVar[str]
    attempts: ClassVar[int] = 8
    """So often a reaction that fails is tried, within about two minutes, before the event is dead."""

    hospital_id: int


class EventState(StrEnum):
    """How far an event has been told."""

    PENDING = "pending"
    DONE = "done"
    DEAD = "dead"
    DISCARDED = "discarded"
    """It was dead, and somebody decided that it need not be told any more."""
    UNHEARD = "unheard"
    """This version has no reaction to it; a version that has one takes it up within a day."""


class EventRow(Base):
    """One event in the outbox."""

    __tablename__ = "event"
    __table_args__ = (
        Index("event_pending_idx", "due_at", postgresql_where=text("state = 'pending'")),
        Index("event_dead_idx", "hospital_id", "occurred_at", "id", postgresql_where=text("state = 'dead'")),
        Index("event_unheard_idx", "occurred_at", postgresql_where=text("state = 'unheard'")),
    )

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    payload: Mapped[Json]
    state: Mapped[EventState] = mapped_column(closed_set(EventState), server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default="0")
    occurred_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    due_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    last_error: Mapped[str | None]


class EventHandled(Base):
    """Mark that one reaction has seen one event; written in the reaction's own transaction."""

    __tablename__ = "event_handled"

    hospital_id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    reaction: Mapped[str] = mapped_column(primary_key=True)
    handled_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """A handler of one kind of event: idempotent, in a transaction of its own, retried with back-off."""

    name: str
    event: type[Event]
    handle: Callable[[AsyncSession, Any], Awaitable[None]]


def on(event: type[E], handle: Callable[[AsyncSession, E], Awaitable[None]]) -> Reaction:
    """Declare that `handle` reacts to `event`; its stable name is `module.function`."""
    module = handle.__module__.removeprefix("guahao.")
    return Reaction(name=f"{module}.{handle.__name__}", event=event, handle=handle)


EVENT_INSERT = BulkInsert(EventRow, "hospital_id", "id", "name", "payload")
"""For statements that write events together with other rows; bind with `event_params`."""


def event_params(events: Sequence[Event]) -> dict[str, list[Any]]:
    """Bind `events` for EVENT_INSERT."""
    return EVENT_INSERT.params(
        [
            {
                "hospital_id": event.hospital_id,
                "id": new_id(event.hospital_id),
                "name": event.name,
                "payload": msgspec.json.encode(event).decode(),
            }
            for event in events
        ]
    )


async def publish(db: AsyncSession, *events: Event) -> None:
    """Record `events` so that they are told if and only if this transaction commits."""
    await db.execute(EVENT_INSERT.statement, event_params(events))
