"""Chinese texts by key, kept in a zh.toml beside each domain's code."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


@cache
def catalogue() -> dict[str, str]:
    """Read every domain's zh.toml into one flat mapping `section.name` -> text."""
    entries: dict[str, str] = {}
    for package in sorted(files("guahao").iterdir(), key=lambda entry: entry.name):
        source = package / "zh.toml"
        if not source.is_file():
            continue
        for section, texts in tomllib.loads(source.read_text("utf-8")).items():
            for name, value in texts.items():
                key = f"{section}.{name}"
                if key in entries:
                    message = f"text {key!r} is defined twice, again in {package.name}"
                    raise ValueError(message)
                entries[key] = value
    return entries


def text(key: str, **values: object) -> str:
    """Answer the Chinese text of `key` with `{name}` places filled from `values`.

    Raises KeyError for a key or a value that does not exist: a defect, found by tests.
    """
    return catalogue()[key].format_map(values)
