"""The two SMS providers as their documents describe them; signatures are checked by code of its own."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote

import httpx

KEY_ID = "AKIDtest"
KEY_SECRET = "a-secret-of-the-simulator"


@dataclass(kw_only=True)
class Call:
    """One request as it arrived."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(kw_only=True)
class Provider:
    """Answers calls whose signature is right; `failure` is the code of the next answers."""

    now: datetime
    failure: str | None = None
    calls: list[Call] = field(default_factory=list)

    def answer(self, call: Call) -> tuple[int, object]:
        raise NotImplementedError

    def transport(self) -> httpx.MockTransport:
        def handle(request: httpx.Request) -> httpx.Response:
            call = Call(
                method=request.method,
                path=request.url.path,
                query=request.url.query.decode(),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=request.content,
            )
            self.calls.append(call)
            status, content = self.answer(call)
            return httpx.Response(status, json=content)

        return httpx.MockTransport(handle)


def _sign(key: bytes, *parts: str) -> bytes:
    for part in parts:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


class Tencent(Provider):
    """sms.tencentcloudapi.com, action SendSms of 2021-01-11."""

    def answer(self, call: Call) -> tuple[int, object]:
        """Check signature, clock and shape, in this order."""
        if refusal := self._refusal(call):
            return 200, {"Response": {"Error": {"Code": refusal, "Message": ""}, "RequestId": "r"}}
        status = {"SerialNo": "1", "Fee": 1, "Code": self.failure or "Ok", "Message": ""}
        return 200, {"Response": {"SendStatusSet": [status], "RequestId": "r"}}

    def _refusal(self, call: Call) -> str | None:
        header = call.headers.get("authorization", "")
        given = re.fullmatch(
            r"TC3-HMAC-SHA256 Credential=(\S+?)/(\d{4}-\d\d-\d\d)/sms/tc3_request, "
            r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})",
            header,
        )
        if given is None or given[1] != KEY_ID:
            return "AuthFailure.SignatureFailure"
        stamp = int(call.headers["x-tc-timestamp"])
        if abs(stamp - self.now.timestamp()) > 300:
            return "AuthFailure.SignatureExpire"
        names = given[3].split(";")
        lines = [f"{name}:{call.headers[name].strip().lower()}" for name in names]
        hashed = hashlib.sha256(call.body).hexdigest()
        request = "\n".join([call.method, call.path, call.query, *lines, "", given[3], hashed])
        day = datetime.fromtimestamp(stamp, UTC).date().isoformat()
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = "\n".join(["TC3-HMAC-SHA256", str(stamp), f"{day}/sms/tc3_request", digest])
        expected = _sign(("TC3" + KEY_SECRET).encode(), day, "sms", "tc3_request", text).hex()
        if given[2] != day or expected != given[4]:
            return "AuthFailure.SignatureFailure"
        return self._wrong_shape(call)

    @staticmethod
    def _wrong_shape(call: Call) -> str | None:
        if (call.headers.get("x-tc-action"), call.headers.get("x-tc-version")) != ("SendSms", "2021-01-11"):
            return "InvalidAction"
        body = json.loads(call.body)
        needed = {"PhoneNumberSet": list, "SmsSdkAppId": str, "TemplateId": str, "SignName": str}
        if any(not isinstance(body.get(name), kind) for name, kind in needed.items()):
            return "InvalidParameter"
        if not all(re.fullmatch(r"\+86\d{11}", number) for number in body["PhoneNumberSet"]):
            return "InvalidParameterValue.IncorrectPhoneNumber"
        return None


@dataclass(kw_only=True)
class Aliyun(Provider):
    """dysmsapi.aliyuncs.com, action SendSms of 2017-05-25."""

    nonces: set[str] = field(default_factory=set)

    def answer(self, call: Call) -> tuple[int, object]:
        """Check signature, clock, nonce and shape, in this order."""
        if refusal := self._refusal(call):
            return 400, {"Code": refusal, "Message": "", "RequestId": "r"}
        return 200, {"Code": self.failure or "OK", "Message": "", "BizId": "1", "RequestId": "r"}

    def _refusal(self, call: Call) -> str | None:
        given = re.fullmatch(
            r"ACS3-HMAC-SHA256 Credential=(\w+),SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{64})",
            call.headers.get("authorization", ""),
        )
        if given is None or given[1] != KEY_ID:
            return "InvalidAccessKeyId.NotFound"
        if call.headers["x-acs-content-sha256"] != hashlib.sha256(call.body).hexdigest():
            return "InvalidContentSha256"
        parameters = sorted(parse_qsl(call.query, keep_blank_values=True))
        query = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in parameters)
        lines = [f"{name}:{call.headers[name]}" for name in given[2].split(";")]
        request = "\n".join(
            [call.method, call.path, query, *lines, "", given[2], call.headers["x-acs-content-sha256"]]
        )
        text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(request.encode()).hexdigest()
        if _sign(KEY_SECRET.encode(), text).hex() != given[3]:
            return "SignatureDoesNotMatch"
        unsigned = {name for name in call.headers if name.startswith("x-acs-")} - set(given[2].split(";"))
        if unsigned or "host" not in given[2].split(";"):
            return "SignatureDoesNotMatch"
        return self._stale(call) or self._wrong_shape(call, dict(parameters))

    def _stale(self, call: Call) -> str | None:
        sent = datetime.strptime(call.headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if abs((sent - self.now).total_seconds()) > 900:
            return "InvalidTimeStamp.Expired"
        nonce = call.headers["x-acs-signature-nonce"]
        if nonce in self.nonces:
            return "SignatureNonceUsed"
        self.nonces.add(nonce)
        return None

    @staticmethod
    def _wrong_shape(call: Call, parameters: Mapping[str, str]) -> str | None:
        if (call.headers["x-acs-action"], call.headers["x-acs-version"]) != ("SendSms", "2017-05-25"):
            return "InvalidAction.NotFound"
        if set(parameters) != {"PhoneNumbers", "SignName", "TemplateCode", "TemplateParam"}:
            return "MissingParameter"
        if not re.fullmatch(r"1\d{10}", parameters["PhoneNumbers"]):
            return "isv.MOBILE_NUMBER_ILLEGAL"
        return None


@contextmanager
def served(provider: Provider) -> Iterator[str]:
    """Serve `provider` on a port of 127.0.0.1, for clients that open their own connections."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            path, _, query = self.path.partition("?")
            call = Call(
                method="POST",
                path=path,
                query=query,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(self.headers.get("Content-Length", "0"))),
            )
            provider.calls.append(call)
            status, content = provider.answer(call)
            answer = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
