"""Puts the product together: routers, reactions, jobs, ports and numbers of all domains."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from fastapi import APIRouter, FastAPI
from sqlalchemy import func, select
from starlette.routing import BaseRoute

import guahao.audit.jobs
import guahao.booking.api_patient
import guahao.booking.api_staff
import guahao.booking.jobs
import guahao.booking.reactions
import guahao.catalog.api_patient
import guahao.catalog.api_staff
import guahao.catalog.jobs
import guahao.identity.api_patient
import guahao.identity.api_staff
import guahao.identity.jobs
import guahao.payment.api_patient
import guahao.payment.api_staff
import guahao.payment.jobs
import guahao.sandbox.api
import guahao.scheduling.api_patient
import guahao.scheduling.api_staff
import guahao.scheduling.jobs
from guahao.adapters.anchors import HttpAnchors, SyslogAnchors
from guahao.audit.ports import AnchorSink
from guahao.audit.queries import anchor_file
from guahao.booking.models import Appointment, AppointmentState
from guahao.booking.queries.copy import copy_of_bookings
from guahao.booking.queries.hindrances import hindrances
from guahao.catalog.queries.doctors import is_doctor
from guahao.catalog.queries.names import hospital_words
from guahao.kernel import idempotency, relay
from guahao.kernel.crypto import KeyRing, load_key_ring
from guahao.kernel.db import is_exactly
from guahao.kernel.events import Reaction
from guahao.kernel.jobs import Job, Timed
from guahao.kernel.settings import Environment, Settings
from guahao.payment.queries import NUMBERS as PAYMENT_NUMBERS
from guahao.payment.service.alarm import Alarm
from guahao.scheduling.service.touched import watching_sessions
from guahao.web import clients, front, health, imports, openapi, remote, trouble
from guahao.web.metrics import KERNEL_NUMBERS, Asked, job_numbers
from guahao.web.money import Providers, errands, providers
from guahao.web.outbound import outbound

_KERNEL_JOBS = (
    Job(name="kernel.forget_idempotency_keys", every=timedelta(minutes=10), run=idempotency.forget_expired),
    Job(name="kernel.forget_told_events", every=timedelta(minutes=10), run=relay.forget_told),
)
_HOLD_AGE = select(func.extract("epoch", func.now() - func.min(Appointment.created_at))).where(
    is_exactly(Appointment.state, AppointmentState.HELD)
)
_NUMBERS = (
    *KERNEL_NUMBERS,
    Asked(name="guahao_hold_age_seconds", meaning="Age of the oldest hold", select=_HOLD_AGE),
    *(Asked(name=one.name, meaning=one.meaning, select=one.select) for one in PAYMENT_NUMBERS),
)


@functools.cache
def _routes(*, is_demo: bool, shows_api: bool, tells_numbers: bool) -> Sequence[BaseRoute]:
    """List every domain's routes, built once in a process; the sandbox's only where things are tried out."""
    found = APIRouter()
    for hot in (
        guahao.booking.api_patient.hot,
        guahao.scheduling.api_patient.hot,
        guahao.payment.api_patient.hot,
    ):
        found.routes.extend(hot.routes)  # first and directly: including a router costs each request
    for router in (
        health.router,
        front.router,
        clients.router,
        openapi.problems_router,
        *([openapi.router] if shows_api else ()),
        guahao.identity.api_patient.router,
        guahao.identity.api_staff.router,
        guahao.catalog.api_patient.router,
        guahao.catalog.api_staff.router,
        guahao.scheduling.api_patient.router,
        guahao.scheduling.api_staff.router,
        guahao.booking.api_patient.router,
        guahao.booking.api_staff.router,
        guahao.payment.api_patient.router,
        guahao.payment.api_staff.router,
        trouble.router,
        imports.router,
        *([guahao.sandbox.api.router] if is_demo else ()),
        *([health.numbers_router] if tells_numbers else ()),
    ):
        found.include_router(router)
    return found.routes


def reactions() -> tuple[Reaction, ...]:
    """List every domain's reactions to others' events."""
    return guahao.booking.reactions.REACTIONS


def anchor_sinks(settings: Settings) -> tuple[AnchorSink, ...]:
    """List where the heads of the audit chains are carried: always a file, and what the settings name."""
    sinks: list[AnchorSink] = [guahao.audit.jobs.AnchorFile(anchors_file(settings))]
    if settings.anchor_syslog:
        sinks.append(SyslogAnchors(settings.anchor_syslog))
    if settings.anchor_url:
        sinks.append(HttpAnchors(outbound(), url=settings.anchor_url))
    return tuple(sinks)


def anchors_file(settings: Settings) -> Path:
    """Name the file that carries the heads of the audit chains out of the database."""
    return anchor_file(settings.data_dir)


def jobs(settings: Settings, key_ring: KeyRing, used: Providers) -> tuple[Timed, ...]:
    """List every domain's jobs and errands, given what they need of the settings."""
    return (
        *_KERNEL_JOBS,
        *guahao.audit.jobs.jobs(key=key_ring.audit, sinks=anchor_sinks(settings)),
        *guahao.identity.jobs.jobs(key_ring),
        *guahao.catalog.jobs.JOBS,
        *guahao.scheduling.jobs.JOBS,
        *imports.JOBS,
        *guahao.booking.jobs.jobs(key_ring),
        *guahao.payment.jobs.JOBS,
        *guahao.payment.jobs.errands(used.gateways),
        *errands(settings, used),
    )


def key_ring_of(settings: Settings) -> KeyRing:
    """Read the installation's keys. Raises `KeysUnusable`."""
    production = settings.environment is Environment.PRODUCTION
    return load_key_ring(settings.keys_path, production=production)


def wire(app: FastAPI, settings: Settings) -> None:
    """Give the application its ports and routes."""
    app.state.key_ring = key_ring_of(settings)
    app.state.sms_sender = remote.sms_sender(settings, app.state.sessions)
    app.state.wechat = remote.wechat_identity(settings, app.state.sessions)
    app.state.doctor_directory = is_doctor
    app.state.hospital_words = hospital_words
    app.state.hindrances = hindrances
    app.state.account_copy = copy_of_bookings
    app.state.session_watch = watching_sessions
    app.state.identity_verifier = remote.identity_verifier(settings)
    used = providers(settings, app.state.sessions)
    app.state.gateways = used.gateways
    app.state.alipay_shop = used.alipay_shop
    app.state.alarm = Alarm()
    names = [job.name for job in jobs(settings, app.state.key_ring, used)]
    app.state.numbers = (*_NUMBERS, *job_numbers(names))
    app.state.reactions = reactions()
    is_demo = settings.environment is Environment.DEMO
    app.router.routes.extend(
        _routes(
            is_demo=is_demo,
            shows_api=settings.shows_api,
            tells_numbers=is_demo and settings.metrics_port is None,
        )
    )
