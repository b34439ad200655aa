"""What other domains may read of the catalogue."""

from guahao.catalog.models import DoctorLevel, FeeKind
from guahao.catalog.policy.pinyin import spelled, spellings_of_person
from guahao.catalog.policy.reading import RulesInvalid, rules_schema
from guahao.catalog.policy.rules import Rules, RuleSet
from guahao.catalog.queries.facts import (
    CampusFacts,
    DepartmentFacts,
    DoctorFacts,
    FeeTable,
    HospitalFacts,
    campuses_by_codes,
    campuses_by_ids,
    departments_by_codes,
    departments_by_ids,
    doctors_by_codes,
    doctors_by_ids,
    doctors_of_department,
    fees_of,
    hospital_by_code,
    hospital_exists,
    hospitals_by_ids,
    require_visible,
)
from guahao.catalog.queries.rules import forget_rules, rules_of, rules_of_version, rules_tried

__all__ = [
    "CampusFacts",
    "DepartmentFacts",
    "DoctorFacts",
    "DoctorLevel",
    "FeeKind",
    "FeeTable",
    "HospitalFacts",
    "RuleSet",
    "Rules",
    "RulesInvalid",
    "campuses_by_codes",
    "campuses_by_ids",
    "departments_by_codes",
    "departments_by_ids",
    "doctors_by_codes",
    "doctors_by_ids",
    "doctors_of_department",
    "fees_of",
    "forget_rules",
    "hospital_by_code",
    "hospital_exists",
    "hospitals_by_ids",
    "require_visible",
    "rules_of",
    "rules_of_version",
    "rules_schema",
    "rules_tried",
    "spelled",
    "spellings_of_person",
]
