"""Limits of numbers and days that a hospital writes about itself, at every door; both ends included."""

from datetime import date

LATITUDE, LONGITUDE = (3, 54), (73, 136)
"""China, in GCJ-02: a point outside of it has its two numbers changed."""

AGE_YEARS = (0, 200)
POSITION = (-100_000, 100_000)
SLOT_MIN = (5, 30)
PLACES_OF_SLOT = (1, 100)
FEE_FEN = (0, 10_000_000)
DAY = (date(2000, 1, 1), date(2199, 12, 31))
