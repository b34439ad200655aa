"""Tencent Cloud FaceID 2018-03-01: compares a name with a resident identity number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import httpx
import msgspec

from guahao.adapters.sms_tencent import authorization
from guahao.identity.ports.verification import DocumentType, Verdict
from guahao.kernel.clock import utc_now
from guahao.kernel.errors import Unavailable

ENDPOINT = "https://faceid.tencentcloudapi.com"
_MATCH = "0"
_NO_RECORD = "-5"
"""Soldiers, people who just moved, newborns: not in the authority's files, though they exist."""

_MISMATCHES = frozenset({"-1", "-2", "-3"})
"""Name and number differ, number not lawful, name not lawful."""

_TIMEOUT_S = 5.0


class _Response(msgspec.Struct, rename="pascal"):
    result: str | None = None


class _Answer(msgspec.Struct, rename="pascal"):
    response: _Response


class TencentIdentity:
    """Asks by the action IdCardVerification; documents other than the resident card are undecided."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        access_key_id: str,
        access_key_secret: str,
        endpoint: str = ENDPOINT,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Use `http` for all calls; `endpoint` and `clock` stand for the real ones in tests."""
        self._http = http
        self._key_id = access_key_id
        self._key_secret = access_key_secret
        self._url = endpoint.rstrip("/") + "/"
        self._clock = clock

    async def verify(self, *, name: str, document_type: DocumentType, document_number: str) -> Verdict:
        """Ask once. Raises `Unavailable` for no answer, a refused signature and a failure over there."""
        if document_type is not DocumentType.RESIDENT_ID:
            return Verdict.UNDECIDED
        body = msgspec.json.encode({"IdCard": document_number, "Name": name})
        try:
            answered = await self._http.post(
                self._url, content=body, headers=self._headers(body), timeout=_TIMEOUT_S
            )
            result = msgspec.json.decode(answered.content, type=_Answer).response.result
        except (httpx.HTTPError, msgspec.MsgspecError):
            raise Unavailable from None  # the cause may quote the request
        if result == _MATCH:
            return Verdict.MATCH
        if result in _MISMATCHES:
            return Verdict.MISMATCH
        if result == _NO_RECORD:
            return Verdict.UNDECIDED
        raise Unavailable

    def _headers(self, body: bytes) -> dict[str, str]:
        moment = self._clock()
        host = urlsplit(self._url).netloc
        return {
            "Authorization": authorization(
                access_key_id=self._key_id,
                access_key_secret=self._key_secret,
                host=host,
                body=body,
                moment=moment,
                service="faceid",
            ),
            "Content-Type": "application/json",
            "Host": host,
            "X-TC-Action": "IdCardVerification",
            "X-TC-Timestamp": str(int(moment.timestamp())),
            "X-TC-Version": "2018-03-01",
        }
