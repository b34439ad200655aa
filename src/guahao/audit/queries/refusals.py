"""What was refused lately, for the page that staff begin their day with."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Select, String, func, select

from guahao.audit.models import AuditEntryRow, RefusalCount, RefusedAction
from guahao.kernel.ids import DIRECTORY

LATELY = timedelta(hours=1)
BURST = {RefusedAction.LOGIN: 50, RefusedAction.REQUEST: 30, RefusedAction.SIGNATURE: 10}
"""So many within an hour are no slip of somebody's fingers any more."""

_LOOKED_AT = 200
_ENOUGH = 20


def burst(action: RefusedAction, hospital_id: int) -> Select[int, datetime | None]:
    """How many refusals of a kind a hospital (0: the directory) had lately, since when; 0 below a burst."""
    total = func.coalesce(func.sum(RefusalCount.count), 0)
    lately = (
        select(total.label("total"), func.min(RefusalCount.minute).label("since"))
        .where(
            RefusalCount.hospital_id == hospital_id,
            RefusalCount.action == action.value,
            RefusalCount.minute > func.now() - LATELY,
        )
        .having(total >= BURST[action])
        .subquery()
    )
    return select(func.coalesce(func.max(lately.c.total), 0), func.max(lately.c.since))


def logins_from_one_address() -> Select[int, datetime | None]:
    """How many accounts logged in lately if all came from one address, and since when; else 0.

    A proxy that is not trusted, or that names no client, makes a whole city one address.
    """
    latest = (
        select(AuditEntryRow.actor, AuditEntryRow.at, AuditEntryRow.data["address"].astext.label("address"))
        .where(
            AuditEntryRow.hospital_id == DIRECTORY,
            AuditEntryRow.action == "login.open",
            AuditEntryRow.actor.cast(String).startswith("account:"),
        )
        .order_by(AuditEntryRow.id.desc())
        .limit(_LOOKED_AT)
        .subquery()
    )
    people = func.count(latest.c.actor.distinct())
    one = (
        select(people.label("people"), func.min(latest.c.at).label("since"))
        .where(latest.c.at > func.now() - timedelta(days=1))
        .having(people >= _ENOUGH, func.count(latest.c.address.distinct()) == 1)
        .subquery()
    )
    return select(func.coalesce(func.max(one.c.people), 0), func.max(one.c.since))
