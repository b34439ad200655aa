"""All simulators behind one address, for other programs: each is known by its paths."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from guahao.sandbox.alipay.gateway import is_page
from guahao.sandbox.alipay.shop import PATH
from guahao.sandbox.transport import CutsSockets

_GATEWAY = "/gateway.do"


class _ByPath:
    """Sends a request to the first application whose path its own begins with, else to `rest`."""

    def __init__(self, apps: dict[str, ASGIApp], rest: ASGIApp) -> None:
        self._apps = apps
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        found = next((app for begin, app in self._apps.items() if path.startswith(begin)), self._rest)
        if path == _GATEWAY and _is_for_a_browser(scope):
            found = RedirectResponse(f"{PATH}{_GATEWAY}?{scope['query_string'].decode('latin-1')}", 302)
        await found(scope, receive, send)


def _is_for_a_browser(scope: Scope) -> bool:
    asked = parse_qs(scope["query_string"].decode("latin-1"))
    return is_page({name: values[0] for name, values in asked.items()})


def together(
    *, wechat_pay: ASGIApp, alipay: ASGIApp, weixin: ASGIApp, sms: ASGIApp, pages: ASGIApp
) -> ASGIApp:
    """Put the simulators and the pages of the sandbox behind one address; SMS providers post to `/`."""
    apps = {
        "/v3/": wechat_pay,
        _GATEWAY: alipay,
        f"{PATH}/bills/": alipay,
        "/sns/": weixin,
        "/cgi-bin/": weixin,
        "/wxa/": weixin,
        "/sandbox": pages,
    }
    return CutsSockets(_ByPath(apps, sms))
