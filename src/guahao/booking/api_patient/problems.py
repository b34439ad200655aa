"""The problems a booking may be refused by, for the documents of every route that books."""

from __future__ import annotations

from guahao.booking import policy
from guahao.booking.service import plan
from guahao.identity.access import NotLoggedIn
from guahao.kernel.errors import Invalid, NotFound, Problem, TooManyRequests, Unavailable
from guahao.kernel.idempotency import IdempotencyKeyReused, RequestInProgress
from guahao.scheduling.queries.states import CLOSED

BOOKING_PROBLEMS: tuple[type[Problem], ...] = (
    NotLoggedIn,
    NotFound,
    Invalid,
    TooManyRequests,
    Unavailable,
    RequestInProgress,
    IdempotencyKeyReused,
    policy.SessionSuspended,
    policy.SlotOver,
    *CLOSED.values(),
    policy.SlotNotReleased,
    policy.SlotFull,
    plan.SlotSoldOut,
    policy.BookingClosedNow,
    policy.TooLateForTomorrow,
    policy.OutsideBookingWindow,
    policy.PatientNotVerified,
    policy.PatientConsentWithdrawn,
    policy.AlreadyBooked,
    policy.DepartmentDayLimit,
    policy.TimeConflict,
    policy.DailyLimit,
    policy.DailyDepartmentsLimit,
    policy.WeeklyLimit,
    policy.MonthlyLimit,
    policy.BookingBlocked,
    policy.UnpaidHoldsLimit,
    policy.DepartmentSexLimit,
    policy.DepartmentAgeLimit,
)
