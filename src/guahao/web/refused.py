"""Which refusals stand in the trail, and what they say: judged where every problem leaves the server."""

from __future__ import annotations

import re

from fastapi import Request

from guahao.audit.service import STRANGER, Refusal, RefusalBook, RefusedAction
from guahao.identity.access import StaffRef, Tried
from guahao.kernel.address import counted_address
from guahao.kernel.errors import Problem
from guahao.kernel.ids import DIRECTORY

_OF_LOGINS = frozenset(
    {
        "login-refused",
        "login-paused",
        "sms-code-wrong",
        "old-password-wrong",
        "holder-not-proven",
        "staff-login-refused",
        "staff-login-paused",
        "staff-password-wrong",
        "second-factor-wrong",
        "recovery-code-wrong",
        "totp-code-wrong",
        "invitation-refused",
        "setup-code-wrong",
    }
)
_ID = re.compile(r"(?<=/)([0-9]+|[0-9a-fA-F-]{36})(?=/|$)")
_LONGEST = 120
_OF_SIGNATURES = frozenset({"notification-not-believed"})
_OF_STAFF = frozenset({403, 404})
_OF_CONTROLS = frozenset({"person-quota-spent", "same-person", "own-access-unchangeable", "control-weakened"})
"""What staff are told who try to get around a quota, or to be both of two people."""


def note_refusal(request: Request, problem: Problem) -> None:
    """Count a refusal that an auditor asks about; others, as a full slot, are no matter of the trail."""
    who: StaffRef | None = getattr(request.state, "staff", None)
    action = _action_of(problem, who)
    if action is None:
        return
    tried: Tried | None = getattr(request.state, "tried", None)
    own = who.hospital_id or DIRECTORY if who else DIRECTORY
    book: RefusalBook = request.app.state.refusals
    book.note(
        Refusal(
            action=action,
            code=problem.code,
            actor=f"staff:{who.id}" if who else STRANGER,
            subject=tried.subject if tried else _deed(request),
            address=counted_address(request.client.host if request.client else ""),
            hospital_id=tried.hospital_id if tried else own,
        ),
        now=request.app.state.clock(),
    )


def _deed(request: Request) -> str:
    """Method and path, the same whichever row was asked for."""
    return f"{request.method} {_ID.sub('{id}', request.url.path)}"[:_LONGEST]


def _action_of(problem: Problem, who: StaffRef | None) -> RefusedAction | None:
    if problem.code in _OF_LOGINS:
        return RefusedAction.LOGIN
    if problem.code in _OF_SIGNATURES:
        return RefusedAction.SIGNATURE
    if who is not None and (problem.status in _OF_STAFF or problem.code in _OF_CONTROLS):
        return RefusedAction.REQUEST
    return None
