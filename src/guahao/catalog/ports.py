"""What the catalogue needs of those who hold sessions in it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.kernel.errors import Problem


class EditTouchesSessions(Problem):
    """The edit closes coming sessions, or people are in what it changes; nothing was saved.

    `sessions`, `people`, `places`, `first_day` and `last_day` say how many and when, `consequences` in
    sentences what becomes of them; `department_id` and `doctor_id` name the only one concerned. The same edit
    with `confirm` is saved, unless that has changed: then it is told anew.
    """

    code = "edit-touches-sessions"
    status = 409


class SessionWatch(Protocol):
    """Watches what an edit of the catalogue does to coming sessions."""

    def __call__(
        self, db: AsyncSession, *, hospital_id: int, confirm: str | None, by: str, now: datetime
    ) -> AbstractAsyncContextManager[None]:
        """Watch an edit made within it. Raises `EditTouchesSessions` unless `confirm` is what was told."""
        ...
