from __future__ import annotations

import asyncio
import base64
import json
import queue
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Request
from sqlalchemy import text
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.utils import rsa_sign

from guahao.adapters import wechat_pay as ours
from guahao.kernel import jobs
from guahao.kernel.clock import utc_now
from guahao.kernel.db import make_engine, make_sessions
from guahao.kernel.settings import Settings
from guahao.payment.ports import Channel, Paid, Prepayment
from guahao.sandbox import port, wechat_pay
from guahao.sandbox.jobs import errands
from guahao.sandbox.keys import KEY_ID, SandboxKeys
from tests.sandbox.wechat_merchant import APP_ID, MCHID, SERIAL, pages_alone

_PORTS = range(21_000, 31_000, 37)
_PATIENCE_S = 20


@dataclass
class Running:
    """A sandbox on a port, with its keys and what it has told the merchant."""

    folder: Path
    keys: SandboxKeys
    address: str
    told: queue.Queue[tuple[dict[str, str], bytes]] = field(default_factory=queue.Queue)

    def pay(self, prepay_id: str) -> None:
        path = f"/sandbox/wechat-pay/{prepay_id}/pay"
        assert httpx.post(f"{self.address}{path}").json()["state"] == "paid"

    def next_told(self) -> tuple[dict[str, str], bytes]:
        return self.told.get(timeout=_PATIENCE_S)

    def package(self, *, certificates: bool = False, key: Path | None = None) -> Any:
        """The package, told where the sandbox is: it has no public way for that."""
        public = (self.folder / "wechat_pay_keys" / f"{KEY_ID}.pem").read_text()
        shop = WeChatPay(
            wechatpay_type=WeChatPayType.MINIPROG,
            mchid=MCHID,
            private_key=(key or self.folder / "wechat_pay_merchant.pem").read_text(),
            cert_serial_no=SERIAL,
            appid=APP_ID,
            apiv3_key=(self.folder / "wechat_pay_apiv3.txt").read_text().split()[0],
            notify_url=f"{self.address}/sandbox/told",
            public_key=public,
            public_key_id=KEY_ID,
            timeout=(5, 15),
        )
        shop._core._gate_way = self.address
        if certificates:
            shop._core._public_key = shop._core._public_key_id = None
            shop._core._init_certificates()
        return shop


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("keys") / "sandbox"
    SandboxKeys.load(made)
    return made


@pytest.fixture
def running(database: str, settings: Settings, folder: Path) -> Iterator[Running]:
    listening = _socket()
    keys = SandboxKeys.load(folder)
    found = Running(folder=folder, keys=keys, address=f"http://127.0.0.1:{listening.getsockname()[1]}")
    ready, told_to_stop = threading.Event(), threading.Event()
    serving = _serve(
        found, database=database, settings=settings, listening=listening, ready=ready, told=told_to_stop
    )
    thread = threading.Thread(target=asyncio.run, args=(serving,))
    thread.start()
    assert ready.wait(_PATIENCE_S)
    yield found
    told_to_stop.set()
    thread.join(_PATIENCE_S)
    listening.close()


def _socket() -> socket.socket:
    """Listen on a port below those that the system gives to others."""
    for number in _PORTS:
        listening = socket.socket()
        try:
            listening.bind(("127.0.0.1", number))
        except OSError:
            listening.close()
            continue
        listening.listen()
        return listening
    raise AssertionError


