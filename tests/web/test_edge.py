import asyncio
import gzip
import hashlib
import json
import re
from datetime import datetime

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import Field
from sqlalchemy import DateTime, literal, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.identity.access import SenderAddress
from guahao.kernel.db import make_engine, make_sessions
from guahao.kernel.http import Body, Db, Once
from guahao.kernel.idempotency import IdempotencyKey
from guahao.kernel.settings import Settings
from guahao.web.app import create_app
from guahao.web.refusal import problem_of

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/json"}


class Note(Body):
    title: str = Field(min_length=2, max_length=5)
    count: int = Field(1, ge=1, le=10)


async def _echo(body: Note) -> Note:
    return body


async def _any(body: dict[str, object]) -> dict[str, object]:
    return body


async def _fail() -> None:
    message = "13800138000"
    raise ValueError(message)


async def _sql(statement: str, db: Db) -> str:
    return str(await db.scalar(text(statement)))


async def _moment(at: datetime, db: Db) -> str:
    return str(await db.scalar(select(literal(at, DateTime(timezone=True)))))


async def _who(address: SenderAddress) -> str:
    return address


async def _once(body: Note, db: Db, once: Once) -> object:
    claim = await once.claim(db, owner="account:1")
    return await claim.answer(body, status=201)


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    app.add_api_route("/api/v1/test-echo", _echo, methods=["POST"])
    app.add_api_route("/api/v1/test-any", _any, methods=["POST"])
    app.add_api_route("/api/v1/test-moment", _moment)
    app.add_api_route("/api/v1/test-once", _once, methods=["POST"])
    app.add_api_route("/api/v1/test-fail", _fail)
    app.add_api_route("/api/v1/test-sql", _sql)
    app.add_api_route("/api/v1/test-who", _who)
    return app


