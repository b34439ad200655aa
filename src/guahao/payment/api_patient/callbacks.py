"""Where providers tell us what happened: verified and applied in one transaction, nothing outbound."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from guahao.identity.access import public
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.http import AllSessions, Now, problems
from guahao.kernel.log import logger
from guahao.kernel.metrics import NOTIFICATIONS
from guahao.payment.api_patient.gateways import AllGateways
from guahao.payment.models import Provider
from guahao.payment.ports import NotificationRefused, Paid, Refunded
from guahao.payment.service.alarm import Alarm
from guahao.payment.service.facts import apply_paid, apply_refunded

router = APIRouter(prefix="/callbacks", tags=["payment"], dependencies=[Depends(public)])


class NotificationNotBelieved(Problem):
    """The signature, its time or the merchant is not right (`reason` tells which); nothing was written."""

    code = "notification-not-believed"
    status = 401


async def _take(
    request: Request, provider: Provider, sessions: AllSessions, gateways: AllGateways, now: Now
) -> None:
    gateway = gateways.get(provider)
    if gateway is None:
        raise NotFound
    try:
        fact = gateway.read_notification(request.headers, await request.body(), now=now)
    except NotificationRefused as refused:
        NOTIFICATIONS.labels(provider.value, refused.kind.value).inc()
        logger().warning("notification-refused", provider=provider.value, kind=refused.kind.value)
        alarm: Alarm = request.app.state.alarm
        await alarm.note(sessions, provider=provider, kind=refused.kind, now=now)
        raise NotificationNotBelieved(reason=refused.kind.value) from None
    outcome = await _apply(sessions, fact)
    NOTIFICATIONS.labels(provider.value, outcome).inc()


async def _apply(sessions: Sessions, fact: Paid | Refunded | None) -> str:
    if fact is None:
        return "ignored"
    async with transaction(sessions) as db:
        if isinstance(fact, Paid):
            return (await apply_paid(db, fact)).value
        return (await apply_refunded(db, fact)).value


@router.post("/wechat-pay", status_code=204, responses=problems(NotificationNotBelieved, NotFound))
async def wechat_paid(request: Request, sessions: AllSessions, gateways: AllGateways, now: Now) -> Response:
    """WeChat Pay tells of a payment."""
    await _take(request, Provider.WECHAT, sessions, gateways, now)
    return Response(status_code=204)


@router.post("/wechat-refund", status_code=204, responses=problems(NotificationNotBelieved, NotFound))
async def wechat_refunded(
    request: Request, sessions: AllSessions, gateways: AllGateways, now: Now
) -> Response:
    """WeChat Pay tells how far a refund is."""
    await _take(request, Provider.WECHAT, sessions, gateways, now)
    return Response(status_code=204)


@router.post("/alipay", responses=problems(NotificationNotBelieved, NotFound))
async def alipay_told(request: Request, sessions: AllSessions, gateways: AllGateways, now: Now) -> Response:
    """Alipay tells of a payment or a refund; it wants to read the word `success`."""
    await _take(request, Provider.ALIPAY, sessions, gateways, now)
    return Response("success", media_type="text/plain")
