"""Importing a workbook over HTTP: sent, queued, worked through by a worker, followed in the console."""

from guahao.web.imports.api_staff import router
from guahao.web.imports.job import JOBS

__all__ = ["JOBS", "router"]
