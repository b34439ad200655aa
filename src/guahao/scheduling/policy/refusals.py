"""Why a session cannot be made or changed."""

from __future__ import annotations

from guahao.kernel.errors import Problem
from guahao.kernel.i18n import text


class DoctorBusy(Problem):
    """The doctor already has a session or template at this time; `session_id` names the session."""

    code = "doctor-busy"
    status = 409

    @property
    def title(self) -> str:
        """The sentence, naming the other session when it is known."""
        return text("schedule.doctor-busy", **self.extra) if "session_id" in self.extra else super().title


class RoomBusy(Problem):
    """The room already has a session or template at this time; `session_id` names the session."""

    code = "room-busy"
    status = 409

    @property
    def title(self) -> str:
        """The sentence, naming the other session when it is known."""
        return text("schedule.room-busy", **self.extra) if "session_id" in self.extra else super().title


class SessionStateConflict(Problem):
    """The session's state does not allow this; `state` tells the state."""

    code = "session-state-conflict"
    status = 409


class SessionInPast(Problem):
    """The session would begin in the past."""

    code = "session-in-past"
    status = 409


class FeeMissing(Problem):
    """No price is set for this level on this day, so the session must not go on sale."""

    code = "fee-missing"
    status = 409


class DoctorInactive(Problem):
    """The doctor does not see patients any more; `doctor` is the name."""

    code = "doctor-inactive"
    status = 409


class DayIsHoliday(Problem):
    """The day is a public holiday and the change was not asked to fill holidays; `holiday` names it."""

    code = "day-is-holiday"
    status = 409


class PlacesTaken(Problem):
    """Fewer places were asked for than are taken or kept; `least` is the smallest number that fits."""

    code = "places-taken"
    status = 409


class SessionReleased(Problem):
    """The places are on sale already, so the moment of release cannot move."""

    code = "session-released"
    status = 409


class ReleaseAfterStart(Problem):
    """The places would go on sale when the session has begun."""

    code = "release-after-start"
    status = 422
