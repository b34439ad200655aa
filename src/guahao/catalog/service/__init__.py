"""Use cases that write the catalogue."""

from guahao.catalog.models import DoctorLevel, FeeKind, HospitalKind, HospitalState
from guahao.catalog.policy.national import NationalCodeUnknown, national_departments
from guahao.catalog.policy.reading import RulesInvalid
from guahao.catalog.service.conflict import CodeTaken, EditConflict
from guahao.catalog.service.fee import wish_fee
from guahao.catalog.service.rows import CampusRow, DepartmentRow, DoctorRow, FeeRow, HospitalRow
from guahao.catalog.service.rules import RulesTooSoon, publish_rules
from guahao.catalog.service.search import reindex
from guahao.catalog.service.still import keep_catalog
from guahao.catalog.service.store import CatalogCodeUnknown, DepartmentLoop
from guahao.catalog.service.upsert import (
    upsert_campus,
    upsert_department,
    upsert_doctor,
    upsert_fee,
    upsert_hospital,
)

__all__ = [
    "CampusRow",
    "CatalogCodeUnknown",
    "CodeTaken",
    "DepartmentLoop",
    "DepartmentRow",
    "DoctorLevel",
    "DoctorRow",
    "EditConflict",
    "FeeKind",
    "FeeRow",
    "HospitalKind",
    "HospitalRow",
    "HospitalState",
    "NationalCodeUnknown",
    "RulesInvalid",
    "RulesTooSoon",
    "keep_catalog",
    "national_departments",
    "publish_rules",
    "reindex",
    "upsert_campus",
    "upsert_department",
    "upsert_doctor",
    "upsert_fee",
    "upsert_hospital",
    "wish_fee",
]
