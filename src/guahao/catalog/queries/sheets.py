"""Lists of the catalogue as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from guahao.catalog.models import Doctor
from guahao.kernel.export import Sheet, yuan
from guahao.kernel.i18n import text

_SEPARATOR = "、"


def departments_sheet(rows: Sequence[Mapping[str, Any]]) -> Sheet:
    """Departments as the list shows them."""
    names = {row["code"]: row["name"] for row in rows}
    return Sheet(
        title=text("sheet-catalog.departments"),
        headings=_headings(
            "code", "name", "parent", "campus", "national", "place", "diseases", "ages", "sex", "active"
        ),
        rows=[
            [
                row["code"],
                row["name"],
                names.get(row["parent_code"], row["parent_code"]),
                row["campus_code"],
                row["national_code"],
                row["place"],
                _SEPARATOR.join(row["diseases"]),
                f"{row['min_age_years']}-{row['max_age_years']}",
                text(f"catalog-sex.{row['sex_limit']}") if row["sex_limit"] else None,
                _yes_no(is_so=row["is_active"]),
            ]
            for row in rows
        ],
    )


def doctors_sheet(rows: Sequence[Doctor], departments: Mapping[UUID, Sequence[str]]) -> Sheet:
    """Doctors, their departments by code."""
    return Sheet(
        title=text("sheet-catalog.doctors"),
        headings=_headings("number", "name", "title", "level", "of", "skills", "diseases", "active"),
        rows=[
            [
                row.code,
                row.name,
                row.title,
                text(f"doctor-level.{row.level.value}"),
                _SEPARATOR.join(departments[row.id]),
                row.skills,
                _SEPARATOR.join(row.diseases),
                _yes_no(is_so=row.is_active),
            ]
            for row in rows
        ],
    )


def fees_sheet(rows: Sequence[Row[Any]]) -> Sheet:
    """Prices in yuan, as `fees` reads them."""
    return Sheet(
        title=text("sheet-catalog.fees"),
        headings=_headings("kind", "level", "number", "doctor", "fee", "from", "phase"),
        rows=[
            [
                text(f"fee-kind.{row.FeeItem.kind.value}"),
                text(f"doctor-level.{row.FeeItem.level.value}"),
                row.doctor_code,
                row.doctor_name,
                yuan(row.FeeItem.fee_fen),
                row.FeeItem.effective_from,
                text(f"fee-phase.{row.phase}"),
            ]
            for row in rows
        ],
    )


def _headings(*names: str) -> list[str]:
    return [text(f"sheet-catalog-heading.{name}") for name in names]


def _yes_no(*, is_so: bool) -> str:
    return text("catalog-yes.yes" if is_so else "catalog-yes.no")
