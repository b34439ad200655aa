"""The public contract as OpenAPI, and pages that show it without any network."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse
from swagger_ui_bundle import swagger_ui_path

from guahao.identity.access import public
from guahao.kernel.errors import REGISTRY, NotFound
from guahao.kernel.i18n import catalogue

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem document; `code` is stable, `title` is Chinese and fit to show.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
    },
    "additionalProperties": True,
}
_ANSWER = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_METHODS = ("get", "post", "put", "patch", "delete")
_PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
)
_PAGE = """<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>Guahao API</title>
<link rel="stylesheet" href="docs/swagger-ui.css"><link rel="icon" href="docs/favicon-32x32.png">
</head><body><div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script><script src="docs/start.js"></script></body></html>
"""
_START = """SwaggerUIBundle({url: "docs/openapi.json", dom_id: "#swagger-ui", deepLinking: true});
"""
_ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}

router = APIRouter(include_in_schema=False, dependencies=[Depends(public)])
problems_router = APIRouter(include_in_schema=False, dependencies=[Depends(public)])
"""What every problem document names as its type, so open wherever the API is."""


def describe(app: FastAPI) -> dict[str, Any]:
    """Build the contract once: FastAPI's schema, every operation with problem answers."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = _PROBLEM
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        for path in schema["paths"].values():
            for method in _METHODS:
                if method in path:
                    _add_problems(path[method])
        app.openapi_schema = schema
    return app.openapi_schema


def _add_problems(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    own = answers.get("422", {})
    if "application/problem+json" not in own.get("content", {}):
        answers.pop("422", None)
    elif "`invalid-request`" not in own["description"]:
        own["description"] = f"`invalid-request` {own['description']}"
    answers["default"] = {"description": "Any other problem", "content": _ANSWER}
    if "requestBody" in operation or operation.get("parameters"):
        answers.setdefault("422", {"description": "`invalid-request`", "content": _ANSWER})
    for answer in answers.values():
        if "application/problem+json" in answer.get("content", {}):
            answer["content"] = {**answer["content"], **_ANSWER}


def as_version_3_0(node: Any) -> Any:  # noqa: ANN401  # JSON of any shape
    """Rewrite a 3.1 schema for the bundled Swagger UI, which reads 3.0 only."""
    if isinstance(node, list):
        return [as_version_3_0(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: as_version_3_0(value) for key, value in node.items()}
    choices = kept.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        others = [choice for choice in choices if choice != {"type": "null"}]
        kept.pop("anyOf")
        kept |= {"nullable": True, **(others[0] if len(others) == 1 else {"anyOf": others})}
    if "const" in kept:
        kept["enum"] = [kept.pop("const")]
    return kept


@router.get("/docs")
async def page() -> HTMLResponse:
    """Show the API in the browser."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _PAGE_POLICY})


@router.get("/docs/openapi.json")
async def readable_schema(request: Request) -> dict[str, Any]:
    """Answer the contract in the older format the page reads."""
    rewritten: dict[str, Any] = as_version_3_0(describe(request.app))
    return rewritten | {"openapi": "3.0.3"}


@router.get("/docs/start.js")
async def start() -> Response:
    """Start the page; a file of its own because the page's policy forbids inline scripts."""
    return Response(_START, media_type="text/javascript")


@router.get("/docs/{name}")
async def asset(name: str) -> FileResponse:
    """Answer a file of the page."""
    if name not in _ASSETS:
        raise NotFound
    return FileResponse(Path(str(swagger_ui_path)) / name, media_type=_ASSETS[name])


@problems_router.get("/problems/{code}")
async def problem(code: str) -> PlainTextResponse:
    """Explain a problem code to a developer."""
    if code not in REGISTRY:
        raise NotFound
    packaged = Path(str(files("guahao.web") / "problems")) / f"{code}.md"
    source = packaged if packaged.exists() else _repository() / "docs" / "problems" / f"{code}.md"
    kind = REGISTRY[code]
    if source.exists():
        return PlainTextResponse(source.read_text("utf-8"))
    return PlainTextResponse(
        f"{code} ({kind.status})\n\n{kind.__doc__}\n\n{catalogue()[f'problem.{code}']}\n"
    )


def _repository() -> Path:
    return Path(__file__).parents[3]
