"""Every way in which a JSON object can lack or change one of its members, also of the objects within."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

_ABSENT = object()
_INSTEAD: tuple[object, ...] = (
    _ABSENT,
    None,
    "",
    5,
    -1,
    1.5,
    True,
    "SOMETHING_NEW",
    [],
    {},
    "\u0000",
    "9" * 300,
    10**20,
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59Z",
    "9999-12-31 23:59:59",
)


def spoilt(whole: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name each change and give the object with it, and one with a member that nobody knows."""
    for path in _paths(whole):
        for value in _INSTEAD:
            changed = copy.deepcopy(dict(whole))
            place = changed
            for name in path[:-1]:
                place = place[name]
            if value is _ABSENT:
                del place[path[-1]]
            else:
                place[path[-1]] = value
            said = "absent" if value is _ABSENT else repr(value)[:20]
            yield f"{'.'.join(path)} = {said}", changed
    yield "a member more", {**whole, "something_new": {"a": [1]}}


def _paths(whole: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, value in whole.items():
        yield (name,)
        if isinstance(value, Mapping):
            for rest in _paths(value):
                yield (name, *rest)
