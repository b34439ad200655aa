"""Two people edited the same thing."""

from __future__ import annotations

from guahao.kernel.errors import Problem


class EditConflict(Problem):
    """Somebody saved this in the meantime; `your_version` and `current_version` tell how far apart."""

    code = "edit-conflict"
    status = 409


class CodeTaken(Problem):
    """Another row of the same kind has this code already."""

    code = "code-taken"
    status = 409
