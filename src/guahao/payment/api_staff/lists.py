"""What the lists of money share: what they refuse, their search, and their files."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.access import NotLoggedIn, PermissionMissing, StaffRef
from guahao.identity.service.exports import Wanted, export
from guahao.kernel.crypto import KeyRing
from guahao.kernel.errors import NotFound, Unavailable
from guahao.kernel.export import Form, Sheets
from guahao.kernel.http import Listed, download, problems
from guahao.kernel.paging import CursorInvalid, ExportTooLarge, SortUnknown
from guahao.payment.queries.search import Place, order_ids_named

LISTED = problems(NotLoggedIn, PermissionMissing, NotFound, SortUnknown, CursorInvalid)
EXPORTED = problems(NotLoggedIn, PermissionMissing, NotFound, SortUnknown, ExportTooLarge, Unavailable)


async def order_ids(
    db: AsyncSession, *, q: str | None, hospital_id: int, keys: KeyRing
) -> Sequence[UUID] | None:
    """The orders that a search found; None where nobody searched."""
    if q is None:
        return None
    return await order_ids_named(db, text=q, place=Place(hospital_id=hospital_id, key_ring=keys))


async def as_download(
    db: AsyncSession,
    sheets: Sheets,
    *,
    name: str,
    form: Form,
    search: Listed,
    who: StaffRef,
    hospital_id: int | None,
) -> Response:
    """The answer of an export."""
    wanted = Wanted(name=name, form=form, filters=search.filters)
    return download(await export(db, sheets, wanted=wanted, by=who, hospital_id=hospital_id))
