"""Booking's timers."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from guahao.booking.queries.law import check_places
from guahao.booking.service.expire import expire_holds
from guahao.booking.service.retention import forget_daily
from guahao.booking.service.suspension import refund_undecided
from guahao.kernel.crypto import KeyRing
from guahao.kernel.jobs import Errand, Job, Timed

JOBS: tuple[Job, ...] = (
    Job(name="booking.expire_holds", every=timedelta(seconds=1), run=expire_holds),
    Job(name="booking.refund_undecided", every=timedelta(seconds=30), run=refund_undecided),
    Job(name="booking.check_places", every=timedelta(hours=1), run=check_places),
)


def jobs(key_ring: KeyRing) -> tuple[Timed, ...]:
    """List booking's jobs; what is sealed needs the keys."""
    forgetting = partial(forget_daily, key_ring=key_ring)
    return (*JOBS, Errand(name="booking.forget_due", every=timedelta(days=1), run=forgetting))
