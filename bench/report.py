"""Lines of the table that is printed."""

from __future__ import annotations


def line(what: str, value: float) -> str:
    """A plain figure."""
    return f"  {what:<55}{value:>10.0f}"


def figure(what: str, value: float, unit: str) -> str:
    """A figure with its unit."""
    return f"{line(what, value)} {unit}"


def ratio(what: str, value: float, goal: float) -> str:
    """A ratio and whether it reaches its goal."""
    return f"  {what:<55}{value:>10.2f}   goal {goal:.2f} {'reached' if value >= goal else 'MISSED'}"


def at_most(what: str, value: float, goal: float) -> str:
    """A figure that has to stay below its goal."""
    return f"  {what:<55}{value:>10.2f}   at most {goal:.2f} {'reached' if value <= goal else 'MISSED'}"
