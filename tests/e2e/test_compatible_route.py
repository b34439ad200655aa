from __future__ import annotations

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories.booking import make_booker
from tests.factories.scheduling import counters, make_slot

pytestmark = pytest.mark.anyio


async def test_the_route_of_the_original_design_books_in_its_envelope(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    booker = await make_booker(db)
    slot = await make_slot(db, capacity=1, fee_fen=5000)
    await db.commit()
    wish = {"slot_id": str(slot.id), "patient_id": str(booker.patient_id)}

    made = await client.post(
        "/api/appointment", json=wish, headers=booker.headers | {"Idempotency-Key": "one"}
    )
    again = await client.post(
        "/api/appointment", json=wish, headers=booker.headers | {"Idempotency-Key": "one"}
    )

    answer = made.json()
    assert (made.status_code, answer["code"], answer["message"]) == (200, 200, "预约成功")
    assert (answer["data"]["state"], answer["data"]["amount_fen"]) == ("held", 5000)
    assert again.content == made.content
    assert await counters(db, slot.id) == {"held": 1}
