"""The command sandbox: the simulators of WeChat Pay, Alipay, WeChat and SMS on a port, for other SDKs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import httpx
import typer
import uvicorn
from starlette.types import ASGIApp

from guahao.kernel import jobs, log
from guahao.kernel.db import Sessions, make_engine, make_sessions
from guahao.kernel.settings import Environment, Settings
from guahao.sandbox import jobs as sandbox_jobs
from guahao.sandbox import port as sandbox_port
from guahao.sandbox import sms, wechat_pay, weixin_api
from guahao.sandbox.alipay import AlipayShop
from guahao.sandbox.alipay import app as alipay
from guahao.sandbox.keys import SandboxKeys
from guahao.web import configuration, wiring
from guahao.web.app import create_app
from guahao.web.cli.console import Refused, err
from guahao.web.cli.run import require_free_port, require_migrated

_HOST = "127.0.0.1"
_FOLDER = "sandbox"


class _Server(uvicorn.Server):
    """A uvicorn server that leaves the signals to us."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


def sandbox(port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8090) -> None:
    """Serve the simulators of WeChat Pay, Alipay, WeChat and SMS until Ctrl-C; never in production."""
    settings = configuration.load(default=Environment.DEMO)
    if settings.environment is not Environment.DEMO:
        message = "the sandbox does not run with GUAHAO_ENVIRONMENT=production"
        raise Refused(message)
    log.configure(level="WARNING")
    require_free_port(settings.model_copy(update={"host": _HOST, "port": port, "metrics_port": None}))
    with configuration.database(settings) as (found, _):
        asyncio.run(require_migrated(found))
        asyncio.run(_serve(found, port))


async def _serve(settings: Settings, port: int) -> None:
    assert settings.database_url is not None
    wiring.key_ring_of(settings)  # made before the sandbox puts its folder beside those keys
    keys = SandboxKeys.load(settings.keys_path / _FOLDER)
    engine = make_engine(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    sessions = make_sessions(engine)
    simulators = _simulators(settings, sessions, keys, port=port)
    server = _Server(uvicorn.Config(simulators, host=_HOST, port=port, log_config=None, lifespan="off"))
    stopping = asyncio.Event()
    _listen_to_signals(server, stopping)
    async with httpx.AsyncClient() as http:
        work = sandbox_jobs.errands(
            keys, http, mchid=settings.wechat_pay_mchid, time_scale=settings.sandbox_time_scale
        )
        err.print(f"The sandbox is at http://{_HOST}:{port}, its keys in {settings.keys_path / _FOLDER}.")
        await asyncio.gather(server.serve(), jobs.run_due(sessions, work, stopping))
    await engine.dispose()


def _simulators(settings: Settings, sessions: Sessions, keys: SandboxKeys, *, port: int) -> ASGIApp:
    merchant = wechat_pay.Merchant(
        mchid=settings.wechat_pay_mchid, app_id=settings.wechat_app_id, serial=settings.wechat_pay_serial
    )
    shop = AlipayShop(
        sessions=sessions,
        keys=keys,
        app_id=settings.alipay_app_id,
        seller_id=settings.alipay_seller_id,
        public_url=f"http://{_HOST}:{port}",
        time_scale=settings.sandbox_time_scale,
    )
    return sandbox_port.together(
        wechat_pay=wechat_pay.app(sessions, keys, merchant=merchant, time_scale=settings.sandbox_time_scale),
        alipay=alipay(shop),
        weixin=weixin_api.app(
            sessions,
            app_id=settings.wechat_app_id,
            app_secret=settings.wechat_app_secret.get_secret_value(),
        ),
        sms=sms.app(sessions),
        pages=create_app(settings, sessions=sessions),
    )


def _listen_to_signals(server: _Server, stopping: asyncio.Event) -> None:
    def stop() -> None:
        server.should_exit = True
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
