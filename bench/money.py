"""Money: one notification and one prepayment alone; notifications over HTTP against the raw database."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import asyncpg

from bench import client, raw_money, seed, stage
from bench.report import figure, line, ratio
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, make_engine, make_sessions, transaction
from guahao.kernel.settings import Environment, Settings
from guahao.payment.ports import Channel, Gateway, Paid, Prepayment, Provider
from guahao.payment.service.facts import apply_paid
from guahao.sandbox.keys import SandboxKeys
from guahao.sandbox.models import Disorder, SandboxDelivery
from guahao.sandbox.wechat_pay import WeChatNotifier
from guahao.sandbox.wechat_pay.message import Signing
from guahao.web.money import providers

CONNECTIONS = 32
ROUNDS = 3
PAID = 3_000
REPEATED = 1_000
"""So many of the notifications of a round are sent once more, somewhere among the others."""
RAW_SECONDS = 5
RAW_CLIENTS = 32
ONE_BY_ONE = 500
PAYMENTS = 150_000
RAW_PAYMENTS = 100_000
"""Payments above this number belong to the raw baseline."""

_PAYMENTS = f"""
INSERT INTO payment_order (hospital_id, id, subject, amount_fen, state, expires_at)
  SELECT 1, {seed.SLOT_ID.format(n="n")}, 'bench:' || n, 5000, 'paying', now() + interval '1 hour'
  FROM generate_series(1, {PAYMENTS}) n;
INSERT INTO payment (hospital_id, id, order_id, channel, state, amount_fen, expires_at, due_at)
  SELECT 1, {seed.SLOT_ID.format(n="n")}, {seed.SLOT_ID.format(n="n")}, 'wechat_jsapi', 'open', 5000,
    now() + interval '1 hour', now() + interval '1 hour' FROM generate_series(1, {PAYMENTS}) n;
CREATE SEQUENCE bench_payment START {RAW_PAYMENTS + 1};
VACUUM ANALYZE payment_order;
VACUUM ANALYZE payment;
"""


async def _open_payments(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in _PAYMENTS.split(";\n"):
            if statement.strip():
                await connection.execute(statement)
    finally:
        await connection.close()


class WeChat:
    """WeChat Pay's side: signs a notification for each payment, once."""

    def __init__(self, folder: Path) -> None:
        """Use the keys of the installation in `folder`."""
        self.settings = Settings(environment=Environment.DEMO, data_dir=folder)
        self._notifier = WeChatNotifier(SandboxKeys.load(self.settings.keys_path / "sandbox"))
        self._numbers = iter(range(1, RAW_PAYMENTS + 1))

    def notification(self) -> tuple[dict[str, str], bytes]:
        """The next notification, as headers and body."""
        number = next(self._numbers)
        now = utc_now()
        content = {
            "appid": self.settings.wechat_app_id,
            "mchid": self.settings.wechat_pay_mchid,
            "out_trade_no": seed.slot_id(number).replace("-", ""),
            "transaction_id": f"4200{number:024d}",
            "trade_type": "JSAPI",
            "trade_state": "SUCCESS",
            "success_time": now.isoformat(timespec="seconds"),
            "payer": {"openid": "bench"},
            "amount": {"total": 5000, "payer_total": 5000, "currency": "CNY", "payer_currency": "CNY"},
        }
        row = SandboxDelivery(
            id=number,
            event_id=f"bench-{number}",
            event="TRANSACTION.SUCCESS",
            created_at=now,
            content={"resource": content, "signing": Signing.KEY.value},
        )
        outgoing = self._notifier.write(row, Disorder.NONE, now=now)
        return dict(outgoing.headers), outgoing.body

    def requests(self, paid: int, repeated: int) -> list[bytes]:
        """Requests for so many payments, some of them twice, in any order."""
        once = [
            client.post_signed("/callbacks/wechat-pay", body, headers)
            for headers, body in (self.notification() for _ in range(paid))
        ]
        every = once + random.sample(once, repeated)
        random.shuffle(every)
        return every


