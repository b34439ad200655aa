"""How far hospitals are, computed where their rows are."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Integer, case, cast, func, literal
from sqlalchemy.orm import InstrumentedAttribute

_Degrees = InstrumentedAttribute[float | None]
_EARTH_M = 6_371_009
"""Mean radius (IUGG); a sphere is right to half a percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Where somebody is, in degrees."""

    latitude: float
    longitude: float


def metres_to(point: Point, latitude: _Degrees, longitude: _Degrees) -> ColumnElement[int | None]:
    """Whole metres between `point` and two columns by the haversine formula; null where they are null."""
    half_north = func.sin(func.radians(latitude - point.latitude) / 2)
    half_east = func.sin(func.radians(longitude - point.longitude) / 2)
    shrink = func.cos(func.radians(literal(point.latitude))) * func.cos(func.radians(latitude))
    chord = half_north * half_north + shrink * half_east * half_east
    within = case((chord > 1, 1), else_=chord)  # rounding at the antipodes; least() would hide a null
    return cast(func.round(2 * _EARTH_M * func.asin(func.sqrt(within))), Integer)
