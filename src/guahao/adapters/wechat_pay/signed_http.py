"""Signed calls to WeChat Pay: only an answer that the platform has signed counts as one."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from guahao.adapters.circuit import Circuit
from guahao.adapters.lenient import node_of, text
from guahao.adapters.wechat_pay.keys import WeChatPayKeys
from guahao.adapters.wechat_pay.signing import TOLERANCE, authorization, distrust
from guahao.payment.ports import (
    ChannelBusy,
    ChannelRefused,
    ChannelUncertain,
    ChannelUnreadable,
    ClockWrong,
    RefusalKind,
)

CONNECT_S = 3.0
TOTAL_S = 8.0
DOWNLOAD_S = 60.0
_OK, _NO_CONTENT, _UNAUTHORIZED, _TOO_MANY = 200, 204, 401, 429
_SIGN_ERROR = "SIGN_ERROR"
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_UNDECIDED = {
    "SYSTEM_ERROR",
    "SYSTEMERROR",
    "INTERNAL_ERROR",
    "INTERNAL_SERVER_ERROR",
    "SERVER_ERROR",
    "SERVICE_ERROR",
    "SERVICE_UNAVAILABLE",
    "BAD_GATEWAY",
    "GATEWAY_TIMEOUT",
    "TIMEOUT",
    "BANK_ERROR",
    "BANKERROR",
    "BIZERR_NEED_RETRY",
    "UNKNOWN",
    "UNKNOWN_ERROR",
}
"""Codes after which it may have happened or not, whatever status they come with."""
_BUSY = {"FREQUENCY_LIMITED", "FREQUENCY_LIMIT", "RATELIMIT_EXCEEDED", "RATELIMIT_EXCEED"}
_HEALED_BY_TIME = {_SIGN_ERROR, "NOT_ENOUGH", "NOTENOUGH", "RULE_LIMIT", "RULELIMIT", "USERPAYING"}


class SignedHttp:
    """One merchant's connection to WeChat Pay.

    What an answer means:

    - 200 and 204 with a valid, fresh signature: done, unless an error's code stands in it. Without one they
      are a forgery and no answer.
    - 4xx and 5xx with such a signature and a code: a definite no, whatever the status (OPENID_MISMATCH is
      documented as 500), except 429 and codes that say "try again" or that nothing is decided.
    - 401 SIGN_ERROR is never signed, since the platform does not know who asks. Believing it does no
      harm: it is retryable, so nothing may be given up or tried under another number for it.
    - Everything else, an unsigned 404 above all, says nothing.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        endpoint: str,
        mchid: str,
        keys: WeChatPayKeys,
        circuit: Circuit,
        clock: Callable[[], datetime],
    ) -> None:
        """Send everything through `http` to `endpoint`."""
        self._http = http
        self._endpoint = endpoint.rstrip("/")
        self._mchid = mchid
        self._keys = keys
        self._circuit = circuit
        self._clock = clock

    async def get(self, path: str) -> bytes:
        """Ask, once more if the connection was cut; the answer is the platform's own."""
        return await self._call("GET", path, b"", tries=2)

    async def post(self, path: str, content: object) -> bytes:
        """Send once; what to do without an answer the caller knows."""
        return await self._call("POST", path, msgspec.json.encode(content), tries=1)

    async def download(self, url: httpx.URL) -> bytes:
        """Fetch a file, the one thing that the platform does not sign: the caller checks its hash."""
        async with self._circuit.call():
            answer = await self._sent("GET", url, b"", tries=2, total_s=DOWNLOAD_S)
            if answer.status_code != _OK:
                raise self._refusal(answer, RefusalKind.SIGNATURE)
            return answer.content

    async def _call(self, method: str, path: str, body: bytes, *, tries: int) -> bytes:
        async with self._circuit.call():
            url = httpx.URL(self._endpoint + path)
            answer = await self._sent(method, url, body, tries=tries, total_s=TOTAL_S)
            doubt = distrust(answer.headers, answer.content, keys=self._keys.verification, now=self._clock())
            if doubt is None and _is_yes(answer):
                return answer.content
            raise self._refusal(answer, doubt)

    async def _sent(
        self, method: str, url: httpx.URL, body: bytes, *, tries: int, total_s: float
    ) -> httpx.Response:
        try:
            async with asyncio.timeout(total_s):
                return await self._answer(method, url, body, tries=tries)
        except (httpx.HTTPError, TimeoutError) as error:
            # Without the cause: its request holds our signature.
            raise ChannelUncertain(type(error).__name__) from None

    async def _answer(self, method: str, url: httpx.URL, body: bytes, *, tries: int) -> httpx.Response:
        try:
            return await self._http.send(self._request(method, url, body), follow_redirects=False)
        except httpx.TimeoutException:
            raise
        except httpx.TransportError:
            if tries == 1:
                raise
            return await self._answer(method, url, body, tries=tries - 1)

    def _request(self, method: str, url: httpx.URL, body: bytes) -> httpx.Request:
        """A request signed over exactly what is sent, with a nonce and a time of its own."""
        request = self._http.build_request(
            method, url, content=body, timeout=httpx.Timeout(TOTAL_S, connect=CONNECT_S)
        )
        request.headers["Accept"] = "application/json"
        request.headers["Content-Type"] = "application/json"
        request.headers["User-Agent"] = "guahao"
        request.headers["Wechatpay-Serial"] = self._keys.key_id
        request.headers["Authorization"] = authorization(
            self._keys,
            mchid=self._mchid,
            method=method,
            target=request.url.raw_path.decode("ascii"),
            body=body,
            nonce=secrets.token_hex(16),
            moment=self._clock(),
        )
        return request

    def _refusal(self, answer: httpx.Response, doubt: RefusalKind | None) -> Exception:
        node = node_of(answer.content) or {}
        status, code = answer.status_code, node.get("code")
        if not isinstance(code, str) or not _CODE.fullmatch(code) or status < 400:
            is_answer = doubt is None and 400 <= status < 500
            return (ChannelUnreadable if is_answer else ChannelUncertain)(f"status {status}")
        if status == _UNAUTHORIZED and code == _SIGN_ERROR:
            is_about_time = doubt is RefusalKind.STALE or self._is_about_time(answer, text(node, "message"))
            kind = ClockWrong if is_about_time else ChannelRefused
            return kind(_SIGN_ERROR, is_retryable=True)
        if status == _TOO_MANY or code in _BUSY:
            return ChannelBusy(f"status {status}")
        if doubt is not None or code in _UNDECIDED:
            return ChannelUncertain(f"status {status}")
        return ChannelRefused(code, is_retryable=code in _HEALED_BY_TIME)

    def _is_about_time(self, answer: httpx.Response, message: str) -> bool:
        """The code is the same for every cause: the text names the timestamp, or the Date header tells."""
        if "timestamp" in message:
            return True
        try:
            theirs = parsedate_to_datetime(answer.headers["Date"])
            return abs(self._clock() - theirs) > TOLERANCE
        except (KeyError, ValueError, TypeError):
            return False


def _is_yes(answer: httpx.Response) -> bool:
    """Whether it is a success and says so; an error may come as one, and ends nothing."""
    return answer.status_code in {_OK, _NO_CONTENT} and "code" not in (node_of(answer.content) or {})
