"""Everything the API says it takes is sent to a real server; every answer is one that it says it gives."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.factories.village import Village, known_id
from tests.factories.village import village as served

SCHEMA = json.loads((Path(__file__).parents[2] / "openapi.json").read_text("utf-8"))
CONFIG = SchemathesisConfig.from_dict(
    {
        "generation": {"with-security-parameters": False, "deterministic": True, "max-examples": 6},
        "phases": {"coverage": {"enabled": True, "unexpected-methods": []}},
    }
)
NAMED = {"slot_id", "patient_id", "hospital_id", "department_id", "doctor_id", "campus_id"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
api = schemathesis.openapi.from_dict(SCHEMA, config=CONFIG).exclude(path="/readyz")  # no worker runs here


@schemathesis.serializer(
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "image/jpeg",
    "image/png",
    "image/webp",
)
def a_file_as_it_is(_: schemathesis.SerializationContext, value: object) -> bytes:
    """Send what was made up for a file: the service must tell that it is none."""
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    with served(tmp_path_factory.mktemp("openapi")) as made:
        yield made


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as kept:
        kept.trust_env = False  # proxies of the environment are not asked for each of 15,000 requests
        yield kept


@api.parametrize()
@settings(max_examples=6, suppress_health_check=list(HealthCheck), deadline=None)
def test_whatever_is_sent_is_answered_as_documented(
    case: schemathesis.Case[Any], village: Village, session: requests.Session
) -> None:
    person = village.person()
    if person % 2:  # half of the time something that exists
        case.path_parameters = {name: known_id(name, person) for name in case.path_parameters or {}}
        if isinstance(case.body, dict):
            case.body |= {name: known_id(name, person) for name in NAMED & case.body.keys()}

    headers = village.headers(case.path, person, case.method)
    answer = case.call(base_url=village.url, headers=headers, timeout=20, session=session)

    case.validate_response(answer, checks=CHECKS)


PROMISED = [
    ("POST /api/v1/sms-codes", "phone purpose", "expires_in_s"),
    ("POST /api/v1/accounts", "phone sms_code username password", "token account"),
    ("POST /api/v1/logins", "kind username password phone sms_code js_code", "token account"),
    ("DELETE /api/v1/logins/current", "", ""),
    ("GET /api/v1/me", "", "id"),
    ("GET /api/v1/patients", "", "items next_cursor"),
    ("POST /api/v1/patients", "name document_type document_number phone relation", "id"),
    ("PATCH /api/v1/patients/{patient_id}", "", "id"),
    ("DELETE /api/v1/patients/{patient_id}", "", ""),
    ("GET /api/v1/hospitals", "q city level", "items next_cursor id name"),
    ("GET /api/v1/hospitals/{hospital_id}", "", "id name"),
    ("GET /api/v1/hospitals/{hospital_id}/departments", "", "items id name children"),
    ("GET /api/v1/departments/{department_id}/doctors", "date", "items id name"),
    ("GET /api/v1/doctors/{doctor_id}", "", "id name"),
    ("GET /api/v1/search", "q", ""),
    (
        "GET /api/v1/doctors/{doctor_id}/sessions",
        "from to",
        "items id date period fee_fen state release_at slots starts_at ends_at capacity free bookable reason",
    ),
    ("GET /api/v1/hospitals/{hospital_id}/rules", "", ""),
    ("POST /api/v1/appointments", "slot_id patient_id", "id state hold_expires_at number order amount_fen"),
    ("GET /api/v1/appointments", "", "items next_cursor id state order"),
    ("GET /api/v1/appointments/{appointment_id}", "", "id state number order"),
    ("POST /api/v1/appointments/{appointment_id}/cancel", "", "id state"),
    ("POST /api/v1/appointments/{appointment_id}/reschedule", "slot_id", "id state"),
    ("GET /api/v1/orders/{order_id}", "", "id amount_fen state"),
    ("POST /api/appointment", "slot_id patient_id", "code message data"),
    ("GET /livez", "", ""),
    ("GET /readyz", "", ""),
    ("GET /sandbox/sms", "phone", "phone code text"),
    ("POST /api/v1/orders/{order_id}/payments", "channel", "id state params"),
    ("POST /callbacks/wechat-pay", "", ""),
    ("POST /callbacks/wechat-refund", "", ""),
    ("POST /callbacks/alipay", "", ""),
    ("POST /sandbox/wechat-pay/{prepay_id}/pay", "", "state"),
    ("POST /sandbox/alipay/{out_trade_no}/pay", "", "state"),
]
KEYED = [
    "/api/v1/appointments",
    "/api/v1/appointments/{appointment_id}/cancel",
    "/api/v1/appointments/{appointment_id}/reschedule",
    "/api/v1/orders/{order_id}/payments",
    "/api/v1/staff/orders/{order_id}/refunds",
    "/api/appointment",
]


def names_in(part: object, seen: frozenset[str] = frozenset()) -> set[str]:
    """Every property and parameter name below a part of the contract."""
    if isinstance(part, list):
        return {name for each in part for name in names_in(each, seen)}
    if not isinstance(part, dict):
        return set()
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return set() if name in seen else names_in(SCHEMA["components"]["schemas"][name], seen | {name})
    own = {*part.get("properties", {})} | ({part["name"]} if "in" in part else set())
    return own | names_in(list(part.values()), seen)


@pytest.mark.parametrize(("operation", "takes", "answers"), PROMISED)
def test_every_function_of_the_public_contract_is_there(operation: str, takes: str, answers: str) -> None:
    method, path = operation.split()

    found = SCHEMA["paths"][path][method.lower()]

    good = [answer for status, answer in found["responses"].items() if status.startswith("2")]
    assert set(takes.split()) <= names_in([found.get("parameters"), found.get("requestBody")])
    assert set(answers.split()) <= names_in(good)


@pytest.mark.parametrize("path", KEYED)
def test_whatever_books_or_cancels_takes_a_key(path: str) -> None:
    names = {parameter["name"].lower() for parameter in SCHEMA["paths"][path]["post"]["parameters"]}

    assert "idempotency-key" in names
