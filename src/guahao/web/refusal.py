"""Turns every failure into a problem document: the database's, the framework's and unforeseen ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import asyncpg
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from guahao.kernel.errors import Invalid, NotFound, Problem, Unavailable
from guahao.kernel.i18n import catalogue, text
from guahao.kernel.log import describe, logger, sqlstate_of
from guahao.kernel.value.fields import FAULT


class BodyTooLarge(Problem):
    """The body is larger than any request of this API needs."""

    code = "body-too-large"
    status = 413


class UnsupportedMediaType(Problem):
    """The body is not declared as JSON."""

    code = "unsupported-media-type"
    status = 415


class ContentEncodingUnsupported(Problem):
    """The body is compressed; `encoding` names how. No request of this API is large enough to need it."""

    code = "content-encoding-unsupported"
    status = 415


class MethodNotAllowed(Problem):
    """This path exists, but not with this method; `allowed` names those it has."""

    code = "method-not-allowed"
    status = 405


class InternalError(Problem):
    """A defect of the server; it has been logged under the answer's request id."""

    code = "internal-error"
    status = 500


_FIELD_MOST = 200
_LISTS = ("expected", "expected_tags")
"""Values by which pydantic tells what may be chosen, each in quotes, with an English "or" before the last."""

_QUOTED = re.compile("'([^']*)'")

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_PASSING = ("08", "53", "57", "58")
"""SQLSTATE classes: connection, resources (disk full 53100), operator (shutdown), system."""

_PASSING_STATES = ("40001", "40P01", "55P03", "25P03", "25P04")
"""Serialization, deadlock, lock, idle and transaction timeout: the same request may work next time."""

_UNUSABLE_VALUE = ("22000", "22003", "22008", "22021", "22P05")
"""A number or time out of the column's range, a character the database cannot hold.

22000 is what the driver says of a value before it sends it.
"""


def problem_of(error: Exception) -> Problem:
    """Answer the problem to show for an exception that no route anticipated, and log it."""
    state = sqlstate_of(error) or ""
    if state in _UNUSABLE_VALUE:
        logger().error("value-reached-the-database", **describe(error))
        return Invalid(errors=[])
    if is_unreachable(error):
        logger().warning("database-unavailable", **describe(error))
        return Unavailable()
    logger().error("unforeseen-error", **describe(error))
    return InternalError()


def is_unreachable(error: Exception) -> bool:
    """Tell whether the database (or what it stands on) is out of order for now."""
    state = sqlstate_of(error)
    if state:
        return state.startswith(_PASSING) or state in _PASSING_STATES
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(
            error.orig.__cause__ if error.orig else None, asyncpg.InterfaceError
        )
    return isinstance(error, OSError | PoolTimeoutError | TimeoutError | asyncpg.InterfaceError)


def problem_of_http(error: HTTPException, *, routes: Sequence[BaseRoute], scope: Scope) -> Problem:
    """Answer the problem of a refusal by the framework itself."""
    if error.status_code == NotFound.status:
        return NotFound()
    if error.status_code == MethodNotAllowed.status:
        return MethodNotAllowed(allowed=", ".join(allowed_methods(routes, scope)))
    return Invalid(errors=[])


def problem_of_validation(error: RequestValidationError) -> Problem:
    """Answer what is wrong with each field, in Chinese; a path that cannot be an id names nothing."""
    faults = error.errors()
    if any(fault["loc"][0] == "path" for fault in faults):
        return NotFound()
    return Invalid(
        errors=[
            {
                "in": str(fault["loc"][0]),
                "field": ".".join(_path(fault["loc"][1:], context := fault.get("ctx") or {})),
                "message": _message(fault["type"], context),
            }
            for fault in faults[:20]
        ]
    )


def _path(loc: Sequence[str | int], context: Mapping[str, object]) -> Iterator[str]:
    """Where a fault is; of members that are judged together, the one that its check names.

    Of a body that may be of several kinds, the member that says which.
    """
    yield from (str(part) for part in loc)
    if "field" in context:
        yield str(context["field"])
    elif "discriminator" in context:
        yield str(context["discriminator"]).strip("'")


def allowed_methods(routes: Sequence[BaseRoute], scope: Scope) -> list[str]:
    """List every method that the path of `scope` has; HEAD stands wherever GET does."""
    found = [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return ["GET", "HEAD", *found[1:]] if "GET" in found else found


def malformed(name: str, *, where: str = "body", field: str = "") -> Invalid:
    """Answer the problem of what is no usable JSON, or query; `name` is a text of section `field`.

    `field` is the member or parameter at fault, where one is.
    """
    return Invalid(errors=[{"in": where, "field": field[:_FIELD_MOST], "message": text(f"field.{name}")}])


def _message(kind: str, context: Mapping[str, object]) -> str:
    key = kind if kind.startswith(f"{FAULT}.") else f"field.{kind}"
    listed = {
        name: "、".join(_QUOTED.findall(str(context[name]))) or context[name]
        for name in _LISTS
        if name in context
    }
    return text(key if key in catalogue() else "field.other", **{**context, **listed})
