"""Facts that scheduling tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from guahao.kernel.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSuspended(Event):
    """A session will not take place as published; its free places are frozen."""

    name: ClassVar[str] = "scheduling.session.suspended"
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionResumed(Event):
    """A suspended session takes place after all; its frozen places are back in their pools."""

    name: ClassVar[str] = "scheduling.session.resumed"
    session_id: UUID
