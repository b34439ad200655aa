from __future__ import annotations

import pytest

from guahao.kernel.limit import TokenBuckets
from tests.factories.books import require_rest
from tests.factories.till import Till

pytestmark = pytest.mark.anyio


async def test_who_has_paid_and_asks_again_before_we_heard_of_it_is_not_asked_to_pay_twice(
    till: Till,
) -> None:
    held = await till.hold()
    assert (await till.at_cashier(await till.open(held))).status_code == 200

    again = await till.pay(held.headers, held.order_id)

    assert (again.status_code, again.json()["code"], again.json()["state"]) == (
        409,
        "order-not-payable",
        "paid",
    )
    await till.settle()
    assert await till.appointment(held) == "booked"
    await require_rest(till.sessions)


async def test_one_account_cannot_use_up_the_providers_patience(till: Till) -> None:
    till.app.state.buckets = TokenBuckets(clock=lambda: 0.0)  # a minute that does not pass
    held = await till.hold()

    codes = [(await till.pay(held.headers, held.order_id)).status_code for _ in range(31)]

    assert codes == [*[201] * 30, 429]
