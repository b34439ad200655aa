"""Where providers tell us what happened: verified and applied in one transaction, nothing outbound."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from guahao.identity.access import public
from guahao.kernel.clock import utc_now
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.http import problems
from guahao.kernel.log import logger
from guahao.kernel.metrics import NOTIFICATIONS
from guahao.payment.models import Provider
from guahao.payment.ports import NotificationRefused, NotificationUnreadable
from guahao.payment.service.facts import apply_fact
from guahao.payment.service.remote import note_notification


class _DirectRoute(APIRoute):
    """A documented route whose handler takes the bare request: nothing is resolved for each notification."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Answer by the handler itself."""
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler


hot = APIRouter(
    prefix="/callbacks", tags=["payment"], dependencies=[Depends(public)], route_class=_DirectRoute
)
"""Routes that the application asks before all others: at the release they come as fast as payments."""


class NotificationNotBelieved(Problem):
    """The signature, its time or the merchant is not right (`reason` tells which); nothing was written."""

    code = "notification-not-believed"
    status = 401


async def _take(request: Request, provider: Provider) -> None:
    state = request.app.state
    gateway = state.gateways.get(provider)
    if gateway is None:
        raise NotFound
    now = utc_now()
    try:
        fact = gateway.read_notification(request.headers, await request.body(), now=now)
    except NotificationRefused as refused:
        NOTIFICATIONS.labels(provider.value, refused.kind.value).inc()
        logger().warning("notification-refused", provider=provider.value, kind=refused.kind.value)
        await state.alarm.note(state.sessions, provider=provider, kind=refused.kind, now=now)
        raise NotificationNotBelieved(reason=refused.kind.value) from None
    except NotificationUnreadable as unreadable:
        await note_notification(state.sessions, provider, unreadable)
        NOTIFICATIONS.labels(provider.value, "unreadable").inc()
        return
    outcome = "ignored" if fact is None else (await apply_fact(state.sessions, fact)).value
    NOTIFICATIONS.labels(provider.value, outcome).inc()


@hot.post("/wechat-pay", status_code=204, responses=problems(NotificationNotBelieved, NotFound))
async def wechat_paid(request: Request) -> Response:
    """WeChat Pay tells of a payment."""
    await _take(request, Provider.WECHAT)
    return Response(status_code=204)


@hot.post("/wechat-refund", status_code=204, responses=problems(NotificationNotBelieved, NotFound))
async def wechat_refunded(request: Request) -> Response:
    """WeChat Pay tells how far a refund is."""
    await _take(request, Provider.WECHAT)
    return Response(status_code=204)


@hot.post("/alipay", responses=problems(NotificationNotBelieved, NotFound))
async def alipay_told(request: Request) -> Response:
    """Alipay tells of a payment or a refund; it wants to read the word `success`."""
    await _take(request, Provider.ALIPAY)
    return Response("success", media_type="text/plain")
