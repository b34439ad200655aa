from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.policy.permission import Role
from guahao.kernel.db import Sessions, transaction
from guahao.payment.models import BillRun, BillState, Provider
from guahao.payment.service.reconcile import reconcile
from tests.factories.bill import DAY, MORNING, TODAY, bill_of, paid_one, row_of
from tests.factories.office import Member, hire, refusal

pytestmark = pytest.mark.anyio
RUN = f"/reconciliations/wechat/{DAY}"


@pytest.fixture
async def finance(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.FINANCE)


@pytest.fixture
async def platform(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.FINANCE, hospital_id=None)


@pytest.fixture
async def day(sessions: Sessions) -> None:
    """Of hospital 1 one payment fits and one is missing in the bill, one of hospital 2 fits."""
    async with transaction(sessions) as db:
        fits = await paid_one(db)
        await paid_one(db, amount_fen=700)
        foreign = await paid_one(db, hospital_id=2)
        for provider, before in ((Provider.WECHAT, 0), (Provider.ALIPAY, 0), (Provider.WECHAT, 1)):
            run = BillRun(
                provider=provider,
                day=DAY - timedelta(days=before),
                state=BillState.WANTED,
                due_at=foreign.due_at,
            )
            db.add(run)
    await reconcile(sessions, bill=bill_of(row_of(fits), row_of(foreign)), now=MORNING)


@pytest.mark.usefixtures("day")
async def test_a_hospital_sees_its_own_lines_and_no_totals_of_others(finance: Member) -> None:
    seen = (await finance.get(RUN)).json()

    assert (seen["run"]["state"], seen["run"]["totals"]) == ("done", None)
    assert [(one["verdict"], one["number"], one["bill_fen"], one["our_fen"]) for one in seen["sums"]] == [
        ("matched", 1, 5000, 5000),
        ("short", 1, 0, 700),
    ]
    assert {item["hospital_id"] for item in seen["items"]} == {1}
    short = (await finance.get(RUN, verdict="short")).json()
    assert [(item["bill_fen"], item["our_fen"]) for item in short["items"]] == [(None, 700)]


@pytest.mark.usefixtures("day")
async def test_the_platforms_people_see_all_hospitals_page_by_page(platform: Member) -> None:
    first = (await platform.get(RUN, limit=2)).json()
    rest = (await platform.get(RUN, limit=2, cursor=first["next_cursor"])).json()

    assert (first["run"]["totals"]["matched"], first["run"]["totals"]["differences"]) == (2, 1)
    assert [item["hospital_id"] for item in first["items"] + rest["items"]] == [1, 1, 2]
    assert rest["next_cursor"] is None
    refused = await platform.get(RUN, cursor="nonsense")
    assert refusal(refused) == (422, "cursor-invalid")


@pytest.mark.usefixtures("day")
async def test_days_are_listed_newest_first_each_once(finance: Member) -> None:
    found, cursor = [], None
    while True:
        page = (await finance.get("/reconciliations", limit=1, **{"cursor": cursor} if cursor else {})).json()
        found += [(run["provider"], run["day"]) for run in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    before = str(DAY - timedelta(days=1))
    assert found[:2] == [("wechat", str(DAY)), ("alipay", str(DAY))]
    assert [day for _, day in found[2:]] == [before]
    assert page["total"] == 3
    only = await finance.get("/reconciliations", **{"provider": "wechat", "from": str(DAY), "to": str(TODAY)})
    assert [(run["provider"], run["day"]) for run in only.json()["items"]] == [("wechat", str(DAY))]


async def test_a_past_day_is_wanted_again(finance: Member, db: AsyncSession) -> None:
    wanted = await finance.post("/reconciliations", provider="wechat", day=str(DAY))
    again = await finance.post("/reconciliations", provider="wechat", day=str(DAY))

    assert (wanted.status_code, again.status_code, wanted.json()["state"]) == (202, 202, "wanted")
    assert len((await db.scalars(select(BillRun))).all()) == 1
    tomorrow, long_ago = TODAY + timedelta(days=1), TODAY - timedelta(days=200)
    for provider, day in (("wechat", tomorrow), ("cash", DAY), ("alipay", long_ago)):
        refused = await finance.post("/reconciliations", provider=provider, day=str(day))
        assert refusal(refused) == (404, "not-found")


@pytest.mark.usefixtures("day")
async def test_a_day_is_exported_for_people_and_the_export_is_kept(finance: Member, db: AsyncSession) -> None:
    csv = await finance.get(f"{RUN}.csv")
    xlsx = await finance.get(f"{RUN}.xlsx")

    assert csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert f'filename="wechat-{DAY}.csv"' in csv.headers["content-disposition"]
    lines = csv.content.decode("utf-8-sig").splitlines()
    assert len(lines) == 3
    assert sorted(line.split(",")[7] for line in lines[1:]) == ["50.00", "7.00"]
    book = load_workbook(io.BytesIO(xlsx.content))
    assert [page.max_row for page in book.worksheets] == [3, 3]
    kept = select(AuditEntryRow.action, AuditEntryRow.actor, AuditEntryRow.data).where(
        AuditEntryRow.action == "bill.export"
    )
    assert sorted(data["form"] for _, _, data in await db.execute(kept)) == ["csv", "xlsx"]
    unknown = await finance.get(f"/reconciliations/alipay/{TODAY}.csv")
    assert refusal(unknown) == (404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "body", "wrong"),
    [
        ("GET", "/reconciliations", None, Role.DESK),
        ("POST", "/reconciliations", {"provider": "wechat", "day": str(DAY)}, Role.AUDITOR),
        ("GET", RUN, None, Role.DESK),
        ("GET", f"{RUN}.csv", None, Role.DESK),
        ("GET", f"{RUN}.xlsx", None, Role.HOSPITAL_ADMIN),
    ],
)
async def test_nobody_else_reaches_the_bills(  # noqa: PLR0917 - fixtures and parameters
    client: httpx.AsyncClient,
    sessions: Sessions,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    wrong: Role,
) -> None:
    other = await hire(client, sessions, wrong)

    answers = [
        await client.request(method, f"/api/v1/staff{path}", json=body, headers=headers)
        for headers in ({}, other.header)
    ]

    assert [answer.status_code for answer in answers] == [401, 403]
