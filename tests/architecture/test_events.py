from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from guahao.kernel.events import Event
from tools.problems import load

load()
PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "events.md").read_text("utf-8")
KINDS = [
    kind
    for kind in Event.__subclasses__()
    if kind.__module__.startswith("guahao.")
    if getattr(sys.modules[kind.__module__], kind.__name__) is kind  # not what it was before it got slots
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_event_is_in_the_reference_with_what_it_carries(kind: type[Event]) -> None:
    carried = [f"`{field.name}`" for field in dataclasses.fields(kind) if field.name != "hospital_id"]

    assert f"| `{kind.name}` | {', '.join(carried)} |" in PAGE


def test_event_names_are_unique() -> None:
    names = [kind.name for kind in KINDS]

    assert names
    assert len(set(names)) == len(names)
