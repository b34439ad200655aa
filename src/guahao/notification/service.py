"""Use cases of notification: plan what a subject owes, call off what is no longer true."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.ids import new_id
from guahao.notification.models import Notice, NoticeKind, NoticeState

__all__ = ["NoticeKind", "NoticePlan", "Recipient", "plan_notices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePlan:
    """A message and when it is due."""

    kind: NoticeKind
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Whom messages are for; the account is None for patients enrolled at a desk."""

    account_id: UUID | None
    patient_id: UUID


async def plan_notices(
    db: AsyncSession,
    *,
    hospital_id: int,
    subject: str,
    version: int,
    recipient: Recipient,
    notices: Collection[NoticePlan],
) -> None:
    """Make `notices` all that is planned about a subject; the caller holds the subject's lock.

    `version` counts the subject's changes: what was planned for an earlier one is called off, so that
    an old time is never sent, and what was planned for this one already is not planned twice.
    """
    of_subject = (Notice.hospital_id == hospital_id, Notice.subject == subject)
    await db.execute(
        update(Notice)
        .where(*of_subject, Notice.state == NoticeState.PLANNED, Notice.version != version)
        .values(state=NoticeState.CANCELLED)
    )
    rows = [
        {
            "hospital_id": hospital_id,
            "id": new_id(hospital_id),
            "subject": subject,
            "kind": notice.kind,
            "version": version,
            "account_id": recipient.account_id,
            "patient_id": recipient.patient_id,
            "due_at": notice.due_at,
        }
        for notice in notices
    ]
    if rows:
        once = insert(Notice).on_conflict_do_nothing(constraint="notice_once_per_subject_kind_and_version")
        await db.execute(once.values(rows))
