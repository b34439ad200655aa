"""Filling an empty installation with the demo; a filled one is left alone."""

from __future__ import annotations

from collections.abc import Collection
from importlib.resources import as_file

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from guahao.catalog.models import Hospital
from guahao.kernel.crypto import KeyRing
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.i18n import text
from guahao.payment.models import PaymentSetting
from guahao.payment.policy import SECOND_PERSON_OVER_FEN
from guahao.scheduling.service.materialise import materialise_due
from guahao.web.demo.accounts import DemoAccount, create_accounts, demo_accounts
from guahao.web.demo.generate import SHIPPED, build
from guahao.web.workbook.apply import Progress
from guahao.web.workbook.load import load_workbook, tell_nobody
from guahao.web.workbook.rows import Fault


class DemoBrokenError(Exception):
    """The shipped workbook does not import; a defect, since a test imports it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        """Tell every fault."""
        super().__init__("\n".join(map(str, faults)))


class DemoHospital(msgspec.Struct, frozen=True, kw_only=True):
    """A hospital of the demo, by its number as routes take it."""

    id: str
    code: str
    name: str


class DemoReport(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to try, whether it was made just now or before."""

    accounts: tuple[DemoAccount, ...]
    hospitals: tuple[DemoHospital, ...]
    sessions_made: int


async def load_demo(sessions: Sessions, *, key_ring: KeyRing, progress: Progress = tell_nobody) -> DemoReport:
    """Make the demo's hospitals, sessions, staff, accounts and patients, as far as they are missing.

    Hospitals that exist are not imported again, so changes made while trying out stay. Each part is
    a transaction of its own; a run that was cut off is completed by the next one.
    """
    hospitals = await _hospitals(sessions)
    if not hospitals:
        with as_file(SHIPPED) as path:
            report = await load_workbook(sessions, path, progress=progress)
        if report.is_refused:
            raise DemoBrokenError(report.faults)
        hospitals = await _hospitals(sessions)
    hospital_ids = {one.code: int(one.id) for one in hospitals}
    await create_accounts(sessions, hospital_ids=hospital_ids, key_ring=key_ring)
    await _offer_alipay(sessions, hospital_ids.values())
    made = await _materialise(sessions, progress)
    return DemoReport(accounts=demo_accounts(), hospitals=hospitals, sessions_made=made)


async def _hospitals(sessions: Sessions) -> tuple[DemoHospital, ...]:
    codes = [row.code for row in build().hospital]
    async with transaction(sessions) as db:
        found = await db.execute(
            select(Hospital.id, Hospital.code, Hospital.name)
            .where(Hospital.code.in_(codes))
            .order_by(Hospital.id)
        )
        return tuple(DemoHospital(id=str(row.id), code=row.code, name=row.name) for row in found)


async def _offer_alipay(sessions: Sessions, hospital_ids: Collection[int]) -> None:
    """Let patients try both ways to pay; what a hospital has chosen since stays."""
    offers = [
        {
            "hospital_id": hospital_id,
            "is_alipay_offered": True,
            "second_person_over_fen": SECOND_PERSON_OVER_FEN,
        }
        for hospital_id in hospital_ids
    ]
    async with transaction(sessions) as db:
        await db.execute(insert(PaymentSetting).on_conflict_do_nothing(), offers)


async def _materialise(sessions: Sessions, progress: Progress) -> int:
    """Make the sessions that are due now, as the worker would within seconds."""
    total = 0
    while True:
        async with transaction(sessions) as db:
            made = await materialise_due(db)
        if not made:
            return total
        total += made
        progress(text("workbook.sessions"), total, total)
