"""A text of a request is a value with a normal form and a limit: no field of a body is a bare `str`."""

from __future__ import annotations

import ast
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from guahao.kernel.i18n import catalogue
from guahao.kernel.settings import Settings
from guahao.kernel.value.fields import Value
from guahao.web.app import create_app

SOURCE = Path(__file__).parents[2] / "src" / "guahao"
KEPT_AS_TYPED = {"password", "old_password", "new_password"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    nowhere = SecretStr("postgresql://nobody@127.0.0.1:1/none")
    folder = tmp_path_factory.mktemp("values")
    return create_app(Settings(environment="demo", database_url=nowhere, data_dir=folder))


Leaf = tuple[str, str, Value | None]
"""The body's model, the field, and what reads it."""


def bodies(app: FastAPI) -> list[Any]:
    routes = [route.original_route for route in iter_route_contexts(app.routes)]
    return [
        Annotated[param.field_info.annotation, *param.field_info.metadata]
        if param.field_info.metadata
        else param.field_info.annotation
        for route in routes
        if isinstance(route, APIRoute)
        for param in route.dependant.body_params
    ]


def leaves(kind: Any, where: tuple[str, str], value: Value | None = None) -> Iterator[Leaf]:
    """Every text inside a type, each once."""
    if kind is str:
        yield (*where, value)
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield from leaves(field.annotation, (kind.__name__, name), value_of(field.metadata))
    else:
        origin, args = get_origin(kind), get_args(kind)
        if origin is Annotated:
            yield from leaves(args[0], where, value_of(args[1:]) or value)
        for inner in inside(origin, args):
            yield from leaves(inner, where, value)


def inside(origin: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The types whose values a value of this type holds."""
    if origin in {Union, types.UnionType, list, tuple, set, frozenset}:
        return args
    assert origin in {Literal, Annotated, dict, None}, f"the test does not know {origin}"
    return args[1:] if origin is dict else ()


def value_of(marks: Iterable[object]) -> Value | None:
    return next((mark for mark in marks if isinstance(mark, Value)), None)


def test_every_text_of_a_request_is_a_value(app: FastAPI) -> None:
    found = {leaf for body in bodies(app) for leaf in leaves(body, ("body", ""))}

    assert len(found) > 60
    bare = sorted(f"{model}.{field}" for model, field, value in found if value is None)
    assert bare == [], "declare these with a type of guahao.kernel.value.fields"


def test_no_text_of_a_request_holds_what_cannot_be_seen(app: FastAPI) -> None:
    """Ids and tokens are compared and never stored; passwords are hashed as they are typed."""
    found = {leaf for body in bodies(app) for leaf in leaves(body, ("body", ""))}
    held = []
    for model, field, value in found:
        if value is None or field in KEPT_AS_TYPED or field.endswith(("_id", "_ids", "_code", "trade_no")):
            continue
        read: TypeAdapter[str] = TypeAdapter(Annotated[str, value])
        for sign in "\x00\x07\n\x1b\x7f\x85\u2028\u202e\u2066\u200b\ufeff\uffff":
            for plain in ("张三李四", "13800138000", "zhang_san", "123456", "H1234567"):
                try:
                    kept = read.validate_python(plain[:2] + sign + plain[2:])
                except ValidationError:
                    continue
                if sign in kept and not (sign == "\n" and field in {"intro", "skills"}):
                    held.append((model, field, sign))
    assert sorted(set(held)) == []


@pytest.mark.parametrize(
    "path", sorted(SOURCE.glob("*/api_*/*.py")), ids=lambda path: str(path.relative_to(SOURCE))
)
def test_values_that_do_not_fit_together_are_told_by_a_field(path: Path) -> None:
    """`kernel.value.fields.fault` names the field and a Chinese reason; a bare ValueError names neither."""
    checks = [
        node
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
        and any("model_validator" in ast.dump(decorator) for decorator in node.decorator_list)
    ]

    assert [check.name for check in checks if "'ValueError'" in ast.dump(check)] == []


def test_every_reason_of_a_refused_value_has_its_sentence() -> None:
    given = {
        str(node.args[0].value)
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"fault", "Unfit"}
        if node.args and isinstance(node.args[0], ast.Constant)
    }

    assert given
    assert {f"value.{reason}" for reason in given} - catalogue().keys() == set()
