from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from guahao.identity.access import StaffPermitted, current_account, public

OPERATIONS = {"/livez", "/readyz", "/metrics"}


def dependencies(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from dependencies(inner)


def declared(route: APIRoute) -> list[str]:
    calls = list(dependencies(route.dependant))
    return (
        ["public"] * (public in calls)
        + ["account"] * (current_account in calls)
        + [f"staff:{call.permission}" for call in calls if isinstance(call, StaffPermitted)]
    )


def api_routes(app: FastAPI) -> list[APIRoute]:
    return [route for route in app.routes if isinstance(route, APIRoute) and route.path not in OPERATIONS]


def test_every_route_declares_exactly_one_way_in(app: FastAPI) -> None:
    found = {f"{sorted(route.methods or ())} {route.path}": declared(route) for route in api_routes(app)}

    assert found
    assert {name: ways for name, ways in found.items() if len(ways) != 1} == {}


def test_every_route_of_the_console_asks_for_a_staff_permission(app: FastAPI) -> None:
    console = [route for route in api_routes(app) if route.path.startswith("/api/v1/staff/")]
    open_ = [route.path for route in console if not declared(route)[0].startswith("staff:")]

    assert console
    assert set(open_) <= {"/api/v1/staff/logins"}


def test_every_route_is_documented(app: FastAPI) -> None:
    assert [route.path for route in api_routes(app) if not (route.description or "").strip()] == []


@pytest.mark.parametrize("path", ["/api/v1/appointments", "/api/v1/patients", "/api/v1/hospitals"])
def test_the_main_routes_are_in_the_contract(app: FastAPI, path: str) -> None:
    assert path in app.openapi()["paths"]
