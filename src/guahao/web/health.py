"""Whether this process lives, whether it may get requests, and its numbers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from guahao.identity.access import public
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.jobs import worker_is_alive
from guahao.kernel.log import describe, logger
from guahao.kernel.settings import Environment
from guahao.payment.queries.fault import provider_faults
from guahao.web import metrics
from guahao.web.revision import head, revision_of

router = APIRouter(tags=["operation"], dependencies=[Depends(public)])
numbers_router = APIRouter(include_in_schema=False, dependencies=[Depends(public)])


@router.get("/livez")
async def livez() -> dict[str, str]:
    """Tell that the process answers; restart it when this fails."""
    return {"status": "alive"}


@router.get("/readyz", responses={503: {"description": "At least one check failed"}})
async def readyz(request: Request) -> JSONResponse:
    """Tell whether to send requests here: database, migrations at head, a living worker, not stopping.

    `warnings` name what does not stop bookings but needs somebody, such as a clock that makes a payment
    provider refuse us. In production strangers read the state alone; `checks` and `warnings` are on the
    port of the metrics.
    """
    return await _readiness(request, is_detailed=request.app.state.settings.environment is Environment.DEMO)


@numbers_router.get("/readyz/details")
async def readyz_details(request: Request) -> JSONResponse:
    """Tell the same with every check, for whoever runs this installation."""
    return await _readiness(request, is_detailed=True)


async def _readiness(request: Request, *, is_detailed: bool) -> JSONResponse:
    warnings: list[str] = []
    checks = {"database": False, "migrations": False, "worker": False}
    sessions: Sessions = request.app.state.sessions
    try:
        async with transaction(sessions) as db:
            connection = await db.connection()
            checks["database"] = True
            checks["migrations"] = await revision_of(connection) == head()
            checks["worker"] = await worker_is_alive(db)
            warnings = await provider_faults(db)
    except Exception as error:  # noqa: BLE001  # whatever it is, the answer is "not ready"
        logger().warning("not-ready", **describe(error))
    checks["not_draining"] = not request.app.state.draining
    ready = all(checks.values())
    answer: dict[str, Any] = {"status": "ready" if ready else "not ready"}
    if is_detailed:
        answer |= {"checks": checks, "warnings": warnings}
    return JSONResponse(answer, 200 if ready else 503)


@numbers_router.get("/metrics")
async def numbers(request: Request) -> Response:
    """Answer all numbers for Prometheus."""
    state = request.app.state
    content = await metrics.scrape(state.sessions, state.numbers)
    return Response(content, media_type=metrics.CONTENT_TYPE)
