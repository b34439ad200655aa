"""Makes the demo workbook out of hospitals.toml; `python -m guahao.web.demo` rewrites it.

Nothing is random: the same material gives the same cells, so that a test can compare them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, time
from functools import cache
from importlib.resources import files

import msgspec

from guahao.kernel.sex import Sex
from guahao.kernel.value.hours import EndTime
from guahao.web.workbook.rows import (
    CampusRow,
    DepartmentRow,
    DoctorRow,
    FeeRow,
    HospitalRow,
    ScheduleRow,
    Workbook,
)

SHIPPED = files("guahao.web.demo").joinpath("hospitals.xlsx")
"""The workbook that `guahao demo` imports."""

_SINCE = date(2026, 1, 1)
_LEVELS = ("special", "expert", "general")
_HALF_DAYS = [(weekday, period) for weekday in range(5) for period in ("morning", "afternoon")]
_HALF_DAYS += [(5, "morning"), (6, "morning")]
_STEP = 5
"""Has no common divisor with the number of half-days, so a doctor never gets one twice."""
_EVENING_EVERY = 5
"""One general doctor in so many also works an evening."""


class _Campus(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: str
    address: str
    phone: str
    latitude: float
    longitude: float


class _Department(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: str
    national: str
    parent: str | None = None
    place: str = ""
    campus: str | None = None
    staff: tuple[int, int, int] = (0, 0, 0)
    diseases: str = ""
    sex: Sex | None = None
    min_age: int = 0
    max_age: int = 200
    traditional: bool = False

    @property
    def disease_list(self) -> tuple[str, ...]:
        return tuple(self.diseases.split("、")) if self.diseases else ()


class _Hospital(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: str
    kind: str
    level: str
    city: str
    address: str
    phones: tuple[str, ...]
    latitude: float
    longitude: float
    intro: str
    notices: tuple[str, ...]
    fees: dict[str, float]
    famous_fee: float | None = None
    is_open_on_holidays: bool = False
    campuses: tuple[_Campus, ...]
    departments: tuple[_Department, ...]


class _Material(msgspec.Struct, frozen=True, kw_only=True):
    surnames: str
    given_names: str
    skill_sentences: tuple[str, ...]
    intro_sentence: str
    department_intro: str
    room: str
    titles: dict[str, tuple[str, ...]]
    titles_traditional: dict[str, tuple[str, ...]]
    hospitals: tuple[_Hospital, ...]


class _Employed(msgspec.Struct, frozen=True, kw_only=True):
    """A doctor to be: `nth` in the whole material, `famous` ones have a price of their own."""

    nth: int
    code: str
    level: str
    department: _Department
    is_famous: bool


@cache
def _material() -> _Material:
    source = files("guahao.web.demo").joinpath("hospitals.toml").read_bytes()
    return msgspec.toml.decode(source, type=_Material)


def build() -> Workbook:
    """The whole demo: hospitals, departments, doctors, prices and weekly schedules."""
    book = Workbook()
    first = 0
    for hospital in _material().hospitals:
        employed = list(_employed(hospital, first))
        first += len(employed)
        book.hospital += (_hospital(hospital),)
        book.campus += tuple(_campuses(hospital))
        book.department += tuple(_departments(hospital))
        book.doctor += tuple(_doctor(hospital, one) for one in employed)
        book.fee += tuple(_fees(hospital, employed))
        book.schedule += tuple(_schedules(hospital, employed))
    return book


def _employed(hospital: _Hospital, first: int) -> Iterator[_Employed]:
    nth = 0
    for department in hospital.departments:
        for level, count in zip(_LEVELS, department.staff, strict=True):
            for place in range(count):
                yield _Employed(
                    nth=first + nth,
                    code=str(1001 + nth),
                    level=level,
                    department=department,
                    is_famous=level == "expert" and place == 0 and department.staff[0] > 0,
                )
                nth += 1


def _hospital(hospital: _Hospital) -> HospitalRow:
    return HospitalRow(
        number=0,
        code=hospital.code,
        name=hospital.name,
        kind=hospital.kind,
        level=hospital.level,
        city=hospital.city,
        address=hospital.address,
        phones=hospital.phones,
        latitude=hospital.latitude,
        longitude=hospital.longitude,
        intro=hospital.intro,
        notices=hospital.notices,
    )


def _campuses(hospital: _Hospital) -> Iterator[CampusRow]:
    for campus in hospital.campuses:
        yield CampusRow(number=0, hospital=hospital.code, **msgspec.structs.asdict(campus))


def _departments(hospital: _Hospital) -> Iterator[DepartmentRow]:
    for position, one in enumerate(hospital.departments, 1):
        diseases = "、".join(one.disease_list[:3])
        yield DepartmentRow(
            number=0,
            hospital=hospital.code,
            code=one.code,
            name=one.name,
            parent=one.parent,
            national_code=one.national,
            campus=one.campus,
            place=one.place,
            diseases=one.disease_list,
            sex_limit=one.sex,
            min_age_years=one.min_age,
            max_age_years=one.max_age,
            position=position,
            intro=_material().department_intro.format(diseases=diseases) if diseases else "",
        )


def _name(nth: int) -> str:
    """A name nobody else in the material has."""
    surnames, given = _material().surnames.split(), _material().given_names.split()
    turn, place = divmod(nth, len(surnames))
    return surnames[place] + given[(turn + 7 * place) % len(given)]


def _doctor(hospital: _Hospital, one: _Employed) -> DoctorRow:
    material = _material()
    diseases = one.department.disease_list
    turned = tuple(diseases[(one.nth + offset) % len(diseases)] for offset in range(3))
    skill = material.skill_sentences[one.nth % len(material.skill_sentences)].format(*turned)
    titles = material.titles_traditional if one.department.traditional else material.titles
    years = {"special": 30, "expert": 18, "general": 6}[one.level] + one.nth % 7
    return DoctorRow(
        number=0,
        hospital=hospital.code,
        code=one.code,
        name=_name(one.nth),
        departments=(one.department.code,),
        title=titles[one.level][one.nth % len(titles[one.level])],
        level=one.level,
        skills=skill,
        diseases=tuple(dict.fromkeys(turned)),
        intro=material.intro_sentence.format(department=one.department.name, years=years, skill=skill),
    )


def _fees(hospital: _Hospital, employed: list[_Employed]) -> Iterator[FeeRow]:
    prices: list[tuple[str, str | None, float]] = [
        (level, None, yuan) for level, yuan in hospital.fees.items()
    ]
    if hospital.famous_fee is not None:
        prices += [(one.level, one.code, hospital.famous_fee) for one in employed if one.is_famous]
    for level, doctor, yuan in prices:
        yield FeeRow(
            number=0,
            hospital=hospital.code,
            kind="consultation",
            level=level,
            doctor=doctor,
            fee_fen=round(yuan * 100),
            effective_from=_SINCE,
        )


def _schedules(hospital: _Hospital, employed: list[_Employed]) -> Iterator[ScheduleRow]:
    rooms_used: Counter[tuple[str, str, int, str]] = Counter()
    for one in employed:
        for weekday, period in _half_days(one):
            campus = one.department.campus or _campus_of_day(hospital, one, weekday)
            where = (one.department.code, campus, weekday, period)
            rooms_used[where] += 1
            starts, ends = _hours(one, period)
            yield ScheduleRow(
                number=0,
                hospital=hospital.code,
                doctor=one.code,
                department=one.department.code,
                campus=campus,
                weekday=weekday,
                period=period,
                starts=starts,
                ends=EndTime.at(ends),
                slot_min=15 if one.level == "general" and one.nth % 4 == 0 else 30,
                capacity_per_slot=_capacity(one),
                room=_material().room.format(department=one.department.name, number=rooms_used[where]),
                level=one.level,
                on_holidays="open" if hospital.is_open_on_holidays else "closed",
                valid_from=_SINCE,
            )


def _half_days(one: _Employed) -> Iterator[tuple[int, str]]:
    count = {"special": 1, "expert": 2 + one.nth % 2, "general": 4}[one.level]
    for turn in range(count):
        yield _HALF_DAYS[(one.nth + _STEP * turn) % len(_HALF_DAYS)]
    if one.level == "general" and one.nth % _EVENING_EVERY == 0:
        yield one.nth % 5, "evening"


def _campus_of_day(hospital: _Hospital, one: _Employed, weekday: int) -> str:
    """A doctor of a department with several campuses changes between them by the day."""
    return hospital.campuses[(weekday + one.nth) % len(hospital.campuses)].code


def _hours(one: _Employed, period: str) -> tuple[time, time]:
    if period == "evening":
        return time(18), time(20)
    if period == "morning":
        return (time(8), time(11, 30)) if one.nth % 3 else (time(8, 30), time(12))
    return (time(13, 30), time(17)) if one.nth % 3 else (time(14), time(16, 30))


def _capacity(one: _Employed) -> int:
    """Places a slot: few with famous doctors, more with general ones."""
    if one.level == "special":
        return 1
    if one.level == "expert":
        return 2 if one.is_famous else 2 + one.nth % 3
    return 3 if one.nth % 4 == 0 else 5 + one.nth % 3
