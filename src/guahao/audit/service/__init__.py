"""Writing the trail."""

from guahao.audit.models import RefusedAction
from guahao.audit.service.entries import AUDIT_INSERT, AuditEntry, audit_params, record
from guahao.audit.service.refusals import (
    MANY,
    STRANGER,
    Refusal,
    RefusalBook,
    add_refusals,
    record_refusals,
)

__all__ = [
    "AUDIT_INSERT",
    "MANY",
    "STRANGER",
    "AuditEntry",
    "Refusal",
    "RefusalBook",
    "RefusedAction",
    "add_refusals",
    "audit_params",
    "record",
    "record_refusals",
]
