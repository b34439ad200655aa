"""Staff read what was paid, by which ways, tries that came to nothing too."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.access import Permission, StaffRef, staff
from guahao.kernel.crypto import KeyRing
from guahao.kernel.export import Form
from guahao.kernel.http import CountedPage, Db, Keys
from guahao.kernel.paging import page_of, parts_of
from guahao.payment.api_staff.lists import EXPORTED, LISTED, as_download, order_ids
from guahao.payment.api_staff.schemas import Found, PaymentSeen
from guahao.payment.models import Channel, Payment, PaymentState
from guahao.payment.queries import lists
from guahao.payment.queries.sheets import payments_sheet

router = APIRouter(prefix="/payments", tags=["payment: staff"])

Viewer = Annotated[StaffRef, Depends(staff(Permission.VIEW_ORDERS))]


class PaymentSearch(Found):
    """What to look for; every part but the hospital may be left open."""

    hospital_id: Annotated[int, Field(ge=1, le=16_777_215)]
    state: PaymentState | None = None
    channel: Channel | None = None


@router.get("", responses=LISTED)
async def list_payments(
    search: Annotated[PaymentSearch, Query()], db: Db, keys: Keys, who: Viewer
) -> CountedPage[PaymentSeen]:
    """A hospital's payments, newest first unless asked otherwise; sorted by `created_at`."""
    who.require(search.hospital_id)
    wanted = await _wanted(db, search, keys)
    return CountedPage.of(
        await page_of(db, wanted, listing=lists.PAYMENTS, asked=search.asked), PaymentSeen.of
    )


@router.get(".{form}", response_class=Response, responses=EXPORTED)
async def export_payments(
    form: Form, search: Annotated[PaymentSearch, Query()], db: Db, keys: Keys, who: Viewer
) -> Response:
    """The same payments as a file, at most 50,000; the export is kept in the audit trail."""
    who.require(search.hospital_id)
    wanted = await _wanted(db, search, keys)
    parts = parts_of(db, wanted, listing=lists.PAYMENTS, sort=search.sort)
    return await as_download(
        db,
        (partial(payments_sheet, rows) async for rows in parts),
        name="payments",
        form=form,
        search=search,
        who=who,
        hospital_id=search.hospital_id,
    )


async def _wanted(db: AsyncSession, search: PaymentSearch, keys: KeyRing) -> Select[Payment]:
    return lists.payments(
        lists.PaymentFilter(
            hospital_id=search.hospital_id,
            state=search.state,
            channel=search.channel,
            span=search.span,
            order_ids=await order_ids(db, q=search.q, hospital_id=search.hospital_id, keys=keys),
        )
    )
