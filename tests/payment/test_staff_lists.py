from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.policy.permission import Role
from guahao.kernel import paging
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions, transaction
from guahao.payment.api_staff.showing import channels_by_payment
from guahao.payment.models import CaseKind, Payment, Refund
from guahao.payment.service.case import open_case
from tests.factories.office import Member, hire, refusal
from tests.factories.payment import make_order, pay

pytestmark = pytest.mark.anyio
LISTS = ("/orders", "/payments", "/refunds", "/cases", "/ledger")


@pytest.fixture
async def finance(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.FINANCE)


async def three_orders(sessions: Sessions) -> list[UUID]:
    """Three paid orders of 10, 20 and 30 yuan, made one day after the other."""
    ids = []
    for number in (1, 2, 3):
        async with transaction(sessions) as db:
            at = utc_now() - timedelta(days=4 - number)
            order = await make_order(db, amount_fen=number * 1000, created_at=at)
            await pay(db, order.id)
            ids.append(order.id)
    return ids


async def ids_of(member: Member, path: str, **query: Any) -> list[str]:
    answer = await member.get(path, hospital_id=1, **query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_orders_are_sorted_counted_and_cut_to_days(finance: Member, sessions: Sessions) -> None:
    ids = [str(id_) for id_ in await three_orders(sessions)]

    newest = (await finance.get("/orders", hospital_id=1, limit=2)).json()
    day = local_date(utc_now() - timedelta(days=2))
    only = await ids_of(finance, "/orders", **{"from": day, "to": day + timedelta(days=1)})

    assert [item["id"] for item in newest["items"]] == [ids[2], ids[1]]
    assert newest["total"] == 3
    assert await ids_of(finance, "/orders", limit=2, cursor=newest["next_cursor"]) == [ids[0]]
    assert await ids_of(finance, "/orders", sort="created_at") == ids
    assert only == [ids[1]]


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_is_sorted_by_what_it_allows_and_belongs_to_one_hospital(
    finance: Member, path: str
) -> None:
    assert refusal(await finance.get(path, hospital_id=1, sort="note")) == (422, "sort-unknown")
    assert refusal(await finance.get(path, hospital_id=1, cursor="eA")) == (422, "cursor-invalid")
    assert refusal(await finance.get(path, hospital_id=2)) == (404, "not-found")
    assert refusal(await finance.get(f"{path}.csv", hospital_id=2)) == (404, "not-found")


async def test_an_order_is_found_by_any_of_its_numbers(finance: Member, sessions: Sessions) -> None:
    first, _, _ = await three_orders(sessions)
    async with transaction(sessions) as db:
        payment = (await db.scalars(select(Payment).where(Payment.order_id == first))).one()
        appointment = "0191f1c2-0000-8000-8000-000000000001"
        booked = await make_order(db, subject=f"appointment:{appointment}")
    made = await finance.post(f"/orders/{first}/refunds", amount_fen=100, note="医院原因")
    refund = made.json()

    for number in (
        str(first),
        first.hex.upper(),
        payment.out_trade_no,
        payment.transaction_id,
        refund["out_refund_no"],
        refund["id"],
    ):
        assert await ids_of(finance, "/orders", q=number) == [str(first)], number
    assert await ids_of(finance, "/orders", q=appointment) == [str(booked.id)]
    assert await ids_of(finance, "/payments", q=str(first)) == [str(payment.id)]
    assert await ids_of(finance, "/refunds", q=payment.transaction_id) == [refund["id"]]
    assert len(await ids_of(finance, "/ledger", q=str(first))) == 2
    assert await ids_of(finance, "/orders", q="0191f1c2-0000-8000-8000-00000000ffff") == []


async def test_entries_of_an_account_are_those_on_either_side_in_one_order(
    finance: Member, sessions: Sessions
) -> None:
    first, _, _ = await three_orders(sessions)
    await finance.post(f"/orders/{first}/refunds", amount_fen=100, note="医院原因")

    pages: list[str] = []
    cursor = None
    while True:
        query = {"account": "patient_money", "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await finance.get("/ledger", hospital_id=1, **query)).json()
        pages += [item["kind"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert pages == ["refund_promised", "capture", "capture", "capture"]
    assert page["total"] == 4
    assert await ids_of(finance, "/ledger", account="cash") == []


async def test_a_case_is_found_by_what_it_is_about(finance: Member, sessions: Sessions) -> None:
    first, _, _ = await three_orders(sessions)
    async with transaction(sessions) as db:
        for subject in (f"order:{first}", "transaction:4200001", "refund-number:4200001@2026-11-29"):
            await open_case(db, hospital_id=1, kind=CaseKind.BILL_LONG, subject=subject, evidence={})

    by_order = (await finance.get("/cases", hospital_id=1, q=str(first))).json()["items"]
    by_transaction = (await finance.get("/cases", hospital_id=1, q="4200001")).json()["items"]

    assert [one["subject"] for one in by_order] == [f"order:{first}"]
    assert {one["subject"] for one in by_transaction} == {
        "transaction:4200001",
        "refund-number:4200001@2026-11-29",
    }


@pytest.mark.parametrize("path", [*LISTS, "/ledger/trial-balance", "/reconciliations"])
async def test_every_list_is_taken_as_a_file_and_the_trail_says_so(
    finance: Member, sessions: Sessions, db: AsyncSession, path: str
) -> None:
    first, _, _ = await three_orders(sessions)
    await finance.post(f"/orders/{first}/refunds", amount_fen=100, note="=cmd()")

    as_csv = await finance.get(f"{path}.csv", hospital_id=1)
    as_xlsx = await finance.get(f"{path}.xlsx", hospital_id=1)

    name = path.rpartition("/")[2]
    assert (as_csv.status_code, as_xlsx.status_code, as_xlsx.content[:2]) == (200, 200, b"PK")
    assert as_csv.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
    rows = list(csv.reader(io.StringIO(as_csv.content.decode("utf-8-sig"))))
    assert {len(row) for row in rows} == {len(rows[0])}
    trail = select(AuditEntryRow.subject, AuditEntryRow.data).where(AuditEntryRow.action == "list.export")
    found = [(subject, data["form"], data["rows"]) for subject, data in await db.execute(trail)]
    assert sorted(found) == [(f"list:{name}", form, len(rows) - 1) for form in ("csv", "xlsx")]


async def test_row_48_a_note_that_is_a_formula_runs_nowhere(finance: Member, sessions: Sessions) -> None:
    first, _, _ = await three_orders(sessions)
    await finance.post(f"/orders/{first}/refunds", amount_fen=100, note="=HYPERLINK()")

    file = await finance.get("/refunds.csv", hospital_id=1)

    (row,) = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))[1:]
    assert "'=HYPERLINK()" in row
    assert "=HYPERLINK()" not in row


async def test_what_is_too_large_for_a_file_is_refused_and_not_in_the_trail(
    finance: Member, sessions: Sessions, db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    await three_orders(sessions)
    monkeypatch.setattr(paging, "EXPORTED_TO", 2)

    refused = await finance.get("/orders.csv", hospital_id=1)

    assert (refusal(refused), refused.json()["at_most"]) == ((409, "export-too-large"), 2)
    trail = select(AuditEntryRow).where(AuditEntryRow.action == "list.export")
    assert (await db.scalars(trail)).all() == []


async def test_channels_are_found_for_more_refunds_than_a_statement_can_name(
    finance: Member, sessions: Sessions, db: AsyncSession
) -> None:
    first, _, _ = await three_orders(sessions)
    await finance.post(f"/orders/{first}/refunds", amount_fen=100, note="多收了")
    refund = (await db.scalars(select(Refund))).one()
    others = [Refund(hospital_id=1, payment_id=uuid4()) for _ in range(17_000)]

    assert (await channels_by_payment(db, [*others, refund])).keys() == {refund.payment_id}


async def test_the_rule_says_how_much_goes_back_alone(finance: Member, sessions: Sessions) -> None:
    async with transaction(sessions) as db:
        order = await make_order(db, amount_fen=50_000)
        await pay(db, order.id)
    path = f"/orders/{order.id}/refund-rule"

    before = (await finance.get(path)).json()
    await finance.post(f"/orders/{order.id}/refunds", amount_fen=before["alone_up_to_fen"], note="医院原因")
    after = (await finance.get(path)).json()

    assert 0 < before["alone_up_to_fen"] < before["refundable_fen"] == 50_000
    assert after == {"refundable_fen": 50_000 - before["alone_up_to_fen"], "alone_up_to_fen": 0}
