"""Why a session cannot be made or changed."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from guahao.catalog.queries import DoctorFacts
from guahao.kernel.errors import Extra, Problem
from guahao.kernel.i18n import text
from guahao.scheduling.models import ClosedBy


def _busy(kind: str, other: Mapping[str, Extra]) -> str:
    """The sentence about a session in the way; what was proposed before it told of people tells of none."""
    people = other.get("people")
    booked = text("schedule.busy-people", people=people) if people else ""
    return text(f"schedule.{kind}", **other, booked=booked)


class DoctorBusy(Problem):
    """The doctor has a session or template at this time; `session_id` names the session, once it is made."""

    code = "doctor-busy"
    status = 409

    @property
    def title(self) -> str:
        """The sentence, naming the other session when it is known."""
        return _busy(self.code, self.extra) if "when" in self.extra else super().title


class RoomBusy(Problem):
    """The room has a session or template at this time; `session_id` names the session, once it is made."""

    code = "room-busy"
    status = 409

    @property
    def title(self) -> str:
        """The sentence, naming the other session when it is known."""
        return _busy(self.code, self.extra) if "when" in self.extra else super().title


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


class HospitalClosed(Problem):
    """The hospital is closed, so no place of it can be had."""

    code = "hospital-closed"
    status = 409


class CampusClosed(Problem):
    """The campus is not in use any more, so no place there can be had."""

    code = "campus-closed"
    status = 409


class DepartmentClosed(Problem):
    """The department, or one above it, is not in use any more."""

    code = "department-closed"
    status = 409


class DoctorInactive(Problem):
    """The doctor does not see patients any more; `doctor` is the name where staff plan."""

    code = "doctor-inactive"
    status = 409

    @property
    def title(self) -> str:
        """The sentence, naming the doctor when that helps."""
        return text("schedule.doctor-inactive", **self.extra) if "doctor" in self.extra else super().title


class DoctorNotInDepartment(Problem):
    """The doctor does not work in this department (any more)."""

    code = "doctor-not-in-department"
    status = 409

    @property
    def title(self) -> str:
        """The sentence, naming the doctor for staff who plan."""
        return (
            text("schedule.doctor-not-in-department", **self.extra)
            if "doctor" in self.extra
            else super().title
        )


class LevelDiffers(Problem):
    """The level, which decides the fee, is not the doctor's, and nobody said that it shall be so."""

    code = "level-differs"
    status = 409

    @property
    def title(self) -> str:
        """The sentence, naming the doctor and the doctor's level for staff who plan."""
        if "doctor" not in self.extra:
            return super().title
        level = text(f"schedule.level-{self.extra['level']}")
        return text("schedule.level-differs", doctor=self.extra["doctor"], level=level)


class SubstituteLevelDiffers(Problem):
    """The substitute's own level (`level`), which decides the fee, is not that of the weekly clinic."""

    code = "substitute-level-differs"
    status = 409

    @property
    def title(self) -> str:
        """The sentence, with the doctor's level in words."""
        level = text(f"schedule.level-{self.extra['level']}")
        return text("schedule.substitute-level-differs", doctor=self.extra["doctor"], level=level)


class TemplateEnded(Problem):
    """The weekly clinic has ended; its last sessions see those who are booked and nobody else."""

    code = "template-ended"
    status = 409


def misfit(
    doctor: DoctorFacts, department_id: UUID, level: str, *, is_own_level: bool
) -> DoctorNotInDepartment | LevelDiffers | None:
    """Why a doctor cannot be planned for this department at this level, in words for who plans.

    The level decides the fee, so one that is not the doctor's must be meant: a form's default sets no price.
    """
    if department_id not in doctor.department_ids:
        return DoctorNotInDepartment(doctor=doctor.name)
    if level != doctor.level and not is_own_level:
        return LevelDiffers(doctor=doctor.name, level=doctor.level.value)
    return None


CLOSED: dict[ClosedBy, type[Problem]] = {
    ClosedBy.HOSPITAL: HospitalClosed,
    ClosedBy.CAMPUS: CampusClosed,
    ClosedBy.DEPARTMENT: DepartmentClosed,
    ClosedBy.DOCTOR: DoctorInactive,
    ClosedBy.MEMBERSHIP: DoctorNotInDepartment,
    ClosedBy.LEVEL: LevelDiffers,
    ClosedBy.TEMPLATE: TemplateEnded,
}
"""The refusal that each way of being closed is told by."""


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
