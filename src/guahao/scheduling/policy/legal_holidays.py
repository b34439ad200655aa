"""The public holidays that the law itself fixes, which are off whether or not the year's notice is out.

Source: the State Council's Regulation on Public Holidays as revised in November 2024, in force from 2025:
New Year 1 day, Spring Festival 4 (the eve and the first three days of the lunar year), Qingming 1, Labour
Day 2, Dragon Boat 1, Mid-Autumn 1, National Day 3. The yearly notice only moves working days around them.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

from chinese_calendar.constants import Holiday

_LUNAR: dict[int, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]] = {
    2025: ((1, 29), (5, 31), (10, 6)),
    2026: ((2, 17), (6, 19), (9, 25)),
    2027: ((2, 6), (6, 9), (9, 15)),
    2028: ((1, 26), (5, 28), (10, 3)),
    2029: ((2, 13), (6, 16), (9, 22)),
    2030: ((2, 3), (6, 5), (9, 12)),
    2031: ((1, 23), (6, 24), (10, 1)),
    2032: ((2, 11), (6, 12), (9, 19)),
    2033: ((1, 31), (6, 1), (9, 8)),
    2034: ((2, 19), (6, 20), (9, 27)),
    2035: ((2, 8), (6, 10), (9, 16)),
    2036: ((1, 28), (5, 30), (10, 4)),
    2037: ((2, 15), (6, 18), (9, 24)),
    2038: ((2, 4), (6, 7), (9, 13)),
    2039: ((1, 24), (5, 27), (10, 2)),
    2040: ((2, 12), (6, 14), (9, 20)),
    2041: ((2, 1), (6, 3), (9, 10)),
    2042: ((1, 22), (6, 22), (9, 28)),
    2043: ((2, 10), (6, 11), (9, 17)),
    2044: ((1, 30), (5, 31), (10, 5)),
    2045: ((2, 17), (6, 19), (9, 25)),
    2046: ((2, 6), (6, 8), (9, 15)),
    2047: ((1, 26), (5, 29), (10, 4)),
    2048: ((2, 14), (6, 15), (9, 22)),
    2049: ((2, 2), (6, 4), (9, 11)),
    2050: ((1, 23), (6, 23), (9, 30)),
    2051: ((2, 11), (6, 13), (9, 19)),
    2052: ((2, 1), (6, 1), (9, 7)),
    2053: ((2, 19), (6, 20), (9, 26)),
    2054: ((2, 8), (6, 10), (9, 16)),
    2055: ((1, 28), (5, 30), (10, 5)),
    2056: ((2, 15), (6, 17), (9, 24)),
    2057: ((2, 4), (6, 6), (9, 13)),
    2058: ((1, 24), (6, 25), (10, 2)),
    2059: ((2, 12), (6, 14), (9, 21)),
    2060: ((2, 2), (6, 3), (9, 9)),
    2061: ((1, 21), (6, 22), (9, 28)),
    2062: ((2, 9), (6, 11), (9, 17)),
    2063: ((1, 29), (6, 1), (10, 6)),
    2064: ((2, 17), (6, 19), (9, 25)),
    2065: ((2, 5), (6, 8), (9, 15)),
    2066: ((1, 26), (5, 28), (10, 3)),
    2067: ((2, 14), (6, 16), (9, 23)),
    2068: ((2, 3), (6, 4), (9, 11)),
    2069: ((1, 23), (6, 23), (9, 29)),
    2070: ((2, 11), (6, 13), (9, 19)),
    2071: ((1, 31), (6, 2), (9, 8)),
    2072: ((2, 19), (6, 20), (9, 26)),
    2073: ((2, 7), (6, 10), (9, 16)),
    2074: ((1, 27), (5, 30), (10, 5)),
    2075: ((2, 15), (6, 17), (9, 24)),
    2076: ((2, 5), (6, 6), (9, 12)),
    2077: ((1, 24), (6, 24), (10, 1)),
    2078: ((2, 12), (6, 14), (9, 20)),
    2079: ((2, 2), (6, 4), (9, 10)),
    2080: ((1, 22), (6, 22), (9, 28)),
    2081: ((2, 9), (6, 11), (9, 17)),
    2082: ((1, 29), (6, 1), (10, 6)),
    2083: ((2, 17), (6, 19), (9, 26)),
    2084: ((2, 6), (6, 7), (9, 14)),
    2085: ((1, 26), (5, 27), (10, 3)),
    2086: ((2, 14), (6, 15), (9, 22)),
    2087: ((2, 3), (6, 5), (9, 11)),
    2088: ((1, 24), (6, 23), (9, 29)),
    2089: ((2, 10), (6, 13), (9, 18)),
    2090: ((1, 30), (6, 2), (9, 8)),
    2091: ((2, 18), (6, 21), (9, 27)),
    2092: ((2, 7), (6, 9), (9, 16)),
    2093: ((1, 27), (5, 29), (10, 5)),
    2094: ((2, 15), (6, 17), (9, 24)),
    2095: ((2, 5), (6, 6), (9, 13)),
    2096: ((1, 25), (6, 24), (9, 30)),
    2097: ((2, 12), (6, 14), (9, 20)),
    2098: ((2, 1), (6, 4), (9, 9)),
    2099: ((1, 21), (6, 23), (9, 29)),
}
"""Year -> month and day of the first day of the lunar year, of 5/5 and of 8/15 of the lunar calendar.

By the calendar's rules (GB/T 33661), as two independent programs compute them.
"""


_FIXED = {
    (1, 1): Holiday.new_years_day,
    (5, 1, 2): Holiday.labour_day,
    (10, 1, 2, 3): Holiday.national_day,
}
"""The month and its days off."""


@cache
def legal_holidays(year: int) -> dict[date, str]:
    """The days off that the law fixes, with the holiday's name; without a lunar date only the fixed ones."""
    holidays = {date(year, month, day): holiday for (month, *days), holiday in _FIXED.items() for day in days}
    if year in _LUNAR:
        new_year, dragon_boat, mid_autumn = (date(year, *day) for day in _LUNAR[year])
        holidays[date(year, 4, _qingming(year))] = Holiday.tomb_sweeping_day
        holidays |= {new_year + timedelta(days=number): Holiday.spring_festival for number in range(-1, 3)}
        holidays[dragon_boat] = Holiday.dragon_boat_festival
        holidays.setdefault(mid_autumn, Holiday.mid_autumn_festival)
    return {day: str(holiday.chinese) for day, holiday in holidays.items()}


def _qingming(year: int) -> int:
    """The day of April on which the sun reaches 15 degrees; a rule of thumb that holds from 2000 to 2099."""
    return int(year % 100 * 0.2422 + 4.81) - year % 100 // 4
