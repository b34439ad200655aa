"""Lists as files: what leaves the house by hand stands in the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.service import AuditEntry, record
from guahao.identity.service.recognition import StaffRef
from guahao.kernel.export import File, Form, Sheets, as_file
from guahao.kernel.ids import DIRECTORY

_SAYS_WHO = ("q", "name", "phone", "sought")
"""Filters that may hold personal data: the trail only says that they were used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which list was asked for: its name in lower case, ASCII, and what narrowed it."""

    name: str
    form: Form
    filters: Mapping[str, str | int | bool] = field(default_factory=dict)


async def export(
    db: AsyncSession, sheets: Sheets, *, wanted: Wanted, by: StaffRef, hospital_id: int | None
) -> File:
    """Make a file of a list that `by` may read, and record that it was taken.

    The rows come from `kernel.paging.parts_of`, which refuses more than a file takes; `hospital_id` is
    None for what belongs to no hospital. Raises as `as_file`.
    """
    filters = {
        name: True if name in _SAYS_WHO else value
        for name, value in wanted.filters.items()
        if name != "hospital_id"
    }
    file, rows = await as_file(sheets, name=wanted.name, form=wanted.form)
    await record(
        db,
        AuditEntry(
            hospital_id=DIRECTORY if hospital_id is None else hospital_id,
            actor=f"staff:{by.id}",
            action="list.export",
            subject=f"list:{wanted.name}",
            data={"form": wanted.form.value, "filters": filters, "rows": rows},
        ),
    )
    return file
