from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic import SecretStr

from guahao.identity.access import StaffPermitted, current_account, public
from guahao.kernel.settings import Settings
from guahao.web.app import create_app

OPEN_TO_STAFF_TO_BE = {
    f"/api/v1/staff/{name}" for name in ("logins", "console/logins", "setup", "invitations")
}
OPERATIONS = {"/livez", "/readyz", "/metrics"}


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    nowhere = SecretStr("postgresql://nobody@127.0.0.1:1/none")
    return create_app(Settings(environment="demo", database_url=nowhere, data_dir=tmp_path))


def dependencies(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from dependencies(inner)


def declared(route: RouteContext) -> list[str]:
    calls = list(dependencies(route.dependant))
    return (
        ["public"] * (public in calls)
        + ["account"] * (current_account in calls)
        + [f"staff:{call.permission}" for call in calls if isinstance(call, StaffPermitted)]
    )


def api_routes(app: FastAPI) -> list[RouteContext]:
    found = [route for route in iter_route_contexts(app.routes) if isinstance(route.original_route, APIRoute)]
    return [route for route in found if route.path not in OPERATIONS]


def test_every_route_declares_exactly_one_way_in(app: FastAPI) -> None:
    found = {f"{sorted(route.methods or ())} {route.path}": declared(route) for route in api_routes(app)}

    assert found
    assert {name: ways for name, ways in found.items() if len(ways) != 1} == {}


def test_every_route_of_the_console_asks_for_a_staff_permission(app: FastAPI) -> None:
    console = [route for route in api_routes(app) if (route.path or "").startswith("/api/v1/staff/")]
    open_ = [route.path for route in console if not declared(route)[0].startswith("staff:")]

    assert console
    assert set(open_) <= OPEN_TO_STAFF_TO_BE


def test_every_route_is_documented(app: FastAPI) -> None:
    assert [route.path for route in api_routes(app) if not (route.description or "").strip()] == []


@pytest.mark.parametrize("path", ["/api/v1/appointments", "/api/v1/patients", "/api/v1/hospitals"])
def test_the_main_routes_are_in_the_contract(app: FastAPI, path: str) -> None:
    assert path in app.openapi()["paths"]
