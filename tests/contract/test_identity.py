from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import httpx
import pytest

from guahao.adapters.identity_desk import DeskVerifier
from guahao.adapters.identity_tencent import TencentIdentity
from guahao.adapters.sms_tencent import authorization
from guahao.identity.ports.verification import DocumentType, Verdict
from guahao.kernel.errors import Unavailable

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
NUMBER = "11010519491231002X"


def verifier(answer: httpx.Response | Exception, seen: list[httpx.Request] | None = None) -> TencentIdentity:
    def handle(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return TencentIdentity(
        httpx.AsyncClient(transport=httpx.MockTransport(handle)),
        access_key_id="id",
        access_key_secret="secret",
        clock=lambda: NOW,
    )


def said(result: str) -> httpx.Response:
    return httpx.Response(200, json={"Response": {"Result": result, "Description": "", "RequestId": "r"}})


async def ask(
    authority: TencentIdentity | DeskVerifier, kind: DocumentType = DocumentType.RESIDENT_ID
) -> Verdict:
    return await authority.verify(name="张三", document_type=kind, document_number=NUMBER)


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        ("0", Verdict.MATCH),
        ("-1", Verdict.MISMATCH),
        ("-2", Verdict.MISMATCH),
        ("-3", Verdict.MISMATCH),
        ("-5", Verdict.UNDECIDED),
    ],
)
async def test_what_tencent_finds_is_understood(result: str, verdict: Verdict) -> None:
    assert await ask(verifier(said(result))) is verdict


@pytest.mark.parametrize(
    "answer",
    [
        said("-4"),
        said("-6"),
        said("-7"),
        httpx.Response(
            200, json={"Response": {"Error": {"Code": "AuthFailure.SignatureFailure", "Message": ""}}}
        ),
        httpx.Response(502, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("gone"),
    ],
)
async def test_whatever_else_happens_is_unavailable_and_names_nobody(
    answer: httpx.Response | Exception,
) -> None:
    with pytest.raises(Unavailable) as failed:
        await ask(verifier(answer))

    assert "张三" not in str(failed.value)
    assert failed.value.__cause__ is None


async def test_the_question_is_signed_for_the_service_it_goes_to() -> None:
    seen: list[httpx.Request] = []

    await ask(verifier(said("0"), seen))

    (request,) = seen
    assert str(request.url) == "https://faceid.tencentcloudapi.com/"
    assert json.loads(request.content) == {"IdCard": NUMBER, "Name": "张三"}
    assert (request.headers["X-TC-Action"], request.headers["X-TC-Version"]) == (
        "IdCardVerification",
        "2018-03-01",
    )
    header = request.headers["Authorization"]
    assert re.match(r"TC3-HMAC-SHA256 Credential=id/2026-03-01/faceid/tc3_request, ", header)
    assert header == authorization(
        access_key_id="id",
        access_key_secret="secret",
        host="faceid.tencentcloudapi.com",
        body=request.content,
        moment=NOW,
        service="faceid",
    )


async def test_other_documents_are_not_asked_about() -> None:
    seen: list[httpx.Request] = []

    assert await ask(verifier(said("0"), seen), DocumentType.PASSPORT) is Verdict.UNDECIDED
    assert seen == []


async def test_without_an_authority_the_desk_decides() -> None:
    assert await ask(DeskVerifier()) is Verdict.UNDECIDED
