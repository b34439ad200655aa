"""The command demo: the whole product on this machine, with hospitals and accounts to try."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import msgspec

from guahao.kernel import log
from guahao.kernel.settings import Environment, Settings
from guahao.web import clients, configuration, supervisor, wiring
from guahao.web.cli.console import Refused, err, out, progress_bar
from guahao.web.cli.data import opened
from guahao.web.cli.run import (
    GIVEN_UP,
    Host,
    Port,
    Workers,
    children_of,
    require_free_port,
    require_own_database,
    tending,
    with_options,
)
from guahao.web.demo import DemoReport, load_demo
from guahao.web.migrate import upgrade_async

_CHECKOUT = Path(__file__).parents[4]
_NOT_BUILT = "the mini program is not built; `make demo` builds it, with Node.js 20.19 or newer"
_READY_WITHIN_S = 60.0
_DRAIN_S = 2.0
"""Nobody's balancer watches a demo, so it stops quickly."""


def demo(host: Host = None, port: Port = None, workers: Workers = None) -> None:
    """Start everything on this machine: database, demo hospitals, server and worker. Ctrl-C stops it."""
    settings = with_options(
        configuration.load(default=Environment.DEMO), host=host, port=port, workers=workers
    )
    if settings.environment is not Environment.DEMO:
        message = "the demo does not run with GUAHAO_ENVIRONMENT=production"
        raise Refused(message)
    is_told = "public_url" in settings.model_fields_set and port is None and host is None
    url = settings.public_url if is_told else f"http://{settings.host}:{settings.port}"
    settings = settings.model_copy(
        update={
            "public_url": url,
            "clients_dir": settings.clients_dir or _CHECKOUT / "dist" / "clients",
            "drain_s": _DRAIN_S,
            "log_level": "WARNING",
        }
    )
    log.configure(level="WARNING")
    stopping = supervisor.stop_signals()
    require_free_port(settings)
    err.print("Starting the database ...")
    with configuration.database(settings) as (settings, server), children_of(settings) as make:
        asyncio.run(_migrate(settings))
        require_own_database(settings)
        report = asyncio.run(_prepare(settings))
        _write_description(settings, report)
        children = [*make("guahao.web.server", settings.workers), *make("guahao.web.worker", 1)]
        welcome = threading.Thread(target=_welcome, args=(settings, report, stopping), daemon=True)
        welcome.start()
        if not supervisor.supervise(children, stopping, grace_s=_DRAIN_S, tick=tending(server)):
            raise Refused(GIVEN_UP)
    err.print("Stopped.")


async def _migrate(settings: Settings) -> None:
    assert settings.database_url is not None
    await upgrade_async(settings.database_url.get_secret_value())


async def _prepare(settings: Settings) -> DemoReport:
    """Bring the database to where the demo begins."""
    async with opened(settings) as sessions:
        with progress_bar() as progress:
            return await load_demo(sessions, key_ring=wiring.key_ring_of(settings), progress=progress)


def _write_description(settings: Settings, report: DemoReport) -> None:
    described = {
        "base_url": settings.public_url,
        "accounts": report.accounts,
        "hospitals": report.hospitals,
    }
    path = settings.data_dir / "demo.json"
    draft = path.with_suffix(".draft")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n")
    draft.replace(path)


def _welcome(settings: Settings, report: DemoReport, stopping: threading.Event) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while not _is_ready(settings):
        if stopping.wait(0.1) or time.monotonic() > deadline:
            return
    out.print(f"\nGuahao is ready: {settings.public_url}")
    for users, client, folder in (
        ("Patients", clients.MINI_PROGRAM, clients.mini_program(settings)),
        ("Staff", clients.CONSOLE, clients.console(settings)),
    ):
        missing = "not built; `make demo` builds it with Node.js 20.19 or newer"
        out.print(f"  {users:<9} {missing if folder is None else f'{settings.public_url}/{client}/'}")
    out.print(f"  API       {settings.public_url}/docs")
    out.print(f"  Logins    {Path(settings.data_dir / 'demo.json')}")
    for account in report.accounts:
        out.print(f"            {account.role:<15} {account.username:<22} {account.password}", markup=False)
    out.print("Ctrl-C stops it.")


def _is_ready(settings: Settings) -> bool:
    address = f"http://{settings.host}:{settings.port}/readyz"
    try:
        with urlopen(address, timeout=2) as answer:  # our own address
            ready: bool = answer.status == 200
            return ready
    except (URLError, OSError):
        return False
