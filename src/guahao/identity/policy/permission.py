"""Roles of staff and what each may do; whatever is not listed is refused."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """A person of the hospital may have several."""

    PLATFORM_ADMIN = "platform_admin"
    HOSPITAL_ADMIN = "hospital_admin"
    DESK = "desk"
    NURSE = "nurse"
    DOCTOR = "doctor"
    FINANCE = "finance"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What a staff route asks for; each route declares exactly one."""

    CREATE_HOSPITAL = "create_hospital"
    VIEW_CATALOG = "view_catalog"
    EDIT_CATALOG = "edit_catalog"
    APPROVE_FEE = "approve_fee"
    EDIT_RULES = "edit_rules"
    VIEW_SCHEDULE = "view_schedule"
    EDIT_SCHEDULE = "edit_schedule"
    SUSPEND_SESSION = "suspend_session"
    ADD_PLACES = "add_places"
    VIEW_APPOINTMENTS = "view_appointments"
    BOOK_FOR_PATIENT = "book_for_patient"
    VIEW_ORDERS = "view_orders"
    TAKE_PAYMENT = "take_payment"
    HAND_OVER_REFUND = "hand_over_refund"
    MANAGE_MONEY = "manage_money"
    VIEW_BOOKS = "view_books"
    VIEW_PAYMENT_SETTINGS = "view_payment_settings"
    EDIT_PAYMENT_SETTINGS = "edit_payment_settings"
    VIEW_EVENTS = "view_events"
    SETTLE_EVENTS = "settle_events"
    MANAGE_STAFF = "manage_staff"
    APPROVE_CONTROL = "approve_control"
    VIEW_AUDIT = "view_audit"
    VIEW_RELEASES = "view_releases"
    OWN_LOGIN = "own_login"


_EVERYBODY = {Permission.OWN_LOGIN, Permission.VIEW_CATALOG}
_PLANNING = {
    Permission.VIEW_SCHEDULE,
    Permission.EDIT_SCHEDULE,
    Permission.SUSPEND_SESSION,
    Permission.ADD_PLACES,
}
_WATCHING_MONEY = {Permission.VIEW_ORDERS, Permission.VIEW_BOOKS, Permission.VIEW_PAYMENT_SETTINGS}

PERMISSIONS_OF: dict[Role, frozenset[Permission]] = {
    Role.PLATFORM_ADMIN: frozenset(
        {
            *_EVERYBODY,
            *_PLANNING,
            Permission.CREATE_HOSPITAL,
            Permission.EDIT_CATALOG,
            Permission.APPROVE_FEE,
            Permission.EDIT_RULES,
            Permission.VIEW_EVENTS,
            Permission.SETTLE_EVENTS,
            Permission.MANAGE_STAFF,
            Permission.APPROVE_CONTROL,
        }
    ),
    Role.HOSPITAL_ADMIN: frozenset(
        {
            *_EVERYBODY,
            *_PLANNING,
            Permission.EDIT_CATALOG,
            Permission.APPROVE_FEE,
            Permission.EDIT_RULES,
            Permission.VIEW_APPOINTMENTS,
            Permission.VIEW_RELEASES,
            Permission.VIEW_EVENTS,
            Permission.SETTLE_EVENTS,
            Permission.VIEW_PAYMENT_SETTINGS,
            Permission.EDIT_PAYMENT_SETTINGS,
            Permission.MANAGE_STAFF,
            Permission.APPROVE_CONTROL,
        }
    ),
    Role.DESK: frozenset(
        {
            *_EVERYBODY,
            Permission.VIEW_SCHEDULE,
            Permission.VIEW_APPOINTMENTS,
            Permission.BOOK_FOR_PATIENT,
            Permission.VIEW_ORDERS,
            Permission.TAKE_PAYMENT,
            Permission.HAND_OVER_REFUND,
        }
    ),
    Role.NURSE: frozenset({*_EVERYBODY, Permission.VIEW_SCHEDULE, Permission.VIEW_APPOINTMENTS}),
    Role.DOCTOR: frozenset(
        {*_EVERYBODY, Permission.VIEW_SCHEDULE, Permission.VIEW_APPOINTMENTS, Permission.ADD_PLACES}
    ),
    Role.FINANCE: frozenset(
        {
            *_EVERYBODY,
            *_WATCHING_MONEY,
            Permission.APPROVE_FEE,
            Permission.HAND_OVER_REFUND,
            Permission.MANAGE_MONEY,
        }
    ),
    Role.AUDITOR: frozenset({*_EVERYBODY, *_WATCHING_MONEY, Permission.VIEW_AUDIT, Permission.VIEW_RELEASES}),
}
"""Duties are apart: an admin does not read the audit trail, an auditor changes nothing, who takes money
does not send it back, and who sends it back does not set the limit up to which one person may."""


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Everything that these roles allow together."""
    return frozenset().union(*(PERMISSIONS_OF[role] for role in roles))


PLATFORM_ROLES = frozenset({Role.PLATFORM_ADMIN, Role.AUDITOR, Role.FINANCE})
"""Roles that a member of the platform itself (no hospital) may have."""

HOSPITAL_ROLES = frozenset(Role) - {Role.PLATFORM_ADMIN}
"""Roles that a member of a hospital may have."""

CONTROL_ROLES = frozenset({Role.PLATFORM_ADMIN, Role.HOSPITAL_ADMIN, Role.FINANCE, Role.AUDITOR})
"""Roles that hold one half of a two-person control, or watch over them: nobody gives them alone."""

_ADMINS = {Role.PLATFORM_ADMIN, Role.HOSPITAL_ADMIN}
INCOMPATIBLE_ROLES: frozenset[frozenset[Role]] = frozenset(
    frozenset(pair)
    for pair in (
        *((Role.FINANCE, other) for other in (*_ADMINS, Role.DESK, Role.AUDITOR)),
        *((Role.AUDITOR, other) for other in (*_ADMINS, Role.DESK, Role.NURSE, Role.DOCTOR)),
    )
)
"""Roles that one person never has together: who sends money back neither administers, takes money nor
audits, and an auditor has no other duty. The constraint `staff_roles_compatible` says the same."""


def incompatible_roles(roles: Iterable[Role]) -> list[Role]:
    """Answer the roles among these that exclude each other, in order; empty when all agree."""
    given = set(roles)
    return sorted(frozenset().union(*(pair for pair in INCOMPATIBLE_ROLES if pair <= given)))
