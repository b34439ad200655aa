"""Keys that are made once a run, and a merchant of the simulator."""

from __future__ import annotations

from pathlib import Path

import pytest

from guahao.kernel.db import Sessions
from guahao.sandbox.keys import SandboxKeys
from tests.sandbox.wechat_merchant import Shop


@pytest.fixture(scope="session")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "sandbox"


@pytest.fixture(scope="session")
def keys(key_folder: Path) -> SandboxKeys:
    return SandboxKeys.load(key_folder)


@pytest.fixture
def shop(sessions: Sessions, key_folder: Path, keys: SandboxKeys) -> Shop:
    return Shop(sessions=sessions, folder=key_folder, keys=keys)
