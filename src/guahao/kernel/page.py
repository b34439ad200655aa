"""Plain HTML from template files: every value is escaped, nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files
from string import Template


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


class Templates:
    """The files in templates/ of one package."""

    def __init__(self, package: str) -> None:
        """Read from `package`."""
        self._package = package

    def fill(self, name: str, /, **values: object) -> Html:
        """Fill the `$places` of `name`.html; what is not `Html` is escaped.

        Raises KeyError for a place without a value.
        """
        safe = {
            place: value if isinstance(value, Html) else escape(str(value)) for place, value in values.items()
        }
        return Html(_template(self._package, name).substitute(safe))

    def read(self, name: str) -> str:
        """The file `name` as it is."""
        return _read(self._package, name)


def together(parts: Iterable[Html]) -> Html:
    """Put parts one after the other."""
    return Html("".join(parts))


@cache
def _template(package: str, name: str) -> Template:
    return Template(_read(package, f"{name}.html"))


@cache
def _read(package: str, name: str) -> str:
    return (files(package) / "templates" / name).read_text("utf-8")
