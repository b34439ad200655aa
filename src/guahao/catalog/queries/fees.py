"""Prices as staff look for them: past, current and planned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, String, case, literal, select
from sqlalchemy.orm import aliased

from guahao.catalog.models import Doctor, DoctorLevel, FeeItem, FeeKind
from guahao.catalog.queries.doctors import is_named
from guahao.kernel.paging import Listing
from guahao.kernel.value.search import search_form

FEES = Listing(
    by={"effective_from": FeeItem.effective_from, "fee_fen": FeeItem.fee_fen},
    id=FeeItem.id,
    default="-effective_from",
)


class FeePhase(StrEnum):
    """Whether a price was, is or will be in force."""

    PAST = "past"
    CURRENT = "current"
    PLANNED = "planned"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeFilter:
    """What a list of prices is narrowed to; None does not narrow. `q`: a doctor's name or number."""

    hospital_id: int
    q: str | None = None
    kind: FeeKind | None = None
    level: DoctorLevel | None = None
    phase: FeePhase | None = None


def fees(wanted: FeeFilter, *, today: date) -> Select[*tuple[Any, ...]]:
    """The prices of a hospital, each with its doctor's code and name, and its phase."""
    phase = _phase(today)
    is_its = (Doctor.hospital_id == FeeItem.hospital_id) & (Doctor.id == FeeItem.doctor_id)
    found = (
        select(
            FeeItem,
            Doctor.code.label("doctor_code"),
            Doctor.name.label("doctor_name"),
            phase.label("phase"),
        )
        .outerjoin(Doctor, is_its)
        .where(FeeItem.hospital_id == wanted.hospital_id)
    )
    if wanted.q and search_form(wanted.q):
        found = found.where(is_named(wanted.hospital_id, wanted.q))
    for column, value in ((FeeItem.kind, wanted.kind), (FeeItem.level, wanted.level)):
        if value is not None:
            found = found.where(column == value)
    return found if wanted.phase is None else found.where(phase == wanted.phase.value)


def _phase(today: date) -> ColumnElement[str]:
    later = aliased(FeeItem)
    overtaken = select(later.id).where(
        later.hospital_id == FeeItem.hospital_id,
        later.kind == FeeItem.kind,
        later.level == FeeItem.level,
        later.doctor_id.is_not_distinct_from(FeeItem.doctor_id),
        later.effective_from > FeeItem.effective_from,
        later.effective_from <= today,
    )
    return case(
        (FeeItem.effective_from > today, literal(FeePhase.PLANNED.value, String())),
        (overtaken.correlate(FeeItem).exists(), literal(FeePhase.PAST.value, String())),
        else_=literal(FeePhase.CURRENT.value, String()),
    )