def one_by_one(folder: Path) -> Iterator[str]:
    """Tell what one notification and one prepayment cost, one after the other."""
    with stage.database(folder) as dsn:
        asyncio.run(seed.seed(dsn, seed.Town(people=10)))
        asyncio.run(_open_payments(dsn))
        yield from asyncio.run(_one_by_one(dsn, WeChat(folder)))


async def _one_by_one(dsn: str, wechat: WeChat) -> list[str]:
    engine = make_engine(dsn, plans_once=True)
    sessions = make_sessions(engine)
    gateway = providers(wechat.settings, sessions).gateways[Provider.WECHAT]
    told = [wechat.notification() for _ in range(2 * ONE_BY_ONE)]

    async def read(number: int) -> None:
        _read(gateway, told[number])

    async def read_and_apply(number: int) -> None:
        await _apply(sessions, _read(gateway, told[ONE_BY_ONE + number]))

    async def prepay(number: int) -> None:
        await gateway.prepay(_prepayment(number))

    lines = [
        figure("verify and decrypt a notification", await _mean_us(read), "us"),
        figure("verify, decrypt and apply it (one transaction)", await _mean_us(read_and_apply), "us"),
        figure("prepay at the sandbox in process, both sides signing", await _mean_us(prepay), "us"),
    ]
    await engine.dispose()
    return lines


def _read(gateway: Gateway, one: tuple[dict[str, str], bytes]) -> Paid:
    fact = gateway.read_notification(*one, now=utc_now())
    assert isinstance(fact, Paid)
    return fact


async def _apply(sessions: Sessions, fact: Paid) -> None:
    async with transaction(sessions) as db:
        await apply_paid(db, fact)


def _prepayment(number: int) -> Prepayment:
    return Prepayment(
        channel=Channel.WECHAT_JSAPI,
        out_trade_no=f"{number:032x}",
        amount_fen=5000,
        title="基准",
        expires_at=utc_now() + timedelta(minutes=15),
        payer="bench",
        return_url=None,
    )


async def _mean_us(act: Callable[[int], Awaitable[None]]) -> float:
    started = time.perf_counter()
    for number in range(ONE_BY_ONE):
        await act(number)
    return 1e6 * (time.perf_counter() - started) / ONE_BY_ONE


def against_raw(folder: Path) -> Iterator[str]:
    """Tell notifications/s over HTTP, a quarter of them repeated, beside pgbench writing the same rows."""
    with stage.database(folder) as dsn:
        asyncio.run(seed.seed(dsn, seed.Town(people=10)))
        asyncio.run(_open_payments(dsn))
        with stage.serving(dsn, folder, workers=2) as port:
            wechat = WeChat(folder)
            _send(port, wechat, 1_000, 0)
            pairs = []
            for _ in range(ROUNDS):
                http = _send(port, wechat, PAID, REPEATED)
                raw = raw_money.captures_per_second(dsn, clients=RAW_CLIENTS, seconds=RAW_SECONDS)
                pairs.append((http, raw))
    middle = sorted(pairs, key=lambda pair: pair[0].per_second / pair[1])[len(pairs) // 2]
    yield line(f"raw captures/s, pgbench, {RAW_CLIENTS} clients", middle[1])
    yield line(f"HTTP notifications/s, 2 workers, {CONNECTIONS} connections", middle[0].per_second)
    yield f"  p50 {middle[0].percentile_ms(0.5):.0f} ms, p99 {middle[0].percentile_ms(0.99):.0f} ms"
    yield ratio("HTTP / raw", middle[0].per_second / middle[1], 0.35)


def _send(port: int, wechat: WeChat, paid: int, repeated: int) -> client.Load:
    """Send notifications; every one must be acknowledged."""
    load = asyncio.run(client.run(port, wechat.requests(paid, repeated), connections=CONNECTIONS))
    if set(load.statuses) != {204}:
        message = f"not all notifications were acknowledged: {dict(load.statuses)}"
        raise RuntimeError(message)
    return load
