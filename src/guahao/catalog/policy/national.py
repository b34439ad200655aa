"""The national list of clinical subjects (诊疗科目): codes and names."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from guahao.kernel.errors import Problem


class NationalCodeUnknown(Problem):
    """The code is not in the national list of clinical subjects."""

    code = "national-code-unknown"
    status = 422


@cache
def national_departments() -> Mapping[str, str]:
    """Every code of the list with its name, such as "03.02" -> "消化内科专业"."""
    source = files("guahao.catalog").joinpath("clinical_departments.csv").read_text("utf-8")
    return {row["code"]: row["name"] for row in csv.DictReader(source.splitlines())}


def check_national_code(code: str | None) -> None:
    """Raise NationalCodeUnknown for a code outside the list; none at all is allowed."""
    if code is not None and code not in national_departments():
        raise NationalCodeUnknown(national_code=code)
