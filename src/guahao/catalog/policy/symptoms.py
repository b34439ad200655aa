"""Which department treats what: common complaints and diseases and the national codes for them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

GENERAL_PRACTICE = "02"
"""Where a community hospital sends everything it has no department for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """A complaint or disease, other words for it, and the departments for it, best first."""

    name: str
    aliases: tuple[str, ...]
    national_codes: tuple[str, ...]


@cache
def symptoms() -> tuple[Symptom, ...]:
    """Every line of symptoms.csv."""
    source = files("guahao.catalog").joinpath("symptoms.csv").read_text("utf-8")
    return tuple(
        Symptom(
            name=row["name"],
            aliases=tuple(row["aliases"].split()),
            national_codes=tuple(row["national_codes"].split()),
        )
        for row in csv.DictReader(source.splitlines())
    )


def departments_for(symptom: Symptom, available: Mapping[str, Iterable[str]]) -> list[str]:
    """Which of a hospital's departments (ids by national code) treat this, best first.

    Where the speciality is missing its whole subject stands in (03.02 -> 03), and where that is
    missing too, general practice.
    """
    found: list[str] = []
    for code in symptom.national_codes:
        found += available.get(code) or available.get(code.partition(".")[0]) or ()
    return list(dict.fromkeys(found or available.get(GENERAL_PRACTICE, ())))
