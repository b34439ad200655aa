"""Payment's timers: what is asked of providers, outside of any transaction."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from guahao.kernel.clock import utc_now
from guahao.kernel.jobs import Errand, Job
from guahao.payment.ports import Gateways
from guahao.payment.service.asking import ask_about_payments
from guahao.payment.service.reconcile import fetch_bills
from guahao.payment.service.returning import follow_refunds, send_refunds
from guahao.payment.service.watch import watch

JOBS: tuple[Job, ...] = (Job(name="payment.watch", every=timedelta(minutes=1), run=watch),)


def errands(gateways: Gateways) -> tuple[Errand, ...]:
    """Payment's errands with the providers they call."""
    return (
        Errand(
            name="payment.ask_about_payments",
            every=timedelta(seconds=0.5),
            run=partial(ask_about_payments, gateways=gateways),
        ),
        Errand(
            name="payment.send_refunds",
            every=timedelta(seconds=1),
            run=partial(send_refunds, gateways=gateways),
        ),
        Errand(
            name="payment.follow_refunds",
            every=timedelta(seconds=5),
            run=partial(follow_refunds, gateways=gateways),
        ),
        Errand(
            name="payment.fetch_bills",
            every=timedelta(seconds=5),
            run=partial(fetch_bills, gateways=gateways, clock=utc_now),
            lease=timedelta(minutes=15),
        ),
    )
