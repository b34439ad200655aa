"""Structured JSON logs that cannot carry personal data: fields are allow-listed, errors give no text."""

from __future__ import annotations

import logging
import sys
from traceback import extract_tb
from typing import Any

import structlog

from guahao.kernel.db import constraint_of

FIELDS = frozenset(
    """event level timestamp logger request_id method route status code duration_ms retry
    error where sqlstate constraint job reaction event_name event_id hospital_id attempts
    done failures slot_id pid port count process signal seconds setting provider kind id""".split()
)
"""What a log line may hold. Anything else is dropped: names, phones and documents have no field."""

_OURS = "guahao.log"
_TALKATIVE = ("uvicorn.error", "guahao", "alembic")
"""Loggers whose messages are fixed sentences of programs; of others only the name is kept."""

_FRAMES = 8


def sqlstate_of(error: BaseException) -> str | None:
    """Find the five-character code of a database error behind any wrapper."""
    cause: BaseException | None = error
    while cause is not None:
        state = getattr(cause, "sqlstate", None)
        if state:
            return str(state)
        cause = getattr(cause, "orig", None) or cause.__cause__
    return None


def describe(error: BaseException) -> dict[str, Any]:
    """Describe an error without its message, which may quote a row: types, codes and places."""
    kinds = [type(error).__name__]
    cause = error.__cause__
    while cause is not None and len(kinds) < _FRAMES:
        kinds.append(type(cause).__name__)
        cause = cause.__cause__
    frames = extract_tb(error.__traceback__)[-_FRAMES:]
    places = [f"{frame.filename.rpartition('/guahao/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    found = {
        "error": " < ".join(kinds),
        "where": places,
        "sqlstate": sqlstate_of(error),
        "constraint": constraint_of(error),
    }
    return {name: value for name, value in found.items() if value}


def _allow_listed(
    _logger: object, _method: str, line: structlog.types.EventDict
) -> structlog.types.EventDict:
    error = line.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        line.update(describe(error))
    return {name: value for name, value in line.items() if name in FIELDS or name.startswith("_")}


def _foreign(_logger: object, _method: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
    record: logging.LogRecord = line["_record"]
    line["logger"] = record.name
    if not record.name.startswith(_TALKATIVE):
        line["event"] = "library-message"
    return line


def configure(*, level: str = "INFO") -> None:
    """Send all logs of this process, libraries' too, to stderr as one JSON object a line."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, _foreign],
        processors=[
            _allow_listed,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in (_OURS, "uvicorn.error"):
        logging.getLogger(name).setLevel(level)


def logger() -> structlog.stdlib.BoundLogger:
    """Answer the product's logger: `logger().info("event-in-kebab-case", field=...)`."""
    bound: structlog.stdlib.BoundLogger = structlog.get_logger(_OURS)
    return bound
