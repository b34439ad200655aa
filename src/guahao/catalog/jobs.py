"""Timers of the catalogue."""

from __future__ import annotations

from datetime import timedelta

from guahao.catalog.service.picture import forget_unused_pictures
from guahao.catalog.service.search import reindex_next
from guahao.kernel.jobs import Job

JOBS = (
    Job(name="catalog.forget_pictures", every=timedelta(hours=1), run=forget_unused_pictures),
    Job(name="catalog.reindex", every=timedelta(minutes=1), run=reindex_next),
)
