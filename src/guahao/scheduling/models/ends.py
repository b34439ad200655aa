"""How the end of a clinic is stored: as PostgreSQL's `time`, which compares 24:00 as it should."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, Dialect, Text, Time, cast, type_coerce
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.types import TypeDecorator

from guahao.kernel.value.hours import EndTime


class _AsText(TypeDecorator[EndTime]):
    """An end on its way: drivers know no 24:00, so it travels as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: EndTime | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # SQLAlchemy's
        """Write it for PostgreSQL."""
        if value is None:
            return None
        minutes, seconds = divmod(value.after_midnight // timedelta(seconds=1), 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"

    def process_result_value(self, value: str | None, dialect: Dialect) -> EndTime | None:  # noqa: ARG002  # SQLAlchemy's
        """Read what PostgreSQL writes: 24:00:00."""
        if value is None:
            return None
        hours, minutes, seconds = (int(part) for part in value.partition(".")[0].split(":"))
        return EndTime(timedelta(hours=hours, minutes=minutes, seconds=seconds))


class EndColumn(TypeDecorator[EndTime]):
    """Column type of an `EndTime`."""

    impl = Time
    cache_ok = True

    def bind_expression(self, bindvalue: BindParameter[EndTime]) -> ColumnElement[EndTime]:
        """Let PostgreSQL read the text."""
        return cast(type_coerce(bindvalue, _AsText), EndColumn)

    def column_expression(self, column: ColumnElement[EndTime]) -> ColumnElement[EndTime]:
        """Let PostgreSQL write the text."""
        return type_coerce(cast(column, Text), _AsText)
