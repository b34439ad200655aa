"""The refusals of booking."""

from __future__ import annotations

from guahao.kernel.errors import Problem


class SessionSuspended(Problem):
    """The doctor will not see patients in this session."""

    code = "session-suspended"
    status = 409


class SlotOver(Problem):
    """The slot has begun or the session is finished."""

    code = "slot-over"
    status = 409


class SlotNotReleased(Problem):
    """The places go on sale at `release_at`."""

    code = "slot-not-released"
    status = 409


class SlotFull(Problem):
    """Every place of the slot is taken; `later_free` places are left later in the same session."""

    code = "slot-full"
    status = 409


class BookingClosedNow(Problem):
    """The hospital takes no bookings at this hour; it opens again at `opens_at` local time."""

    code = "booking-closed-now"
    status = 409


class TooLateForTomorrow(Problem):
    """The hospital stops booking for the next day at `stops_at` local time."""

    code = "too-late-for-tomorrow"
    status = 409


class OutsideBookingWindow(Problem):
    """The day is further ahead than the hospital's booking window of `days` days."""

    code = "outside-booking-window"
    status = 409


class PatientNotVerified(Problem):
    """The patient's identity has not been verified yet."""

    code = "patient-not-verified"
    status = 409


class PatientConsentWithdrawn(Problem):
    """The account withdrew its consent to the processing of sensitive personal information."""

    code = "patient-consent-withdrawn"
    status = 409


class AlreadyBooked(Problem):
    """The person already stands in this session; `appointment_id` is that appointment."""

    code = "already-booked"
    status = 409


class DepartmentDayLimit(Problem):
    """The person already has an appointment in this department on this day."""

    code = "department-day-limit"
    status = 409


class TimeConflict(Problem):
    """The person has another appointment at an overlapping time."""

    code = "time-conflict"
    status = 409


class DailyLimit(Problem):
    """The person has reached the number of appointments for that day, `limit`."""

    code = "daily-limit"
    status = 409


class DailyDepartmentsLimit(Problem):
    """The person has reached the number of departments for that day, over all hospitals, `limit`."""

    code = "daily-departments-limit"
    status = 409


class WeeklyLimit(Problem):
    """The person has booked `limit` times within seven days."""

    code = "weekly-limit"
    status = 409


class MonthlyLimit(Problem):
    """The person has booked `limit` times within thirty days."""

    code = "monthly-limit"
    status = 409


class BookingBlocked(Problem):
    """The person may not book online here until `until`; the desk stays open."""

    code = "booking-blocked"
    status = 409


class UnpaidHoldsLimit(Problem):
    """The person gave up `limit` places unpaid within a day; the next may be booked at `until`."""

    code = "unpaid-holds-limit"
    status = 409


class MovesLimit(Problem):
    """The person moved appointments `limit` times within a day; the next move is possible at `until`."""

    code = "moves-limit"
    status = 409


class DepartmentSexLimit(Problem):
    """The department sees patients of the other sex only."""

    code = "department-sex-limit"
    status = 409


class DepartmentAgeLimit(Problem):
    """The department sees patients of another age only."""

    code = "department-age-limit"
    status = 409


class ElderlyPlaceOnly(Problem):
    """The place is kept for people of `age_years` and older."""

    code = "elderly-place-only"
    status = 409


class CancelTooLate(Problem):
    """The slot has begun; the desk decides about what happens now."""

    code = "cancel-too-late"
    status = 409
