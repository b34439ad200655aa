"""How commands talk: results on stdout, everything else on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from guahao.web.workbook.apply import Progress as Report

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Refused(Exception):
    """A command cannot do what was asked; the message says why and what to do."""


def complain(*lines: str) -> None:
    """Say on stderr what is wrong."""
    for line in lines:
        err.print(f"guahao: {line}", markup=False)


@contextmanager
def progress_bar() -> Iterator[Report]:
    """Answer a function `(title, done, total)` that shows one bar for each title."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as bars:
        tasks: dict[str, int] = {}

        def report(title: str, done: int, total: int) -> None:
            if title not in tasks:
                tasks[title] = bars.add_task(title, total=total)
            bars.update(tasks[title], completed=done, total=total)  # type: ignore[arg-type]  # TaskID is int

        yield report
