import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from guahao.kernel.db import make_engine, make_sessions
from guahao.kernel.settings import Environment, Settings
from guahao.web.app import create_app

pytestmark = pytest.mark.anyio

SCRIPT = b"console.log('it runs')\n" * 40
HASHED = "app-ABCD2345.js"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "clients" / "m"
    (folder / "chunks").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>m</title>")
    (folder / HASHED).write_bytes(SCRIPT)
    (folder / f"{HASHED}.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / f"{HASHED}.br").write_bytes(b"as if by brotli")
    (folder / "chunks" / "plain.js").write_bytes(SCRIPT)
    (folder / ".hidden.js").write_text("hidden")
    (tmp_path / "secret.js").write_text("secret")
    return folder.parent


@pytest.fixture
def app(tmp_path: Path, built: Path) -> FastAPI:
    engine = make_engine("postgresql://nobody@127.0.0.1:1/none")
    return create_app(
        Settings(environment="demo", data_dir=tmp_path, clients_dir=built), sessions=make_sessions(engine)
    )


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://guahao.test") as http:
        yield http


async def test_the_page_is_asked_for_again_and_hashed_files_are_kept(client: httpx.AsyncClient) -> None:
    page = await client.get("/m/")
    script = await client.get(f"/m/{HASHED}", headers={"accept-encoding": "identity"})

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["cache-control"] == "no-cache"
    assert (script.content, script.headers["content-type"]) == (SCRIPT, "text/javascript; charset=utf-8")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    assert (await client.get("/m/chunks/plain.js")).headers["cache-control"] == "no-cache"
    assert (await client.get("/m")).headers["location"] == "/m/"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br", "br"),
        ("GZIP;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br; q=0.0, gzip;q=0", None),
        ("", None),
        ("*", None),
    ],
)
async def test_the_encoding_is_one_that_the_client_takes(
    client: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    async with client.stream("GET", f"/m/{HASHED}", headers={"accept-encoding": accepted}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])

    assert (answer.headers.get("content-encoding"), answer.headers["vary"]) == (encoding, "Accept-Encoding")
    assert int(answer.headers["content-length"]) == len(raw)
    if encoding == "gzip":
        assert gzip.decompress(raw) == SCRIPT


async def test_what_was_not_compressed_is_answered_as_it_is(client: httpx.AsyncClient) -> None:
    answer = await client.get("/m/chunks/plain.js", headers={"accept-encoding": "br, gzip"})

    assert (answer.content, "content-encoding" in answer.headers) == (SCRIPT, False)


async def test_the_same_content_is_not_sent_twice(client: httpx.AsyncClient, built: Path) -> None:
    first = await client.get("/m/")
    tag = first.headers["etag"]

    again = await client.get("/m/", headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)

    (built / "m" / "index.html").write_text("<!doctype html><title>another build</title>")
    changed = await client.get("/m/", headers={"if-none-match": tag})
    assert (changed.status_code, "another build" in changed.text) == (200, True)


async def test_head_answers_the_headers_alone(client: httpx.AsyncClient) -> None:
    answer = await client.head("/m/chunks/plain.js")

    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == len(SCRIPT)


@pytest.mark.parametrize(
    "path",
    [
        "none.js",
        "chunks",
        "chunks/",
        ".hidden.js",
        "../../secret.js",
        "..%2f..%2fsecret.js",
        "chunks/%2e%2e/%2e%2e/%2e%2e/secret.js",
        "%2fetc/passwd",
        "chunks//plain.js",
        f"{HASHED}.gz",
        f"{HASHED}%00",
    ],
)
async def test_only_files_of_the_build_are_answered(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(httpx.URL("http://guahao.test", raw_path=f"/m/{path}".encode()))

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["code"] == "not-found"


async def test_the_front_of_the_demo_shows_the_mini_program_in_a_phone(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "demo.json").write_text(
        '{"accounts": [{"role": "patient", "username": "demo_patient", "password": "<try me>"}]}'
    )

    page = await client.get("/")

    assert page.status_code == 200
    for shown in ('<iframe src="/m/"', 'href="/docs"', 'href="/sandbox"', "demo_patient", "&lt;try me&gt;"):
        assert shown in page.text
    assert "'unsafe-inline'" not in page.headers["content-security-policy"]
    for name in ("front.css", "front.js"):
        assert f'"/front/{name}"' in page.text
        assert (await client.get(f"/front/{name}")).status_code == 200
    assert (await client.get("/front/front.html")).status_code == 404


async def test_the_front_says_what_is_missing_without_a_build(client: httpx.AsyncClient, built: Path) -> None:
    (built / "m" / "index.html").unlink()

    page = await client.get("/")

    assert (page.status_code, "还没有构建" in page.text, "<iframe" in page.text) == (200, True, False)
    assert (await client.get("/m/")).status_code == 404


async def test_outside_the_demo_the_address_leads_to_the_mini_program_when_it_is_built(
    client: httpx.AsyncClient, app: FastAPI, built: Path
) -> None:
    app.state.settings = app.state.settings.model_copy(update={"environment": Environment.PRODUCTION})

    with_build = (await client.get("/")).headers["location"]
    (built / "m" / "index.html").unlink()

    assert [with_build, (await client.get("/")).headers["location"]] == ["/m/", "docs"]


@pytest.fixture
def console(built: Path) -> Path:
    folder = built / "console"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>console</title>")
    (folder / "assets" / "index-a1B2c3D4.js").write_bytes(SCRIPT)
    return folder


@pytest.mark.usefixtures("console")
async def test_every_address_of_the_console_is_its_page_and_assets_are_kept(
    client: httpx.AsyncClient,
) -> None:
    pages = [await client.get(f"/console/{path}") for path in ("", "bookings", "reconciliation/a/2026-11-26")]
    asset = await client.get("/console/assets/index-a1B2c3D4.js")

    assert {page.text for page in pages} == {"<!doctype html><title>console</title>"}
    assert {page.headers["cache-control"] for page in pages} == {"no-cache"}
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await client.get("/console")).headers["location"] == "/console/"


@pytest.mark.usefixtures("console")
async def test_the_console_runs_nothing_foreign_and_stands_in_no_frame(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/console/login")).headers

    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.usefixtures("console")
@pytest.mark.parametrize(
    "path", ["assets/none-a1B2c3D4.js", "assets/", "assets/..%2f..%2fsecret.js", "none.js", "favicon.png"]
)
async def test_a_file_the_console_lacks_is_not_its_page(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(httpx.URL("http://guahao.test", raw_path=f"/console/{path}".encode()))

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_without_a_build_there_is_no_console_and_the_front_leads_to_none(
    client: httpx.AsyncClient, built: Path
) -> None:
    without = await client.get("/")
    assert ('href="/console/"' in without.text, (await client.get("/console/")).status_code) == (False, 404)

    (built / "console").mkdir()
    (built / "console" / "index.html").write_text("<!doctype html><title>console</title>")
    assert 'href="/console/"' in (await client.get("/")).text
