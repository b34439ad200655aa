"""Two people edited the same thing."""

from __future__ import annotations

from guahao.kernel.errors import EditConflict, Problem

__all__ = ["CodeTaken", "EditConflict"]


class CodeTaken(Problem):
    """Another row of the same kind has this code already."""

    code = "code-taken"
    status = 409
