"""The command demo: the whole product on this machine, with hospitals and accounts to try."""

from __future__ import annotations


def demo() -> None:
    """Start everything."""
