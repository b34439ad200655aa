from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.catalog.models import FeeChange, FeeChangeState, FeeItem
from guahao.catalog.policy.price import MOST_ALONE_FEN, needs_second_person
from guahao.kernel.db import constraint_of
from tests.factories.catalog import make_doctor, make_hospital, staff_headers

pytestmark = pytest.mark.anyio
STAFF = "/api/v1/staff"
FEE = {"level": "expert", "fee_fen": 5000, "effective_from": "2026-01-01"}


@dataclass(frozen=True, kw_only=True)
class House:
    """A hospital with the people who set prices."""

    client: httpx.AsyncClient
    hospital_id: int
    admin: dict[str, str]
    second: dict[str, str]
    finance: dict[str, str]

    async def set(self, **fee: Any) -> httpx.Response:
        """The admin sets a new price."""
        path = f"{STAFF}/hospitals/{self.hospital_id}/fees"
        return await self.client.post(path, json=FEE | fee, headers=self.admin)

    async def put(self, id_: str, **fee: Any) -> httpx.Response:
        """The admin corrects a price."""
        return await self.client.put(f"{STAFF}/fees/{id_}", json=FEE | fee, headers=self.admin)

    async def decide(self, id_: str, verb: str, who: dict[str, str]) -> httpx.Response:
        return await self.client.post(f"{STAFF}/fee-changes/{id_}/{verb}", headers=who)

    async def prices(self) -> list[int]:
        listed = await self.client.get(f"{STAFF}/hospitals/{self.hospital_id}/fees", headers=self.admin)
        return [item["fee_fen"] for item in listed.json()["items"]]


@pytest.fixture
async def house(client: httpx.AsyncClient, db: AsyncSession) -> House:
    hospital_id = await make_hospital(db)
    made = House(
        client=client,
        hospital_id=hospital_id,
        admin=await staff_headers(db, hospital_id=hospital_id),
        second=await staff_headers(db, hospital_id=hospital_id),
        finance=await staff_headers(db, hospital_id=hospital_id, role="finance"),
    )
    await db.commit()
    return made


@given(before=st.integers(0, 10_000_000), after=st.integers(0, 10_000_000))
def test_one_person_moves_a_price_by_half_or_50_yuan_at_most(before: int, after: int) -> None:
    moved = abs(after - before)

    assert needs_second_person(before_fen=before, after_fen=after) == (
        moved > MOST_ALONE_FEN or 2 * moved > before
    )


@pytest.mark.parametrize("fee_fen", [7500, 2500, 5000])
async def test_a_small_change_of_a_price_holds_at_once(house: House, fee_fen: int) -> None:
    made = await house.set()

    saved = await house.put(made.json()["id"], version=1, fee_fen=fee_fen)

    assert (made.status_code, saved.status_code, saved.json()["version"]) == (201, 200, 2)
    assert await house.prices() == [fee_fen]


@pytest.mark.parametrize("fee_fen", [7501, 2499, 0, 1_000_000])
async def test_row_55_a_large_change_of_a_price_waits_for_another_person(
    house: House, db: AsyncSession, fee_fen: int
) -> None:
    made = await house.set()
    waiting = await house.put(made.json()["id"], version=1, fee_fen=fee_fen)
    id_ = waiting.json()["id"]
    assert waiting.status_code == 202
    assert (waiting.json()["state"], waiting.json()["before_fen"]) == ("proposed", 5000)

    own = await house.decide(id_, "approve", house.admin)
    assert (own.status_code, own.json()["code"]) == (409, "same-person")
    assert await house.prices() == [5000]

    approved = await house.decide(id_, "approve", house.finance)
    assert (approved.status_code, approved.json()["state"]) == (200, "approved")
    assert await house.prices() == [fee_fen]
    trail = await db.scalars(
        select(AuditEntryRow.action)
        .where(AuditEntryRow.action.startswith("fee_"))
        .order_by(AuditEntryRow.at, AuditEntryRow.id)
    )
    assert Counter(trail) == Counter(
        ["fee_item.create", "fee_change.propose", "fee_change.approved", "fee_item.update"]
    )


async def test_row_55_a_new_price_far_from_the_last_waits_too(house: House) -> None:
    await house.set()

    near = await house.set(fee_fen=7000, effective_from="2026-06-01")
    far = await house.set(fee_fen=20_000, effective_from="2027-01-01")

    assert (near.status_code, far.status_code, far.json()["fee_id"]) == (201, 202, None)
    assert await house.prices() == [7000, 5000]
    assert (await house.decide(far.json()["id"], "approve", house.second)).status_code == 200
    assert await house.prices() == [20_000, 7000, 5000]