async def _serve(
    found: Running,
    *,
    database: str,
    settings: Settings,
    listening: socket.socket,
    ready: threading.Event,
    told: threading.Event,
) -> None:
    engine = make_engine(database)
    async with engine.begin() as connection:
        await connection.execute(text("CALL test.clean()"))
    sessions = make_sessions(engine)
    pages = pages_alone(sessions, settings, clock=utc_now)

    @pages.post("/sandbox/told", status_code=204)
    async def hear(request: Request) -> None:
        found.told.put((dict(request.headers), await request.body()))

    merchant = wechat_pay.Merchant(mchid=MCHID, app_id=APP_ID, serial=SERIAL)
    simulator = wechat_pay.app(sessions, found.keys, merchant=merchant, time_scale=1)
    simulators = port.together(wechat_pay=simulator, alipay=pages, weixin=pages, sms=pages, pages=pages)
    server = uvicorn.Server(uvicorn.Config(simulators, log_config=None, lifespan="off"))
    stopping = asyncio.Event()
    async with httpx.AsyncClient() as http:
        work = errands(found.keys, http, mchid=MCHID, time_scale=1)
        running = asyncio.gather(server.serve(sockets=[listening]), jobs.run_due(sessions, work, stopping))
        ready.set()
        await asyncio.to_thread(told.wait)
        server.should_exit = True
        stopping.set()
        await running
    await engine.dispose()


def prepay(package: Any, number: str) -> str:
    code, answered = package.pay(
        description="门诊挂号", out_trade_no=number, amount={"total": 5000}, payer={"openid": "openid-1"}
    )
    assert code == 200, answered
    prepay_id: str = json.loads(answered)["prepay_id"]
    return prepay_id


def state(answered: tuple[int, str], name: str = "trade_state") -> tuple[int, str]:
    return answered[0], json.loads(answered[1])[name]


def test_the_package_pays_asks_and_reads_our_notification(running: Running) -> None:
    package = running.package()
    prepay_id = prepay(package, "contract-1")
    assert state(package.query(out_trade_no="contract-1")) == (200, "NOTPAY")

    running.pay(prepay_id)

    assert state(package.query(out_trade_no="contract-1")) == (200, "SUCCESS")
    told = package.callback(*running.next_told())
    assert told["event_type"] == "TRANSACTION.SUCCESS"
    assert told["resource"]["out_trade_no"] == "contract-1"
    assert told["resource"]["amount"]["total"] == 5000
    by_id = package.query(transaction_id=told["resource"]["transaction_id"])
    assert state(by_id) == (200, "SUCCESS")


def test_the_package_refunds_and_reads_our_notification(running: Running) -> None:
    package = running.package()
    running.pay(prepay(package, "contract-2"))
    running.next_told()

    answered = package.refund(
        out_refund_no="contract-2R1",
        amount={"refund": 2000, "total": 5000, "currency": "CNY"},
        out_trade_no="contract-2",
        reason="取消预约",
        notify_url=f"{running.address}/sandbox/told",
    )

    assert state(answered, "status") == (200, "PROCESSING")
    told = package.callback(*running.next_told())
    assert (told["event_type"], told["resource"]["out_refund_no"]) == ("REFUND.SUCCESS", "contract-2R1")
    assert state(package.query_refund(out_refund_no="contract-2R1"), "status") == (200, "SUCCESS")
    assert state(package.query(out_trade_no="contract-2")) == (200, "REFUND")


def test_the_package_closes_and_fetches_bills(running: Running) -> None:
    package = running.package()
    running.pay(prepay(package, "contract-3"))
    prepay(package, "contract-4")

    assert package.close(out_trade_no="contract-4")[0] == 204
    assert state(package.close(out_trade_no="contract-3"), "code") == (400, "ORDERPAID")
    today = (utc_now() + timedelta(hours=8)).date().isoformat()
    code, offered = package.trade_bill(bill_date=today, tar_type=None)
    fetched = package.download_bill(json.loads(offered)["download_url"])

    assert (code, fetched[0]) == (200, 200)
    assert b"contract-3" in fetched[1]


def test_the_package_works_with_platform_certificates(running: Running) -> None:
    lasting = {"provider": "wechat", "kind": "certificate", "times": None}
    httpx.put(f"{running.address}/sandbox/faults", json=lasting).raise_for_status()

    package = running.package(certificates=True)
    running.pay(prepay(package, "contract-5"))

    assert state(package.query(out_trade_no="contract-5")) == (200, "SUCCESS")
    assert package.callback(*running.next_told())["resource"]["out_trade_no"] == "contract-5"


