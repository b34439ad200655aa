"""Timers of the catalogue."""

from __future__ import annotations

from datetime import timedelta

from guahao.catalog.service.picture import forget_unused_pictures
from guahao.kernel.jobs import Job

JOBS = (Job(name="catalog.forget_pictures", every=timedelta(hours=1), run=forget_unused_pictures),)
