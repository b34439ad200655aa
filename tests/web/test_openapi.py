import httpx
import pytest

from guahao.kernel.errors import REGISTRY

pytestmark = pytest.mark.anyio


async def test_every_operation_documents_its_problems(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/openapi.json")).json()

    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            content = operation["responses"]["default"]["content"]
            assert "application/problem+json" in content, (method, path)
            assert operation["summary"], (method, path)
    assert "HTTPValidationError" not in schema["components"]["schemas"]


async def test_the_pages_load_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    schema = await client.get("/docs/openapi.json")

    assert "http" not in page.text
    assert schema.json()["openapi"] == "3.0.3"
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon-32x32.png"):
        assert (await client.get(f"/docs/{name}")).status_code == 200
    assert (await client.get("/docs/index.html")).status_code == 404


async def test_every_problem_has_a_page(client: httpx.AsyncClient) -> None:
    for code in REGISTRY:
        answer = await client.get(f"/problems/{code}")
        assert (answer.status_code, code in answer.text) == (200, True)
    assert (await client.get("/problems/none")).status_code == 404
