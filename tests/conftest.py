"""Fixtures every test may use: a clean database, the real application, a client."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import hypothesis
import pytest
from fastapi import FastAPI
from httpx._config import DEFAULT_TIMEOUT_CONFIG
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import guahao.adapters.alipay.keys as alipay_keys
import guahao.adapters.wechat_pay.keys as wechat_keys
from guahao.kernel.db import Sessions, make_engine, make_sessions
from guahao.kernel.settings import Settings
from guahao.web.app import create_app
from tests.database import end_run, migrated_database, share_run_dir

for _keys in (
    alipay_keys,
    wechat_keys,
):  # checking an RSA key takes 50 ms; every application reads the same ones
    setattr(_keys, "load_pem_private_key", functools.cache(_keys.load_pem_private_key))  # noqa: B010

DEFAULT_TIMEOUT_CONFIG.read = 60  # 5 s are too short for a real server on a busy machine

hypothesis.settings.register_profile("guahao", deadline=None)  # a machine may be busy
hypothesis.settings.load_profile("guahao")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        share_run_dir()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        end_run()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _nothing_goes_on(request: pytest.FixtureRequest) -> None:
    if "anyio_backend" in request.fixturenames:
        request.getfixturevalue("_ended_tasks")


@pytest.fixture
async def _ended_tasks() -> AsyncIterator[None]:
    """What a test leaves running ends with it, as all tests of a process share a loop; its runner stays."""
    earlier = asyncio.all_tasks()
    yield
    left = [task for task in asyncio.all_tasks() - earlier if "TestRunner" not in repr(task)]
    for task in left:
        task.cancel()
    if left:
        _, deaf = await asyncio.wait(left, timeout=30)
        assert not deaf, deaf


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    with migrated_database("shared") as dsn:
        yield dsn


@pytest.fixture(scope="session")
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    """Shared by all tests of a process, since compiling and preparing anew takes as long as the tests."""
    engine = make_engine(database)
    yield engine
    await engine.dispose()


@pytest.fixture
async def sessions(engine: AsyncEngine) -> Sessions:
    async with engine.begin() as connection:
        await connection.execute(text("CALL test.clean()"))
    return make_sessions(engine)


@pytest.fixture
async def db(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def settings(database: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("GUAHAO_")]:
        monkeypatch.delenv(name)
    return Settings(environment="demo", database_url=database, data_dir=data_dir)


@pytest.fixture
def app(settings: Settings, sessions: Sessions) -> FastAPI:
    return create_app(settings, sessions=sessions)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://guahao.test") as http:
        yield http