async def post(client: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    return await client.post("/api/v1/test-echo", content=body, headers=JSON | headers)


def outcome(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


async def test_an_unknown_path_is_a_problem_with_safe_headers(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/nothing")

    assert outcome(answer) == (404, "not-found")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_wrong_method_is_a_problem_that_names_the_right_one(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/livez")

    assert outcome(answer) == (405, "method-not-allowed")
    assert answer.headers["allow"] == answer.json()["allowed"] == "GET, HEAD"


async def test_every_path_tells_all_its_methods_and_has_head_beside_get(
    client: httpx.AsyncClient, app: FastAPI
) -> None:
    methods: dict[str, set[str]] = {}
    for path, operations in app.openapi()["paths"].items():
        shape = re.sub(r"{[^}]*}", "7", path)
        methods.setdefault(shape, set()).update(name.upper() for name in operations)
    assert len(methods) > 150

    for path, present in methods.items():
        absent = next(method for method in ("TRACE", "PROPFIND") if method not in present)
        answer = await client.request(absent, path)
        allowed = set(answer.headers["allow"].split(", "))
        assert outcome(answer) == (405, "method-not-allowed"), path
        assert allowed >= present | ({"HEAD"} if "GET" in present else set()), path
        head = await client.head(path)
        if "GET" in present:
            get = await client.get(path)
            assert (head.status_code, head.content) == (get.status_code, b""), path
        elif "GET" not in allowed:
            assert head.status_code == 405, path


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/", "/api/v1/hospitals", "/openapi.json", "/docs"])
async def test_a_balancer_may_ask_by_head(client: httpx.AsyncClient, path: str) -> None:
    head, get = await client.head(path), await client.get(path)

    assert head.status_code == get.status_code
    assert head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize(
    "kind",
    [
        'application/json; charset="utf-8"',
        "application/json;charset=utf8",
        "Application/JSON; Charset=UTF-8",
        "application/json; profile=x",
    ],
)
async def test_json_in_utf8_is_taken_however_that_is_spelt(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.post(
        "/api/v1/test-echo", content=b'{"title": "ab"}', headers={"content-type": kind}
    )

    assert answer.status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, br"])
async def test_a_compressed_body_is_refused_by_name(client: httpx.AsyncClient, encoding: str) -> None:
    answer = await post(client, gzip.compress(b'{"title": "ab"}'), **{"content-encoding": encoding})

    assert outcome(answer) == (415, "content-encoding-unsupported")
    assert (answer.json()["encoding"], encoding in answer.json()["title"]) == (encoding, True)


async def test_a_post_may_stand_for_patch_and_for_nothing_else(client: httpx.AsyncClient) -> None:
    path = "/api/v1/patients/00000000-0000-0000-0000-000000000000"

    as_patch = await client.post(path, json={}, headers={"x-http-method-override": "PATCH"})
    as_delete = await client.post(path, json={}, headers={"x-http-method-override": "DELETE"})

    assert outcome(as_patch) == (401, "not-logged-in")
    assert outcome(as_delete) == (405, "method-not-allowed")


@pytest.mark.parametrize(
    ("trusted", "peer", "seen"),
    [
        ("", "127.0.0.1", "127.0.0.1"),
        ("none", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1", "203.0.113.7"),
        ("10.0.0.0/8", "127.0.0.1", "127.0.0.1"),
        ("10.0.0.0/8", "10.0.0.2", "203.0.113.7"),
        ("10.0.0.0/8", "203.0.113.9", "203.0.113.9"),
    ],
)
async def test_only_a_trusted_proxy_says_where_a_request_comes_from(
    app: FastAPI, trusted: str, peer: str, seen: str
) -> None:
    app.state.settings = app.state.settings.model_copy(update={"trusted_proxies": trusted})
    transport = httpx.ASGITransport(app, client=(peer, 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://guahao.test") as client:
        answer = await client.get(
            "/api/v1/test-who", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}
        )

    assert answer.json() == seen


async def test_a_request_id_is_kept_and_a_strange_one_replaced(client: httpx.AsyncClient) -> None:
    kept = await client.get("/livez", headers={"x-request-id": "abc-1"})
    replaced = await client.get("/livez", headers={"x-request-id": "a b"})

    assert kept.headers["x-request-id"] == "abc-1"
    assert len(replaced.headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b'{"title": "\xc3\x28"}',
        b"{",
        b'{"title": NaN}',
        b"[" * 60_000,
        b'{"count": ' + b"9" * 5000 + b"}",
        b'{"title": "ab", "count": 1e400}',
        b'\xef\xbb\xbf{"title": "ab"}',
        '{"title": "ab"}'.encode("utf-16"),
        b'{"title": "ab", "title": "cd"}',
        b'{"title": "a\\u0000b"}',
        b'{"title": "a\\\\\\u0000b"}',
        b'{"title": "\\ud800b"}',
        b'{"title": "abc", "\\udc00": 1}',
        b'{"title": "a"}',
        b'{"title": "abcdef"}',
        b'{"title": 1}',
        b'{"title": "ab", "count": 11}',
        b'{"title": "ab", "count": 99999999999999999999}',
        b'{"title": "ab", "count": 1.5}',
        b'{"title": "ab", "more": 1}',
        b"{}",
        b"[]",
        b"null",
    ],
)
async def test_an_unusable_body_is_refused_in_chinese(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await post(client, body)

    assert outcome(answer) == (422, "invalid-request")
    assert all(not error["message"].isascii() for error in answer.json()["errors"])
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    ("written", "status"), [('"\\ud83d\\ude00"', 200), ('"\\ud83d"', 422), ('{"\\uDE00a": 1}', 422)]
)
async def test_half_a_character_is_refused_wherever_it_stands(
    client: httpx.AsyncClient, written: str, status: int
) -> None:
    body = f'{{"more": [{{"any": {written}}}]}}'.encode()

    answer = await client.post("/api/v1/test-any", content=body, headers=JSON)

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (b'{"title": "a\\u0000b"}', "title", "含有不能使用的字符，请删除后重新填写"),
        (
            b'{"more": [{"x": 1}, {"any": ["\\u0000"]}]}',
            "more.1.any.0",
            "含有不能使用的字符，请删除后重新填写",
        ),
        (b'{"more": {"a\\u0000": 1}}', "more", "含有不能使用的字符，请删除后重新填写"),
        (
            b'{"title": "\\ud83d"}',
            "title",
            "含有不完整的字符（例如只剩一半的表情符号），请删除后重新填写",
        ),
        (b'{"more": {"title": "ab", "title": "cd"}}', "title", "同一项填写了两次，请只保留一个"),
        (b'{"\\udc00": 1, "\\udc00": 2}', "?", "同一项填写了两次，请只保留一个"),
    ],
)
async def test_what_no_text_may_hold_is_told_of_the_field_that_holds_it(
    client: httpx.AsyncClient, body: bytes, field: str, message: str
) -> None:
    answer = await client.post("/api/v1/test-any", content=body, headers=JSON)

    assert outcome(answer) == (422, "invalid-request")
    assert answer.json()["errors"] == [{"in": "body", "field": field, "message": message}]


async def test_nul_in_a_query_is_told_of_the_parameter_that_holds_it(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/hospitals?city=%E6%9D%AD&q=a%00b")

    assert answer.json()["errors"] == [
        {"in": "query", "field": "q", "message": "含有不能使用的字符，请删除后重新填写"}
    ]


async def test_what_can_be_chosen_is_listed_in_chinese(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/sms-codes", json={"phone": "13800138000", "purpose": "x"})

    assert answer.json()["errors"] == [
        {
            "in": "body",
            "field": "purpose",
            "message": "只能是以下之一：register、login、reset、change_phone",
        }
    ]


async def test_a_written_out_backslash_is_no_nul(client: httpx.AsyncClient) -> None:
    answer = await post(client, json.dumps({"title": "\\u00"}).encode())

    assert answer.json()["title"] == "\\u00"


async def test_a_body_up_to_the_limit_is_read_and_a_larger_one_refused(client: httpx.AsyncClient) -> None:
    fits = await post(client, b'{"title": "ab"}' + b" " * (65536 - 15))
    larger = await post(client, b'{"title": "ab"}' + b" " * (65537 - 15))

    assert fits.status_code == 200
    assert outcome(larger) == (413, "body-too-large")


async def test_a_larger_body_of_unknown_length_is_refused(client: httpx.AsyncClient) -> None:
    async def parts() -> object:
        for _ in range(70):
            yield b" " * 1024

    answer = await client.post("/api/v1/test-echo", content=parts(), headers=JSON)

    assert outcome(answer) == (413, "body-too-large")


@pytest.mark.parametrize(
    "kind", ["text/plain", "", "application/x-www-form-urlencoded", "application/json; charset=gbk"]
)
async def test_a_body_that_is_not_json_is_refused(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.post(
        "/api/v1/test-echo", content=b'{"title": "ab"}', headers={"content-type": kind}
    )

    assert outcome(answer) == (415, "unsupported-media-type")


async def test_a_nul_in_the_query_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/hospitals?q=a%00b")

    assert outcome(answer) == (422, "invalid-request")
    assert [error["in"] for error in answer.json()["errors"]] == ["query"]


async def test_an_unforeseen_error_tells_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/test-fail")

    assert outcome(answer) == (500, "internal-error")
    assert "13800138000" not in answer.text
    assert answer.headers["x-request-id"]


async def test_a_replayed_answer_says_so(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k1"}

    first = await client.post("/api/v1/test-once", json={"title": "ab"}, headers=headers)
    again = await client.post("/api/v1/test-once", json={"title": "ab"}, headers=headers)
    other = await client.post("/api/v1/test-once", json={"title": "cd"}, headers=headers)

    assert (first.status_code, "idempotent-replayed" in first.headers) == (201, False)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert outcome(other) == (422, "idempotency-key-reused")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"title":"ab","count":1}', 201),
        (b'{ "count": 1,\n "title": "\\u0061b" }', 201),
        (b'{"title":"ab","count":2}', 422),
        (b'{"title":"ab"}', 422),
    ],
)
async def test_a_body_that_means_the_same_is_the_same_request(
    client: httpx.AsyncClient, body: bytes, status: int
) -> None:
    headers = JSON | {"Idempotency-Key": "k1"}
    first = b'{"title": "ab", "count": 1}'
    await client.post("/api/v1/test-once", content=first, headers=headers)

    again = await client.post("/api/v1/test-once", content=body, headers=headers)

    assert again.status_code == status
    assert ("idempotent-replayed" in again.headers) is (status == 201)


async def test_an_answer_that_an_earlier_release_kept_for_these_bytes_stands(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    headers, body = JSON | {"Idempotency-Key": "k1"}, b'{"title": "ab"}'
    first = await client.post("/api/v1/test-once", content=body, headers=headers)
    await db.execute(update(IdempotencyKey).values(body_hash=hashlib.sha256(body).digest()))
    await db.commit()

    again = await client.post("/api/v1/test-once", content=body, headers=headers)

    assert (again.status_code, again.content) == (201, first.content)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DiskFullError("full"),
        asyncpg.CannotConnectNowError("starting"),
        asyncpg.TooManyConnectionsError("many"),
        asyncpg.DeadlockDetectedError("dead"),
        asyncpg.SerializationError("serial"),
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.InterfaceError("connection is closed"),
        OperationalError("SELECT 1", {}, asyncpg.DiskFullError("full")),
        ConnectionRefusedError(),
        FileNotFoundError(),
        TimeoutError(),
    ],
)
def test_what_may_pass_is_answered_with_retry_after(error: Exception) -> None:
    problem = problem_of(error)

    assert (problem.status, problem.code, problem.retry_after_s) == (503, "temporarily-unavailable", 2)


async def test_a_number_beyond_the_column_is_the_clients_fault(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/test-sql", params={"statement": "SELECT 3000000000::int8::int4"})

    assert outcome(answer) == (422, "invalid-request")


async def test_a_time_that_the_driver_cannot_write_is_the_clients_fault(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/test-moment", params={"at": "0001-01-01T00:00:00+14:00"})

    assert outcome(answer) == (422, "invalid-request")


async def test_a_gone_database_is_told_and_recovered_from(settings: Settings, database: str) -> None:
    engine = make_engine(database, pool_size=2)
    app = create_app(settings, sessions=make_sessions(engine))
    app.add_api_route("/api/v1/test-sql", _sql)
    kill = "SELECT pg_terminate_backend(pg_backend_pid())"
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://guahao.test") as client:
        gone = await client.get("/api/v1/test-sql", params={"statement": kill})
        back = await client.get("/api/v1/test-sql", params={"statement": "SELECT 1"})
    await engine.dispose()

    assert outcome(gone) == (503, "temporarily-unavailable")
    assert gone.headers["retry-after"] == "2"
    assert back.json() == "1"


async def test_an_exhausted_pool_is_told(settings: Settings, database: str) -> None:
    engine = make_engine(database, pool_size=1)
    engine.pool._timeout = 0.05  # type: ignore[attr-defined]  # nobody should wait five seconds here
    app = create_app(settings, sessions=make_sessions(engine))
    app.add_api_route("/api/v1/test-sql", _sql)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://guahao.test") as client:
        slow = {"params": {"statement": "SELECT pg_sleep(0.5)"}}
        answers = await asyncio.gather(*(client.get("/api/v1/test-sql", **slow) for _ in range(2)))
    await engine.dispose()

    assert sorted(answer.status_code for answer in answers) == [200, 503]


async def test_no_database_at_all_is_told(settings: Settings) -> None:
    engine = make_engine("postgresql://nobody@/none?host=/nowhere")
    app = create_app(settings, sessions=make_sessions(engine))
    app.add_api_route("/api/v1/test-sql", _sql)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://guahao.test") as client:
        answer = await client.get("/api/v1/test-sql", params={"statement": "SELECT 1"})
        ready = await client.get("/readyz")

    assert outcome(answer) == (503, "temporarily-unavailable")
    assert (ready.status_code, ready.json()["checks"]["database"]) == (503, False)