async def test_row_55_small_steps_by_one_person_count_together(house: House) -> None:
    made = await house.set()
    id_ = made.json()["id"]

    steps = [await house.put(id_, version=version, fee_fen=fen) for version, fen in ((1, 7000), (2, 9000))]

    assert [step.status_code for step in steps] == [200, 202]
    assert await house.prices() == [7000]


async def test_row_55_moving_a_price_to_another_place_is_a_change_of_both(house: House) -> None:
    await house.set()
    dear = await house.set(level="special", fee_fen=30_000)
    assert dear.status_code == 201

    moved = await house.put(dear.json()["id"], level="expert", effective_from="2026-02-01", version=1)

    assert moved.status_code == 202
    assert sorted(await house.prices()) == [5000, 30_000]


async def test_a_doctors_own_price_is_measured_by_that_of_the_level(house: House, db: AsyncSession) -> None:
    await make_doctor(db, hospital_id=house.hospital_id, code="D1")
    await db.commit()
    await house.set()

    far = await house.set(doctor_code="D1", fee_fen=50_000)
    near = await house.set(doctor_code="D1", fee_fen=6000)

    assert (far.status_code, near.status_code) == (202, 201)


async def test_a_doctors_first_price_goes_on_with_the_steps_of_the_level(
    house: House, db: AsyncSession
) -> None:
    await make_doctor(db, hospital_id=house.hospital_id, code="D1")
    await db.commit()
    level = await house.set()
    raised = await house.put(level.json()["id"], version=1, fee_fen=7500)

    first = await house.set(doctor_code="D1", fee_fen=11_000)

    assert (raised.status_code, first.status_code) == (200, 202)
    assert await house.prices() == [7500]


async def test_two_approvers_at_once_change_a_price_once(house: House, db: AsyncSession) -> None:
    made = await house.set()
    waiting = await house.put(made.json()["id"], version=1, fee_fen=50_000)
    id_ = waiting.json()["id"]

    answers = await asyncio.gather(
        house.decide(id_, "approve", house.second),
        house.decide(id_, "approve", house.finance),
        house.decide(id_, "reject", house.finance),
    )

    codes = Counter(answer.json().get("code", "decided") for answer in answers)
    assert codes == {"decided": 1, "fee-change-decided": 2}
    fee = (await db.scalars(select(FeeItem))).one()
    assert (fee.fee_fen, fee.version) in {(50_000, 2), (5000, 1)}


async def test_a_rejected_price_never_holds(house: House) -> None:
    made = await house.set()
    waiting = await house.put(made.json()["id"], version=1, fee_fen=50_000)

    rejected = await house.decide(waiting.json()["id"], "reject", house.second)

    assert rejected.json()["state"] == "rejected"
    assert await house.prices() == [5000]
    listed = await house.client.get(
        f"{STAFF}/fee-changes?hospital_id={house.hospital_id}&state=rejected", headers=house.admin
    )
    assert [item["id"] for item in listed.json()["items"]] == [waiting.json()["id"]]


async def test_a_price_that_was_edited_meanwhile_is_not_overwritten(house: House) -> None:
    made = await house.set()
    id_ = made.json()["id"]
    waiting = await house.put(id_, version=1, fee_fen=50_000)
    await house.put(id_, version=1, fee_fen=5100)

    late = await house.decide(waiting.json()["id"], "approve", house.second)
    stale = await house.put(id_, version=1, fee_fen=60_000)

    assert (late.status_code, late.json()["code"]) == (409, "edit-conflict")
    assert (stale.status_code, stale.json()["code"]) == (409, "edit-conflict")
    assert await house.prices() == [5100]


async def test_nobody_else_decides_about_prices(house: House, db: AsyncSession) -> None:
    made = await house.set()
    waiting = await house.put(made.json()["id"], version=1, fee_fen=50_000)
    desk = await staff_headers(db, hospital_id=house.hospital_id, role="desk")
    foreign = await staff_headers(db, hospital_id=house.hospital_id + 1)
    await db.commit()

    for verb in ("approve", "reject"):
        answers = [await house.decide(waiting.json()["id"], verb, who) for who in ({}, desk, foreign)]
        assert [answer.status_code for answer in answers] == [401, 403, 404]
    listed = await house.client.get(f"{STAFF}/fee-changes?hospital_id={house.hospital_id}", headers=foreign)
    assert listed.status_code == 404
    assert await house.prices() == [5000]


async def test_the_database_itself_refuses_a_price_approved_by_its_author(
    house: House, db: AsyncSession
) -> None:
    made = await house.set()
    await house.put(made.json()["id"], version=1, fee_fen=50_000)
    change = (await db.scalars(select(FeeChange).where(FeeChange.state == "proposed"))).one()
    change.state, change.decided_at = FeeChangeState.APPROVED, change.proposed_at
    change.decided_by = change.proposed_by

    with pytest.raises(IntegrityError) as refused:
        await db.flush()

    assert constraint_of(refused.value) == "fee_change_decided_by_another"
