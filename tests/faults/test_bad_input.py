"""Every operation of the API, sent what nobody should send, over real HTTP: refused, never broken."""

import asyncio
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import pytest

from bench import seed
from guahao.identity.service.token import hash_of
from tests.factories.village import PEOPLE, Village, known_id
from tests.factories.village import village as served

SCHEMA = json.loads((Path(__file__).parents[2] / "openapi.json").read_text("utf-8"))
OPERATIONS = [
    (method.upper(), path, operation)
    for path, methods in SCHEMA["paths"].items()
    for method, operation in methods.items()
    if path != "/readyz"  # 503 here: no worker runs
]
WITH_BODY = [
    one for one in OPERATIONS if "application/json" in one[2].get("requestBody", {}).get("content", {})
]
UPLOADS = [one for one in OPERATIONS if "requestBody" in one[2] and one not in WITH_BODY]
GUARDED = [one for one in OPERATIONS if "security" in one[2]]
HOSTILE = (
    "'; DROP TABLE appointment; --",
    "<script>alert(1)</script>",
    "${jndi:ldap://x}{{7*7}}%s%n",
    "\u202e\u200b\U0001f600 王\u0301",
    "../../etc/passwd",
    "a" * 60_000,
    " ",
    "",
)
FILES = (
    b"",
    b"PK\x03\x04 begins like a workbook",
    b"\x89PNG\r\n\x1a\n and ends here",
    b"\xff\xd8\xff\xe0",
    b"<svg onload=alert(1)>",
    bytes(100_000),
)
NUMBERS = (-1, 0, 2**31, -(2**31) - 1, 2**63, 2**64, 10**400, 1e308, 0.1)
TRICKY_IDS = (
    "0",
    "-1",
    str(2**31),
    "9" * 400,
    "١",
    "null",
    "%2e%2e",
    "' OR 1=1 --",
    "a" * 3000,
    "%ff",
    "%00",
)
NO_CAUSE = "填写有误，请检查"
_HAN = re.compile(r"^(name|short_name|title)$")


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    with served(tmp_path_factory.mktemp("bad-input")) as made:
        yield made


@pytest.fixture
def http(village: Village) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=village.url, timeout=20) as client:
        yield client


