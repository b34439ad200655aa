"""The simulator as an ASGI application: one address, many methods, and it goes wrong when told to."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

import httpx
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from guahao.kernel.db import transaction
from guahao.sandbox import faults
from guahao.sandbox.alipay import bill, trades
from guahao.sandbox.alipay.protocol import Asked, Node, Refused, answer_signed, verified
from guahao.sandbox.alipay.shop import PATH, AlipayShop
from guahao.sandbox.models import FaultKind, SandboxProvider, SandboxTrade
from guahao.sandbox.transport import ConnectionCut, InProcess

SLOW_S = 6.0
_AFTER_COMMIT = (FaultKind.ERROR_AFTER_COMMIT, FaultKind.CUT_AFTER_COMMIT)
_MOST_FIELDS = 100

Method = Callable[[AsyncSession, AlipayShop, Asked], Awaitable[Node]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    run: Method
    changes: bool


_METHODS: Mapping[str, _Known] = {
    "alipay.trade.precreate": _Known(run=trades.precreate, changes=True),
    "alipay.trade.query": _Known(run=trades.query, changes=False),
    "alipay.trade.close": _Known(run=trades.close, changes=True),
    "alipay.trade.cancel": _Known(run=trades.cancel, changes=True),
    "alipay.trade.refund": _Known(run=trades.refund, changes=True),
    "alipay.trade.fastpay.refund.query": _Known(run=trades.refund_query, changes=False),
    "alipay.data.dataservice.bill.downloadurl.query": _Known(run=bill.offer, changes=False),
}
_SYSTEM_ERROR = Refused("aop.ACQ.SYSTEM_ERROR", code="20000").node


async def fields_of(request: Request) -> dict[str, str]:
    """Read the fields of a request, from its address and its form alike; what is no form has none."""
    form = (await request.body()).decode("utf-8", "replace")
    try:
        found = [
            parse_qsl(part, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
            for part in (request.url.query, form)
        ]
    except ValueError:
        return {}
    return dict(itertools.chain(*found))


async def ask(shop: AlipayShop, fields: Mapping[str, str]) -> bytes:
    """Answer one question, signed. Raises `ConnectionCut` when told to."""
    method = fields.get("method", "")
    async with transaction(shop.sessions) as db:
        node, wrong = await _answered(db, shop, fields)
    if FaultKind.SLOW_ANSWER in wrong:
        await shop.sleep(SLOW_S)
    if FaultKind.CUT_AFTER_COMMIT in wrong:
        raise ConnectionCut
    if FaultKind.ERROR_AFTER_COMMIT in wrong:
        node = _SYSTEM_ERROR
    return answer_signed(shop.keys.alipay, method if method in _METHODS else "error", node)


async def _answered(
    db: AsyncSession, shop: AlipayShop, fields: Mapping[str, str]
) -> tuple[Node, frozenset[FaultKind]]:
    kinds, number = [FaultKind.SLOW_ANSWER], faults.ANY
    try:
        asked = verified(fields, app_id=shop.app_id, key=shop.keys.alipay_app, now=shop.clock())
        known = _known(asked.method)
        number = str(asked.content.get("out_trade_no", faults.ANY))
        node = await known.run(db, shop, asked)
        kinds += _AFTER_COMMIT if known.changes else ()
    except Refused as refused:
        node = refused.node
    return node, await faults.taken(db, provider=SandboxProvider.ALIPAY, kinds=kinds, out_trade_no=number)


def _known(method: str) -> _Known:
    if method not in _METHODS:
        raise Refused("isv.invalid-method", code="40002")
    return _METHODS[method]


async def open_page(shop: AlipayShop, fields: Mapping[str, str]) -> SandboxTrade:
    """Open the trade that a payer's browser carries here. Raises `Refused`."""
    asked = verified(fields, app_id=shop.app_id, key=shop.keys.alipay_app, now=shop.clock())
    async with transaction(shop.sessions) as db:
        return await trades.opened(db, shop, asked)


def is_page(fields: Mapping[str, str]) -> bool:
    """Tell whether a browser is meant, by the method."""
    return fields.get("method") in trades.PAGES


def app(shop: AlipayShop) -> ASGIApp:
    """Make the application that speaks gateway.do, to servers."""

    async def gateway(request: Request) -> Response:
        return Response(await ask(shop, await fields_of(request)), media_type="text/html;charset=utf-8")

    async def download(request: Request) -> Response:
        return await bill.download(shop, request.path_params["token"])

    methods = ["GET", "POST"]
    return Starlette(
        routes=[
            Route("/gateway.do", gateway, methods=methods),
            Route(f"{PATH}/gateway.do", gateway, methods=methods),
            Route(f"{PATH}/bills/{{token}}", download),
        ]
    )


def http(shop: AlipayShop) -> httpx.AsyncClient:
    """Make the client that reaches the simulator without a port, at `shop.address("gateway.do")`."""
    return httpx.AsyncClient(transport=InProcess(app(shop)))