def test_the_package_believes_no_tampered_notification(running: Running) -> None:
    fault = {"provider": "wechat", "kind": "notify_tampered"}
    httpx.put(f"{running.address}/sandbox/faults", json=fault).raise_for_status()
    package = running.package()
    running.pay(prepay(package, "contract-6"))

    assert package.callback(*running.next_told()) is None


def test_the_sandbox_refuses_the_package_with_a_key_of_somebody_else(running: Running) -> None:
    stranger = running.package(key=running.folder / "alipay_app.pem")

    assert state(stranger.query(out_trade_no="contract-7"), "code") == (401, "SIGN_ERROR")


def test_a_cut_connection_is_cut_on_the_wire(running: Running) -> None:
    fault = {"provider": "wechat", "kind": "cut_after_commit"}
    httpx.put(f"{running.address}/sandbox/faults", json=fault).raise_for_status()
    package = running.package()

    with pytest.raises(OSError, match=r"IncompleteRead|Connection"):
        prepay(package, "contract-8")

    assert state(package.query(out_trade_no="contract-8")) == (200, "NOTPAY")


def client(running: Running, http: httpx.AsyncClient) -> ours.WeChatPay:
    keys = ours.WeChatPayKeys.load(running.folder, merchant_serial=SERIAL, key_id=KEY_ID)
    return ours.WeChatPay(
        http,
        endpoint=running.address,
        mchid=MCHID,
        app_id=APP_ID,
        keys=keys,
        notify_url=f"{running.address}/sandbox/told",
        refund_notify_url=f"{running.address}/sandbox/told",
    )


@pytest.mark.anyio
async def test_our_client_signs_for_the_mini_program_as_the_package_does(running: Running) -> None:
    wish = Prepayment(
        channel=Channel.WECHAT_JSAPI,
        out_trade_no="contract-9",
        amount_fen=5000,
        title="门诊挂号",
        expires_at=utc_now().replace(microsecond=0) + timedelta(minutes=15),
        payer="openid-1",
        return_url=None,
    )
    async with httpx.AsyncClient() as http:
        prepared = await client(running, http).prepay(wish)

    params = prepared.params
    signed = [APP_ID, params["timeStamp"], params["nonceStr"], params["package"]]
    assert params["package"] == f"prepay_id={prepared.reference}"
    assert params["paySign"] == running.package().sign(signed)


def told(running: Running) -> str:
    """A notification put together by hand."""
    paid = {
        "appid": APP_ID,
        "mchid": MCHID,
        "out_trade_no": "contract-10",
        "transaction_id": "4200000000202611260000000001",
        "trade_state": "SUCCESS",
        "success_time": "2026-11-26T09:00:00+08:00",
        "amount": {"total": 5000, "payer_total": 5000, "currency": "CNY", "payer_currency": "CNY"},
        "payer": {"openid": "openid-1"},
    }
    hidden = AESGCM(running.keys.apiv3).encrypt(b"abcdefghijkl", json.dumps(paid).encode(), b"transaction")
    return json.dumps(
        {
            "id": "event-1",
            "create_time": "2026-11-26T09:00:00+08:00",
            "resource_type": "encrypt-resource",
            "event_type": "TRANSACTION.SUCCESS",
            "summary": "支付成功",
            "resource": {
                "original_type": "transaction",
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": base64.b64encode(hidden).decode(),
                "associated_data": "transaction",
                "nonce": "abcdefghijkl",
            },
        }
    )


@pytest.mark.anyio
async def test_our_client_believes_what_the_package_signs(running: Running) -> None:
    now = datetime.now(UTC)
    body = told(running)
    stamp = str(int(now.timestamp()))
    headers = {
        "Wechatpay-Serial": KEY_ID,
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": "n0nce",
        "Wechatpay-Signature": rsa_sign(running.keys.platform, f"{stamp}\nn0nce\n{body}\n"),
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }

    async with httpx.AsyncClient() as http:
        read = client(running, http).read_notification(headers, body.encode(), now=now)

    assert isinstance(read, Paid)
    assert (read.out_trade_no, read.amount_fen, read.message_id) == ("contract-10", 5000, "event-1")
