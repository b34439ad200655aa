"""By whose hand somebody came to the access under which they acted, for the trail."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.queries import entries_about
from guahao.kernel.ids import DIRECTORY

_GIVEN = ("staff.invite", "staff.totp_reset")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessOrigin:
    """Who gave somebody a new password or took their second factor away, and when; `other` took part."""

    by: str
    other: str | None
    action: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessOrigins:
    """Of several actors, in the order of time."""

    by_actor: Mapping[str, Sequence[AccessOrigin]]

    def of(self, actor: str, at: datetime) -> AccessOrigin | None:
        """The last one before `actor` did something at this moment; None where nobody else had a hand in."""
        before = [origin for origin in self.by_actor.get(actor, ()) if origin.at < at]
        return before[-1] if before else None


async def access_origins(db: AsyncSession, actors: Collection[str], *, hospital_id: int) -> AccessOrigins:
    """By whose hand the staff among these actors came to their access, at a hospital or at the platform."""
    members = sorted(actor for actor in actors if actor.startswith("staff:"))
    found: dict[str, list[AccessOrigin]] = {}
    hospitals = sorted({hospital_id, DIRECTORY})
    rows = await entries_about(db, hospital_ids=hospitals, subjects=members, actions=_GIVEN)
    for row in rows:
        other = row.data.get("other")
        origin = AccessOrigin(by=row.actor, other=str(other) if other else None, action=row.action, at=row.at)
        found.setdefault(row.subject, []).append(origin)
    return AccessOrigins(by_actor=found)
