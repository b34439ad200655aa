"""The application factory."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from guahao.kernel.db import Sessions, make_engine, make_sessions
from guahao.kernel.errors import Problem
from guahao.kernel.http import render
from guahao.kernel.idempotency import Replayed
from guahao.kernel.settings import Settings


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return render(error)


async def _replayed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Replayed)
    return Response(
        error.answer, error.status, headers={"Idempotent-Replayed": "true"}, media_type="application/json"
    )


def create_app(settings: Settings, *, sessions: Sessions | None = None) -> FastAPI:
    """Build the application; `sessions` stands in for a pool of its own on settings.database_url."""
    app = FastAPI(title="Guahao", version="1")
    app.state.settings = settings
    if sessions is None:
        assert settings.database_url is not None
        engine = make_engine(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
        sessions = make_sessions(engine)
    app.state.sessions = sessions
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(Replayed, _replayed)
    return app
