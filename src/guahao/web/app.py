"""The application factory."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.exceptions import HTTPException

from guahao.audit.service import RefusalBook
from guahao.kernel.clock import utc_now
from guahao.kernel.crypto import SealBroken
from guahao.kernel.db import SERVING, Sessions, make_engine, make_sessions
from guahao.kernel.errors import Problem
from guahao.kernel.http import render
from guahao.kernel.i18n import text
from guahao.kernel.idempotency import Replayed
from guahao.kernel.limit import TokenBuckets
from guahao.kernel.settings import Settings
from guahao.web import openapi, wiring
from guahao.web.edge import Edge
from guahao.web.refusal import problem_of, problem_of_http, problem_of_validation
from guahao.web.refused import note_refusal
from guahao.web.unreadable import tell_broken


def _refuse(request: Request, problem: Problem) -> Response:
    note_refusal(request, problem)
    request.scope["problem"] = problem.code
    answer = render(problem)
    if "allowed" in problem.extra:
        answer.headers["Allow"] = str(problem.extra["allowed"])
    return answer


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _refuse(request, error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    routes = request.app.router.routes
    return _refuse(request, problem_of_http(error, routes=routes, scope=request.scope))


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _refuse(request, problem_of_validation(error))


async def _replayed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Replayed)
    return Response(
        error.answer, error.status, headers={"Idempotent-Replayed": "true"}, media_type="application/json"
    )


async def _seal_broken(request: Request, error: Exception) -> Response:
    """Nothing goes on with a personal value that was changed or moved behind our back."""
    assert isinstance(error, SealBroken)
    await tell_broken(request.app.state.sessions, error.place)
    return _refuse(request, problem_of(error))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None]:
    yield
    engine: AsyncEngine | None = app.state.engine
    if engine is not None:
        await engine.dispose()


def create_app(settings: Settings, *, sessions: Sessions | None = None) -> FastAPI:
    """Build the application; `sessions` stands in for a pool of its own on settings.database_url."""
    app = FastAPI(
        title="Guahao",
        version="1",
        summary=text("api.summary"),
        openapi_url="/openapi.json" if settings.shows_api else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.clock = utc_now
    app.state.draining = False
    app.state.buckets = TokenBuckets()
    app.state.engine = None
    if sessions is None:
        assert settings.database_url is not None
        dsn = settings.database_url.get_secret_value()
        app.state.engine = make_engine(
            dsn,
            pool_size=settings.database_pool_size,
            plans_once=True,
            timeouts=SERVING,
        )
        sessions = make_sessions(app.state.engine)
    app.state.sessions = sessions
    app.state.refusals = RefusalBook(sessions)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Replayed, _replayed)
    app.add_exception_handler(SealBroken, _seal_broken)
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]  # FastAPI's documented way
    wiring.wire(app, settings)
    app.add_middleware(Edge)
    return app
