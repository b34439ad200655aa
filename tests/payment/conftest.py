"""A till: the application with its sandbox, driven step by step."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from guahao.kernel.db import Sessions
from guahao.sandbox.keys import SandboxKeys
from tests.factories.till import Till


@pytest.fixture
def till(app: FastAPI, client: httpx.AsyncClient, sessions: Sessions) -> Till:
    keys = SandboxKeys.load(app.state.settings.keys_path / "sandbox")
    return Till(app=app, client=client, sessions=sessions, keys=keys)
