"""Any history of paying, ending, refunding and being told: the books, the provider and a model agree."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from typing import Any, TypeVar
from uuid import UUID

import httpx
import hypothesis
import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from guahao.identity.policy.permission import Role
from guahao.kernel.db import make_engine, make_sessions, transaction
from guahao.kernel.ids import hospital_of
from guahao.kernel.settings import Settings
from guahao.payment.ports import Provider
from guahao.sandbox.keys import SandboxKeys
from guahao.sandbox.models import Disorder
from guahao.web.app import create_app
from guahao.web.money import providers
from tests.factories.books import require_rest, require_sound
from tests.factories.office import Member, hire
from tests.factories.till import Held, Till

T = TypeVar("T")
FEE_FEN = 50_000
EXAMPLES, STEPS = 16, 25
CHANNELS = st.sampled_from(("wechat_jsapi", "wechat_native", "alipay_qr"))
FAULTS = st.sampled_from(
    [
        (provider, kind)
        for provider in ("wechat", "alipay")
        for kind in (
            "notify_never",
            "notify_twice",
            "notify_tampered",
            "cut_after_commit",
            "error_after_commit",
            "close_race",
        )
    ]
    + [("wechat", kind) for kind in ("refund_abnormal", "refund_closed", "notify_probe", "migration")]
)


class World:
    """The application on one event loop, kept for all examples; every example finds it empty."""

    def __init__(self, database: str, config: Settings) -> None:
        self.runner, self.config = asyncio.Runner(), config
        self.engine: AsyncEngine = make_engine(database)
        self.sessions = make_sessions(self.engine)
        app = create_app(config, sessions=self.sessions)
        transport = httpx.ASGITransport(app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://guahao.test")
        keys = SandboxKeys.load(config.keys_path / "sandbox")
        self.till = Till(app=app, client=self.client, sessions=self.sessions, keys=keys)

    def do(self, deed: Awaitable[T]) -> T:
        async def wait() -> T:
            return await deed

        return self.runner.run(wait())

    async def empty(self) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(text("CALL test.clean()"))

    def mend(self) -> None:
        """Let the circuits forget what went wrong, as time would."""
        self.till.app.state.gateways = providers(self.config, self.sessions).gateways

    def close(self) -> None:
        self.do(self.client.aclose())
        self.do(self.engine.dispose())
        self.runner.close()


class Money(RuleBasedStateMachine):
    """What everybody may do to two orders, in any order."""

    world: World
    held = Bundle("held")
    opened = Bundle("opened")

    def __init__(self) -> None:
        super().__init__()
        self.do, self.till = self.world.do, self.world.till
        self.orders: list[Held] = []
        self.paid: dict[str, set[str]] = {}
        """Payments that payers made at cashiers, by order."""
        self.given: dict[str, int] = {}
        """What staff gave back of each order, in fen, also if it still waits for a second person."""
        self.wishes: dict[str, tuple[str, int]] = {}
        """Order and amount of each refund by staff."""

    @initialize(target=held)
    def two_people_hold(self) -> object:
        self.do(self.world.empty())
        self.world.mend()
        first = self.do(self.till.hold(fee_fen=FEE_FEN, capacity=2))
        hospital_id = hospital_of(first.slot_id)
        self.finance, self.second = (
            self.do(hire(self.world.client, self.world.sessions, Role.FINANCE, hospital_id=hospital_id))
            for _ in range(2)
        )
        self.orders = [first, self.do(self.till.hold(slot_id=first.slot_id))]
        self.pay_whole(first, "wechat_jsapi")
        return multiple(*self.orders)

    @rule(held=held, channel=CHANNELS)
    def pay_whole(self, held: Held, channel: str) -> None:
        """The usual way at once, so that histories get beyond it."""
        answer = self.do(self.till.pay(held.headers, held.order_id, channel=channel))
        if answer.status_code == 201:
            self.pay((held, answer))
            self.do(self.till.deliver())
            self.do(self.till.tell())

    @rule(target=opened, held=held, channel=CHANNELS)
    def open(self, held: Held, channel: str) -> object:
        answer = self.do(self.till.pay(held.headers, held.order_id, channel=channel))
        assert answer.status_code in {201, 409, 429, 503}, answer.text
        if answer.status_code != 201:
            return multiple()
        assert answer.json()["amount_fen"] == FEE_FEN
        return (held, answer)

    @rule(one=opened)
    def pay(self, one: tuple[Held, httpx.Response]) -> None:
        held, opened = one
        answer = self.do(self.till.at_cashier(opened))
        assert answer.status_code in {200, 409}, answer.text
        if answer.status_code == 200:
            self.paid.setdefault(held.order_id, set()).add(opened.json()["id"])

    @rule(one=opened, deed=st.sampled_from(("cancel", "wrong-password")))
    def turn_back(self, one: tuple[Held, httpx.Response], deed: str) -> None:
        assert self.do(self.till.at_cashier(one[1], deed)).status_code == 200

    @rule()
    def deliver(self) -> None:
        self.do(self.till.deliver())

    @rule(data=st.data(), disorder=st.sampled_from(Disorder))
    def say_again(self, data: st.DataObject, disorder: Disorder) -> None:
        letters = self.do(self.till.letters())
        if letters:
            letter = data.draw(st.sampled_from(letters))
            path = letter.notify_url.rpartition("/")[2]
            answer = self.do(self.till.post(path, self.till.written(letter, disorder=disorder)))
            assert answer.status_code in ({200, 204} if disorder is Disorder.NONE else {401})

    @rule(fault=FAULTS, times=st.integers(1, 3))
    def go_wrong(self, fault: tuple[str, str], times: int) -> None:
        provider, kind = fault
        self.do(self.till.fault(kind, provider=provider, times=times))

    @rule()
    def ask(self) -> None:
        self.do(self.till.hurry())
        self.do(self.till.errands("ask_about_payments"))

    @rule()
    def send_refunds(self) -> None:
        self.do(self.till.hurry())
        self.do(self.till.errands("send_refunds", "follow_refunds"))

    @rule()
    def tell(self) -> None:
        self.do(self.till.tell())

    @rule(held=held)
    def expire(self, held: Held) -> None:
        self.do(self.till.over(held))
        self.do(self.till.expire())

    @rule(held=held)
    def cancel(self, held: Held) -> None:
        assert self.do(self.till.cancel(held)).status_code in {200, 409}

    @rule(held=held, amount_fen=st.sampled_from((1, 100, 19_999, 20_001, 49_999, FEE_FEN, FEE_FEN + 1)))
    def give_back(self, held: Held, amount_fen: int) -> None:
        answer = self.do(
            self.finance.post(f"/orders/{held.order_id}/refunds", amount_fen=amount_fen, note="多收了")
        )
        assert answer.status_code in {201, 409}, answer.text
        if answer.status_code == 201:
            self.given[held.order_id] = self.given.get(held.order_id, 0) + amount_fen
            assert self.given[held.order_id] <= FEE_FEN
            self.wishes[answer.json()["id"]] = (held.order_id, amount_fen)

    @rule(is_approved=st.booleans())
    def decide(self, is_approved: bool) -> None:  # drawn by hypothesis
        for refund_id in self._refunds("awaiting_approval"):
            own = self.do(self.finance.post(f"/refunds/{refund_id}/approve"))
            assert own.status_code == 409
            self._decide(self.second, refund_id, is_approved=is_approved)

    def _decide(self, who: Member, refund_id: str, *, is_approved: bool) -> None:
        if is_approved:
            answer = self.do(who.post(f"/refunds/{refund_id}/approve"))
        else:
            answer = self.do(who.post(f"/refunds/{refund_id}/reject", note="不对"))
            order_id, amount_fen = self.wishes[refund_id]
            self.given[order_id] -= amount_fen
        assert answer.status_code == 200, answer.text

    @rule(provider=st.sampled_from((Provider.WECHAT, Provider.ALIPAY)))
    @precondition(lambda self: self.paid)
    def reconcile(self, provider: Provider) -> None:
        self.do(self.till.bill(provider))

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        self.do(require_sound(self.world.sessions))

    def teardown(self) -> None:
        if self.orders:
            self._come_to_rest()
            self.do(require_rest(self.world.sessions))
            for held in self.orders:
                self._agrees_with_the_model(held)

    def _come_to_rest(self) -> None:
        """Faults are over, all time passes, and people of finance do what is theirs to do."""
        assert self.do(self.world.client.delete("/sandbox/faults")).status_code == 204
        self.world.mend()
        self.decide(is_approved=True)
        for held in self.orders:
            self.expire(held)
        self.do(self.till.rest())
        for refund_id in self._refunds("abnormal"):
            answer = self.do(self.finance.post(f"/refunds/{refund_id}/hand-over", note="现金"))
            assert answer.status_code == 200, answer.text
            self._decide(self.second, refund_id, is_approved=True)
        self.do(self.till.rest())

    def _refunds(self, state: str) -> list[str]:
        ids = "SELECT id FROM refund WHERE state = :name ORDER BY id"
        return [str(row[0]) for row in self._rows(ids, name=state)]

    def _rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        async def found() -> list[tuple[Any, ...]]:
            async with transaction(self.world.sessions) as db:
                return [tuple(row) for row in await db.execute(text(statement), values)]

        return self.do(found())

    def _agrees_with_the_model(self, held: Held) -> None:
        """What stands keeps its fee but for what staff gave back; all the rest is back, to the fen."""
        order_id = UUID(held.order_id)
        captured = {
            str(id_): fen
            for id_, fen in self._rows(
                "SELECT id, captured_fen FROM payment WHERE order_id = :order_id AND captured_fen > 0",
                order_id=order_id,
            )
        }
        ((back,),) = self._rows(
            "SELECT coalesce(sum(amount_fen), 0) FROM refund WHERE order_id = :order_id"
            " AND state = 'success'",
            order_id=order_id,
        )
        assert self.paid.get(held.order_id, set()) <= captured.keys()
        is_booked = self.do(self.till.appointment(held)) == "booked"
        kept = FEE_FEN - self.given.get(held.order_id, 0) if is_booked else 0
        assert sum(captured.values()) == kept + back


@pytest.fixture
def world(database: str, settings: Settings) -> Iterator[World]:
    made = World(database, settings)
    yield made
    made.close()


@pytest.mark.timeout(300)
def test_every_history_keeps_the_books_in_order(world: World) -> None:
    class Here(Money):
        pass

    Here.world = world
    run_state_machine_as_test(
        Here,
        settings=hypothesis.settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