def named(operation: tuple[str, str, Any]) -> str:
    return f"{operation[0]} {operation[1]}"


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = SCHEMA["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for choice in ("oneOf", "anyOf", "allOf"):
        if choice in schema:
            return resolved(schema[choice][0])
    return schema


def body_of(operation: dict[str, Any]) -> dict[str, Any]:
    return resolved(operation["requestBody"]["content"]["application/json"]["schema"])


def example(name: str, schema: dict[str, Any], person: int) -> Any:
    schema = resolved(schema)
    if name.endswith("_id"):
        return known_id(name, person)
    for fixed in ("const", "default"):
        if schema.get(fixed) is not None:
            return schema[fixed]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        required = schema.get("required", [])
        return {key: example(key, schema["properties"][key], person) for key in required}
    plain = {"integer": schema.get("minimum", 1), "number": 1, "boolean": True, "array": []}
    return plain[kind] if kind in plain else text_of(name, schema, person)


def text_of(name: str, schema: dict[str, Any], person: int) -> str:
    formats: dict[str, str] = {
        "date": "2026-12-01",
        "date-time": "2026-12-01T08:00:00+08:00",
        "time": "08:00:00",
    }
    if schema.get("format") in formats:
        return formats[str(schema["format"])]
    if name == "code":
        return f"C{person}"
    letter, length = ("甲", 2) if _HAN.match(name) else ("a", 4)
    return letter * max(length, int(schema.get("minLength", 0)))


def address(path: str, person: int) -> str:
    return re.sub(r"{(\w+)}", lambda found: known_id(found[1], person), path)


def changed_bodies(schema: dict[str, Any], person: int) -> Iterator[Any]:
    """The example without each field, and with each field replaced by whatever it is not."""
    good = example("", schema, person)
    yield from ({key: value for key, value in good.items() if key != left_out} for left_out in good)
    yield good | {"unexpected": 1}
    yield from (None, [], "text", 1, {})
    for name in schema["properties"]:
        values: tuple[Any, ...] = (*HOSTILE, *NUMBERS, None, True, [], {}, [[]], {"a": {}})
        for value in values:
            yield good | {name: value}


def fine(answer: httpx.Response) -> None:
    assert answer.status_code < 500, f"{answer.request.method} {answer.request.url} {answer.text[:300]}"
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"]
        told = [error["message"] for error in answer.json().get("errors", [])]
        assert NO_CAUSE not in told, f"{answer.request.method} {answer.request.url} {answer.text[:300]}"


@pytest.mark.parametrize("operation", WITH_BODY, ids=named)
def test_wrong_missing_and_hostile_fields_break_nothing(
    village: Village, http: httpx.Client, operation: tuple[str, str, Any]
) -> None:
    method, path, described = operation
    schema = body_of(described)
    for body in changed_bodies(schema, village.person()):
        person = village.person()
        content = json.dumps(body).encode()
        headers = village.headers(path, person, method) | {"content-type": "application/json"}

        answer = http.request(method, address(path, person), content=content, headers=headers)

        fine(answer)
        if answer.is_success and isinstance(body, dict) and answer.content:
            comes_back(body, answer.json())


def comes_back(body: dict[str, Any], answer: Any) -> None:
    for name in body.keys() & (answer.keys() if isinstance(answer, dict) else set()):
        if body[name] in HOSTILE:
            assert answer[name] in {body[name].strip(), None}


@pytest.mark.parametrize("operation", WITH_BODY, ids=named)
def test_what_is_no_json_text_is_refused_everywhere(
    village: Village, http: httpx.Client, operation: tuple[str, str, Any]
) -> None:
    method, path, described = operation
    name = next(iter(body_of(described)["properties"]))
    cases = {
        f'{{"{name}": "a", "{name}": "b"}}'.encode(): (422, "invalid-request"),
        f'{{"{name}": "'.encode() + b'\xc3\x28"}': (422, "invalid-request"),
        f'{{"{name}": "a\\u0000b"}}'.encode(): (422, "invalid-request"),
        f'{{"{name}": "a'.encode(): (422, "invalid-request"),
        b"[" * 60_000: (422, "invalid-request"),
        b" " * (64 * 1024 + 1): (413, "body-too-large"),
    }
    for content, expected in cases.items():
        headers = village.headers(path, village.person(), method) | {"content-type": "application/json"}
        answer = http.request(method, address(path, 1), content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == expected
    headers = village.headers(path, village.person(), method) | {"content-type": "text/xml"}
    answer = http.request(method, address(path, 1), content=b"<a/>", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type")


@pytest.mark.parametrize("operation", UPLOADS, ids=named)
def test_what_is_no_such_file_is_refused_or_found_out_later(
    village: Village, http: httpx.Client, operation: tuple[str, str, Any]
) -> None:
    method, path, _ = operation
    for content in FILES:
        answer = http.request(method, address(path, 1), content=content, headers=allowed(village, operation))
        fine(answer)
        assert answer.status_code in {202, 413, 415, 422, 429}, answer.text


def allowed(village: Village, operation: tuple[str, str, Any]) -> dict[str, str]:
    """The headers of somebody who may, with a type of file that the operation takes."""
    method, path, described = operation
    return village.headers(path, village.person(), method) | {
        "content-type": next(iter(described["requestBody"]["content"]))
    }


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_no_path_and_no_query_breaks_anything(
    village: Village, http: httpx.Client, operation: tuple[str, str, Any]
) -> None:
    method, path, described = operation
    queries = [one["name"] for one in described.get("parameters", []) if one["in"] == "query"]
    addresses = [re.sub(r"{\w+}", value, path) for value in TRICKY_IDS if "{" in path]
    addresses += [
        f"{address(path, 1)}?{name}={value}"
        for name in queries
        for value in (*TRICKY_IDS, *(quote(text[:5000]) for text in HOSTILE), *map(str, NUMBERS))
    ]
    for where in addresses:
        is_sent = "requestBody" in described
        headers = allowed(village, operation) if is_sent else village.headers(path, village.person(), method)

        fine(http.request(method, where, content=b"{}" if is_sent else None, headers=headers))


def test_every_guarded_operation_knows_its_callers(village: Village, http: httpx.Client) -> None:
    expired = seed.token(seed_expired(village))
    for method, path, described in GUARDED:
        kind = next(iter(described.get("requestBody", {}).get("content", {"application/json": {}})))
        is_staff = path.startswith("/api/v1/staff/")
        foreign = village.headers("/" if is_staff else "/api/v1/staff/", village.person())["Authorization"]
        for header in (None, "Bearer stolen", "Basic YTpi", f"Bearer {expired}", foreign):
            headers = {"content-type": kind} | ({} if header is None else {"Authorization": header})
            answer = http.request(method, address(path, 1), headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "not-logged-in"), (
                method,
                path,
                header,
            )


def seed_expired(village: Village) -> int:
    """Let the login of somebody who never came be over; answers their number."""
    person = PEOPLE

    async def expire() -> None:
        connection = await asyncpg.connect(village.dsn)
        await connection.execute(
            "UPDATE login SET idle_expires_at = now() - interval '1 second' WHERE token_hash = $1",
            hash_of(seed.token(person)),
        )
        await connection.close()

    asyncio.run(expire())
    return person


TURNING = "\u202e"


@pytest.mark.parametrize(
    "hostile", [text.replace(f"{TURNING}\u200b", "") for text in HOSTILE if 1 < len(text) < 100]
)
def test_hostile_text_is_kept_and_shown_unchanged(village: Village, http: httpx.Client, hostile: str) -> None:
    path = "/api/v1/staff/hospitals/1/departments"
    headers = village.headers(path, 1, "POST")
    code = next(f"H{number}" for number in itertools.count(village.person()))
    body = {"code": code, "name": hostile}

    made = http.post(path, json=body, headers=headers)

    assert (made.status_code, made.json()["name"]) == (201, hostile)
    listed = http.get(path, headers=headers).text
    assert json.dumps(hostile, ensure_ascii=False)[1:-1] in listed


def test_text_that_turns_what_stands_beside_it_is_refused(village: Village, http: httpx.Client) -> None:
    path = "/api/v1/staff/hospitals/1/departments"

    refused = http.post(
        path,
        json={"code": "TURN", "name": f"内科{TURNING}"},
        headers=village.headers(path, 1, "POST"),
    )

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "name")
