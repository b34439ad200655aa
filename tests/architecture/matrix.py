"""All staff routes as they are declared, and a request of each that names another hospital's rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from hypothesis import find
from hypothesis.strategies import from_regex
from pydantic import SecretStr

from guahao.identity.access import Permission, StaffPermitted
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.settings import Settings
from guahao.web.app import create_app

Json = dict[str, Any]
_TODAY = local_date(utc_now())
_MONDAY = _TODAY + timedelta(days=14 - _TODAY.weekday())
_NEXT = _MONDAY + timedelta(days=7)
_TEXTS = {
    "date": (f"{_MONDAY}", f"{_NEXT}"),
    "date-time": (f"{_MONDAY}T08:00:00+08:00", f"{_MONDAY}T10:00:00+08:00"),
    "time": ("08:00:00", "10:00:00"),
}
_LEFT_OUT = {"/api/v1/staff/hospitals/{hospital_id}/exceptions": {"doctor_id", "substitute_id"}}
"""Ids that a body may not hold together with its others."""

_ODD_NAMES = {
    "campuses": "campus",
    "dead-letters": "event",
    "fees": "fee_item",
    "logins": "login",
    "members": "staff",
    "patients": "patient",
}
"""What a path calls rows of a table by another name."""

_BY_FIELD = {"substitute": "doctor", "parent": "department", "fee": "fee_item"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One staff route with one method."""

    method: str
    path: str
    permission: Permission
    description: Json

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_about_oneself(self) -> bool:
        return self.permission is Permission.OWN_LOGIN

    @property
    def names_a_hospitals_row(self) -> bool:
        """Whether the path, or a query that must be given, says whose rows are meant."""
        wanted = {given["name"] for given in self.given("query") if given.get("required")}
        return "_id}" in self.path or "hospital_id" in wanted

    @property
    def takes_json(self) -> bool:
        """Whether a body of members is sent."""
        return "application/json" in self.description.get("requestBody", {}).get("content", {})

    @property
    def left_out(self) -> set[str]:
        """What its body may not hold together with the rest."""
        return _LEFT_OUT.get(self.path, set())

    def given(self, place: str) -> Iterator[Json]:
        return (given for given in self.description.get("parameters", []) if given["in"] == place)


def operations() -> list[Operation]:
    """Every route that asks for a staff permission."""
    app = _app()
    paths = app.openapi()["paths"]
    return [
        Operation(
            method=method,
            path=route.path,
            permission=permission,
            description=paths[route.path][method.lower()],
        )
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute) and route.path is not None
        for permission in _permissions(route.dependant)
        for method in sorted(route.methods or ())
    ]


@cache
def _app() -> FastAPI:
    nowhere = SecretStr("postgresql://nobody@127.0.0.1:1/none")
    return create_app(Settings(environment="demo", database_url=nowhere, data_dir=Path("/nonexistent")))


def _permissions(dependant: Dependant) -> Iterator[Permission]:
    if isinstance(dependant.call, StaffPermitted):
        yield dependant.call.permission
    for inner in dependant.dependencies:
        yield from _permissions(inner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One row of each table of one hospital, to be named in requests."""

    hospital_id: int
    ids: dict[str, str]

    def of_path(self, before: str) -> str:
        """The id of a row that stands in a path after this word. Raises KeyError."""
        word = _ODD_NAMES.get(before, before.removesuffix("s")).replace("-", "_")
        return self.ids[self._table(word)]

    def of_field(self, name: str) -> str:
        """The id for a field such as `doctor_id`; of another kind when there is no such table."""
        word = name.removesuffix("_id").removesuffix("_ids")
        try:
            return self.ids[self._table(_BY_FIELD.get(word, word))]
        except KeyError:
            return self.ids["slot"]

    def _table(self, word: str) -> str:
        exact = [table for table in self.ids if table == word]
        ending = [table for table in self.ids if table.endswith(f"_{word}")]
        found = exact or ending
        if len(found) != 1:
            message = f"which table is {word!r}? add it to matrix._ODD_NAMES"
            raise KeyError(message)
        return found[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A request ready to be sent by anybody."""

    method: str
    url: str
    params: Json
    sent: Json


def request_of(operation: Operation, rows: Rows) -> Wanted:
    """The smallest valid request of a route that names the rows of one hospital wherever it can."""
    schemas = _app().openapi()["components"]["schemas"]
    writer = _Writer(rows=rows, schemas=schemas)
    segments = operation.path.split("/")
    kinds = {given["name"]: given["schema"] for given in operation.given("path")}
    url = "/".join(
        _segment(segment, segments[position - 1], kinds, writer) for position, segment in enumerate(segments)
    )
    params = {
        given["name"]: writer.value(given["schema"], given["name"])
        for given in operation.given("query")
        if given.get("required") or given["name"] == "hospital_id"
    }
    return Wanted(method=operation.method, url=url, params=params, sent=writer.sent(operation))


def _segment(segment: str, before: str, kinds: dict[str, Json], writer: _Writer) -> str:
    def filled(match: re.Match[str]) -> str:
        name = match[1]
        if name == "hospital_id":
            return str(writer.rows.hospital_id)
        if name.endswith("_id"):
            return writer.rows.of_path(before)
        return str(writer.value(kinds[name], name))

    return re.sub(r"\{(\w+)\}", filled, segment)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    """Writes values that a schema allows: what is required, and every id."""

    rows: Rows
    schemas: dict[str, Json]

    def sent(self, operation: Operation) -> Json:
        content = operation.description.get("requestBody", {}).get("content", {})
        if not content:
            return {}
        if "application/json" not in content:
            return {"content": b"a file", "headers": {"Content-Type": next(iter(content))}}
        written = self.value(content["application/json"]["schema"], "")
        return {"json": {name: value for name, value in written.items() if name not in operation.left_out}}

    def value(self, schema: Json, name: str) -> Any:
        schema = self._resolved(schema)
        if name == "hospital_id":
            return str(self.rows.hospital_id) if schema.get("type") == "string" else self.rows.hospital_id
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        match schema.get("type"):
            case "object":
                return self._object(schema)
            case "array":
                return [self.value(schema["items"], name)] * max(1, schema.get("minItems", 0))
            case "integer" | "number" | "boolean" as kind:
                return False if kind == "boolean" else int(schema.get("minimum", 1))
        return self._text(schema, name)

    def _resolved(self, schema: Json) -> Json:
        while True:
            if "$ref" in schema:
                schema = self.schemas[schema["$ref"].rpartition("/")[2]]
            elif "anyOf" in schema or "oneOf" in schema:
                choices = schema.get("anyOf") or schema["oneOf"]
                schema = next(choice for choice in choices if choice.get("type") != "null")
            elif "allOf" in schema:
                schema = schema["allOf"][0]
            else:
                return schema

    def _object(self, schema: Json) -> Json:
        required = set(schema.get("required", ()))
        return {
            name: self.value(inner, name)
            for name, inner in schema.get("properties", {}).items()
            if name in required or name.endswith(("_id", "_ids"))
        }

    def _text(self, schema: Json, name: str) -> str:
        if name.endswith(("_id", "_ids")):
            return self.rows.of_field(name)
        early, late = _TEXTS.get(schema.get("format", ""), (None, None))
        if early is not None and late is not None:
            return late if name.startswith(("to", "ends", "until")) else early
        if "pattern" in schema:
            return _matching(schema["pattern"])
        return "x" * max(1, int(schema.get("minLength", 1)))


@cache
def _matching(pattern: str) -> str:
    found: str = find(from_regex(pattern, fullmatch=True), lambda _: True)
    return found
