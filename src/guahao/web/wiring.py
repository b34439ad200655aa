"""Puts the product together: routers, reactions, jobs and ports of all domains."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import Any

from fastapi import APIRouter, FastAPI

from guahao.kernel import idempotency, relay
from guahao.kernel.crypto import KeyRing, load_key_ring
from guahao.kernel.events import Reaction
from guahao.kernel.jobs import Job
from guahao.kernel.settings import Environment, Settings
from guahao.web import health, openapi, remote
from guahao.web.metrics import KERNEL_NUMBERS, Asked

KERNEL_JOBS = (
    Job(name="kernel.forget_idempotency_keys", every=timedelta(minutes=10), run=idempotency.forget_expired),
    Job(name="kernel.forget_told_events", every=timedelta(minutes=10), run=relay.forget_told),
)


def _found(module: str, name: str) -> Any:
    # WHILE DOMAINS ARE BEING BUILT: what does not exist yet is left out.
    try:
        return getattr(import_module(f"guahao.{module}"), name)
    except (ImportError, AttributeError) as error:
        import sys; print(f"NOT WIRED: {module}.{name}: {type(error).__name__} {error}", file=sys.stderr)
        return None


def routers(settings: Settings) -> list[APIRouter]:
    """List the routes of every domain; the sandbox's only where things are tried out."""
    found = [health.router, openapi.router]
    for module in (
        "identity.api_patient", "identity.api_staff", "catalog.api_patient", "catalog.api_staff",
        "scheduling.api_patient", "scheduling.api_staff", "booking.api_patient", "booking.api_staff",
        "payment.api_patient", "audit.api_staff",
    ):
        router = _found(module, "router")
        if router is not None:
            found.append(router)
    if settings.environment is Environment.DEMO:
        router = _found("sandbox.api", "router")
        if router is not None:
            found.append(router)
    return found


def reactions() -> tuple[Reaction, ...]:
    """List every domain's reactions to others' events."""
    return tuple(r for m in ("booking", "scheduling", "catalog", "notification", "payment", "identity", "audit")
                 for r in (_found(f"{m}.reactions", "REACTIONS") or ()))


def jobs(settings: Settings, key_ring: KeyRing) -> tuple[Job, ...]:
    """List every domain's jobs, given what they need of the settings."""
    return KERNEL_JOBS + tuple(j for m in ("booking", "scheduling", "catalog", "notification", "payment", "identity", "audit")
                 for j in (_found(f"{m}.jobs", "JOBS") or ()))


def key_ring_of(settings: Settings) -> KeyRing:
    """Read the installation's keys."""
    production = settings.environment is Environment.PRODUCTION
    return load_key_ring(settings.keys_path, production=production)


def wire(app: FastAPI, settings: Settings) -> None:
    """Give the application its ports and routes."""
    app.state.key_ring = key_ring_of(settings)
    app.state.sms_sender = remote.sms_sender(settings)
    app.state.wechat = remote.wechat_identity(settings)
    app.state.numbers = KERNEL_NUMBERS
    for router in routers(settings):
        app.include_router(router)
    if settings.metrics_port is None:
        app.add_api_route("/metrics", health.numbers, include_in_schema=False)
