from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.audit.models import AuditEntryRow
from guahao.identity.policy.permission import Role
from guahao.identity.service.control import Decider
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions, constraint_of, transaction
from guahao.kernel.ids import DIRECTORY, new_id
from guahao.payment.models import (
    Adjustment,
    AdjustmentState,
    CaseKind,
    FinanceCase,
    LedgerAccount,
    LedgerEntry,
    Part,
    Posting,
)
from guahao.payment.policy import SECOND_PERSON_OVER_FEN, WATCHES
from guahao.payment.queries.setting import choices_of
from guahao.payment.service.case import open_case
from guahao.payment.service.setting import Change, ControlWeakened, approve_change
from guahao.payment.service.setting import change as change_settings
from tests.factories.office import Member, hire, refusal
from tests.factories.payment import make_order, pay

pytestmark = pytest.mark.anyio
LOSS = {
    "hospital_id": 1,
    "debit": "difference",
    "credit": "wechat",
    "amount_fen": 100,
    "note": "短款一元，经查为平台手续差",
}


@pytest.fixture
async def finance(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.FINANCE)


@pytest.fixture
async def second(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.FINANCE)


@pytest.fixture
async def admin(client: httpx.AsyncClient, sessions: Sessions) -> Member:
    return await hire(client, sessions, Role.HOSPITAL_ADMIN)


async def adjustments(db: AsyncSession) -> list[LedgerEntry]:
    return list(await db.scalars(select(LedgerEntry).where(LedgerEntry.kind == Posting.ADJUSTMENT)))


async def made_case(sessions: Sessions, *, hospital_id: int = 1, kind: CaseKind = CaseKind.BILL_LONG) -> UUID:
    async with transaction(sessions) as db:
        subject = f"transaction:{uuid4()}"
        assert await open_case(
            db, hospital_id=hospital_id, kind=kind, subject=subject, evidence={"amount_fen": 1}
        )
        found = await db.scalars(select(FinanceCase.id).where(FinanceCase.subject == subject))
        return found.one()


async def test_row_55_a_manual_entry_is_booked_when_another_person_approves(
    finance: Member, second: Member, db: AsyncSession
) -> None:
    made = await finance.post("/ledger/adjustments", **LOSS)
    path = f"/ledger/adjustments/{made.json()['id']}"
    assert (made.status_code, made.json()["state"]) == (201, "proposed")
    assert await adjustments(db) == []

    assert refusal(await finance.post(f"{path}/approve")) == (409, "same-person")
    assert refusal(await finance.post(f"{path}/reject")) == (409, "same-person")
    assert await adjustments(db) == []

    approved = await second.post(f"{path}/approve")
    assert (approved.json()["state"], approved.json()["decided_by"]) == ("approved", second.actor)
    (entry,) = await adjustments(db)
    assert (entry.debit, entry.credit, entry.part, entry.amount_fen) == (
        LedgerAccount.DIFFERENCE,
        LedgerAccount.WECHAT,
        Part.CASH,
        100,
    )
    trail = select(AuditEntryRow.action, AuditEntryRow.actor).order_by(AuditEntryRow.id)
    assert (await db.execute(trail.where(AuditEntryRow.subject.startswith("adjustment:")))).all() == [
        ("adjustment.propose", finance.actor),
        ("adjustment.approve", second.actor),
    ]


async def test_two_approvers_at_once_book_a_manual_entry_once(
    finance: Member, second: Member, client: httpx.AsyncClient, sessions: Sessions, db: AsyncSession
) -> None:
    third = await hire(client, sessions, Role.FINANCE)
    made = await finance.post("/ledger/adjustments", **LOSS)
    path = f"/ledger/adjustments/{made.json()['id']}"

    answers = await asyncio.gather(
        second.post(f"{path}/approve"), third.post(f"{path}/approve"), third.post(f"{path}/reject")
    )

    codes = Counter(answer.json().get("code", "decided") for answer in answers)
    assert codes == {"decided": 1, "adjustment-decided": 2}
    assert len(await adjustments(db)) == sum(
        "approved" in answer.json().get("state", "") and answer.status_code == 200 for answer in answers
    )


async def test_a_rejected_manual_entry_is_never_booked(
    finance: Member, second: Member, db: AsyncSession
) -> None:
    made = await finance.post("/ledger/adjustments", **LOSS)
    path = f"/ledger/adjustments/{made.json()['id']}"

    rejected = await second.post(f"{path}/reject")
    late = await second.post(f"{path}/approve")

    assert rejected.json()["state"] == "rejected"
    assert (refusal(late), late.json()["state"]) == ((409, "adjustment-decided"), "rejected")
    assert await adjustments(db) == []
    listed = await finance.get("/ledger/adjustments", hospital_id=1, state="rejected")
    assert [item["id"] for item in listed.json()["items"]] == [made.json()["id"]]


@pytest.mark.parametrize(
    "overrides",
    [{"amount_fen": 0}, {"credit": "difference"}, {"debit": "somebody"}, {"note": ""}, {"state": "approved"}],
)
async def test_a_manual_entry_that_makes_no_sense_is_refused(
    finance: Member, db: AsyncSession, overrides: dict[str, object]
) -> None:
    refused = await finance.post("/ledger/adjustments", **LOSS | overrides)

    assert refusal(refused) == (422, "invalid-request")
    assert (await db.scalars(select(Adjustment))).all() == []


async def test_a_manual_entry_is_about_an_order_of_its_hospital(finance: Member, sessions: Sessions) -> None:
    async with transaction(sessions) as db:
        foreign = await make_order(db, hospital_id=2)

    for order_id in (foreign.id, new_id(1)):
        refused = await finance.post("/ledger/adjustments", **LOSS, order_id=str(order_id))
        assert refusal(refused) == (404, "not-found")


async def test_row_31_a_double_click_proposes_one_manual_entry(finance: Member, db: AsyncSession) -> None:
    first, again = [await finance.post("/ledger/adjustments", key="one-click", **LOSS) for _ in range(2)]

    assert again.json() == first.json()
    assert len((await db.scalars(select(Adjustment))).all()) == 1


async def test_the_database_itself_refuses_a_manual_entry_approved_by_its_author(db: AsyncSession) -> None:
    db.add(
        Adjustment(
            hospital_id=1,
            id=new_id(1),
            debit=LedgerAccount.DIFFERENCE,
            credit=LedgerAccount.CASH,
            part=Part.CASH,
            amount_fen=1,
            order_id=None,
            note="-",
            state=AdjustmentState.APPROVED,
            proposed_by="staff:a",
            decided_by="staff:a",
            decided_at=None,
        )
    )

    with pytest.raises(IntegrityError) as refused:
        await db.flush()

    assert constraint_of(refused.value) == "ledger_adjustment_decided_by_another"


async def test_the_trial_balance_is_zero_and_names_what_each_account_holds(
    finance: Member, second: Member, sessions: Sessions
) -> None:
    async with transaction(sessions) as db:
        order = await make_order(db, amount_fen=6000, insurance_fen=1000)
        await pay(db, order.id)
    await finance.post(f"/orders/{order.id}/refunds", amount_fen=500, note="退五元")
    made = await finance.post("/ledger/adjustments", **LOSS)
    await second.post(f"/ledger/adjustments/{made.json()['id']}/approve")

    shown = (await finance.get("/ledger/trial-balance", hospital_id=1)).json()
    long_ago = (await finance.get("/ledger/trial-balance", hospital_id=1, at="2020-01-01T00:00:00Z")).json()

    assert shown["balance_fen"] == 0
    assert {one["account"]: one["balance_fen"] for one in shown["accounts"]} == {
        "wechat": 4900,
        "alipay": 0,
        "cash": 0,
        "insurance": 1000,
        "patient_money": -5500,
        "refunds_payable": -500,
        "unclear": 0,
        "difference": 100,
    }
    assert {one["debit_fen"] + one["credit_fen"] for one in long_ago["accounts"]} == {0}


async def test_entries_are_found_by_account_and_day_page_by_page(finance: Member, sessions: Sessions) -> None:
    for _ in range(2):
        async with transaction(sessions) as db:
            order = await make_order(db)
            await pay(db, order.id)
    await finance.post(f"/orders/{order.id}/refunds", amount_fen=500, note="退五元")

    async def found(**params: object) -> list[str]:
        answer = await finance.get("/ledger", hospital_id=1, **params)
        return [item["kind"] for item in answer.json()["items"]]

    assert await found() == ["refund_promised", "capture", "capture"]
    assert await found(account="wechat") == ["capture", "capture"]
    assert await found(account="refunds_payable") == ["refund_promised"]
    assert await found(**{"from": "2020-01-01", "to": "2020-02-01"}) == []
    first = await finance.get("/ledger", hospital_id=1, limit=2)
    rest = await finance.get("/ledger", hospital_id=1, limit=2, cursor=first.json()["next_cursor"])
    assert len(first.json()["items"]) == 2
    assert ([item["kind"] for item in rest.json()["items"]], rest.json()["next_cursor"]) == (
        ["capture"],
        None,
    )


async def test_a_case_is_found_read_and_resolved_once(finance: Member, sessions: Sessions) -> None:
    case_id = await made_case(sessions)
    await made_case(sessions, kind=CaseKind.MANY_ORDERS)

    listed = await finance.get("/cases", hospital_id=1, state="open", kind="bill_long")
    assert [item["id"] for item in listed.json()["items"]] == [str(case_id)]
    assert (await finance.get(f"/cases/{case_id}")).json()["evidence"] == {"amount_fen": 1}

    done = await finance.post(f"/cases/{case_id}/resolve", resolution="银行次日补记，已核对")
    again = await finance.post(f"/cases/{case_id}/resolve", resolution="再次处理一遍")

    assert (done.status_code, done.json()["state"], done.json()["resolved_by"]) == (
        200,
        "resolved",
        finance.actor,
    )
    assert refusal(again) == (409, "case-resolved")
    assert (await finance.get("/cases", hospital_id=1, state="open", kind="bill_long")).json()["items"] == []


async def test_cases_of_nobody_are_for_the_platforms_people(
    client: httpx.AsyncClient, finance: Member, sessions: Sessions
) -> None:
    platform = await hire(client, sessions, Role.FINANCE, hospital_id=None)
    case_id = await made_case(sessions, hospital_id=DIRECTORY, kind=CaseKind.UNKNOWN_ORDER)

    assert [item["id"] for item in (await platform.get("/cases", hospital_id=0)).json()["items"]] == [
        str(case_id)
    ]
    assert refusal(await finance.get("/cases", hospital_id=0)) == (404, "not-found")
    assert refusal(await finance.get(f"/cases/{case_id}")) == (404, "not-found")


def choice(**overrides: Any) -> dict[str, Any]:
    return {"is_alipay_offered": False, "second_person_over_fen": SECOND_PERSON_OVER_FEN} | overrides


async def test_a_hospital_has_the_defaults_until_it_decides(admin: Member, db: AsyncSession) -> None:
    shown = (await admin.get("/payment-settings", hospital_id=1)).json()
    assert shown["second_person_over_fen"] == SECOND_PERSON_OVER_FEN
    assert {one["kind"]: one["threshold"] for one in shown["watches"]} == {
        kind.value: watch.threshold for kind, watch in WATCHES.items()
    }

    stricter = {"kind": "many_orders", "threshold": 5, "window_min": 60, "is_on": True}
    body = choice(is_alipay_offered=True, second_person_over_fen=100, watches=[stricter])
    saved = await admin.put("/payment-settings?hospital_id=1", **body)

    assert saved.status_code == 200, saved.text
    assert (saved.json()["is_alipay_offered"], saved.json()["second_person_over_fen"]) == (True, 100)
    assert stricter in saved.json()["watches"]
    assert len(saved.json()["watches"]) == len(WATCHES)
    assert (await db.scalars(select(FinanceCase))).all() == []
    assert (await choices_of(db, hospital_id=1)).second_person_over_fen == 100


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (choice(second_person_over_fen=SECOND_PERSON_OVER_FEN + 1), "second_person_over_fen"),
        (
            choice(watches=[{"kind": "large_refund", "threshold": 1, "window_min": 1440, "is_on": False}]),
            "watches.large_refund",
        ),
        (
            choice(watches=[{"kind": "many_orders", "threshold": 11, "window_min": 60, "is_on": True}]),
            "watches.many_orders",
        ),
        (
            choice(watches=[{"kind": "many_orders", "threshold": 10, "window_min": 59, "is_on": True}]),
            "watches.many_orders",
        ),
    ],
)
async def test_row_55_a_control_is_loosened_by_two_people_or_not(  # noqa: PLR0917 - fixtures and parameters
    client: httpx.AsyncClient,
    sessions: Sessions,
    admin: Member,
    db: AsyncSession,
    change: dict[str, Any],
    field: str,
) -> None:
    path = "/payment-settings?hospital_id=1"
    other = await hire(client, sessions, Role.HOSPITAL_ADMIN)

    asked_for = await admin.put(path, **change)

    assert (asked_for.status_code, asked_for.json()["waits"]["fields"]) == (202, [field])
    assert (await choices_of(db, hospital_id=1)).watches == WATCHES
    approval = f"/payment-settings/requests/{asked_for.json()['waits']['request_id']}/approval"
    assert refusal(await admin.post(approval)) == (409, "same-person")
    allowed = await other.post(approval)
    assert (allowed.status_code, allowed.json()["waits"], allowed.json()["version"]) == (200, None, 1)
    assert refusal(await other.post(approval)) == (409, "control-request-closed")
    assert (await admin.put(path, **change)).status_code == 200
    entries = (
        await db.scalars(
            select(AuditEntryRow)
            .where(AuditEntryRow.action == "payment_setting.update")
            .order_by(AuditEntryRow.id)
        )
    ).all()
    assert [(entry.actor, entry.data.get("proposed_by")) for entry in entries] == [
        (other.actor, admin.actor),
        (admin.actor, None),
    ]


async def test_a_request_to_loosen_what_was_changed_since_is_void(
    client: httpx.AsyncClient, sessions: Sessions, admin: Member
) -> None:
    path = "/payment-settings?hospital_id=1"
    platform = await hire(client, sessions, Role.PLATFORM_ADMIN, hospital_id=None)
    waits = (await admin.put(path, **choice(second_person_over_fen=10**9))).json()["waits"]
    await admin.put(path, **choice(second_person_over_fen=7))

    late = await platform.post(f"/payment-settings/requests/{waits['request_id']}/approval")

    assert (refusal(late), late.json()["state"]) == ((409, "control-request-closed"), "stale")
    assert (await admin.get("/payment-settings", hospital_id=1)).json()["second_person_over_fen"] == 7


async def test_who_may_refund_neither_proposes_nor_allows_a_looser_limit(
    client: httpx.AsyncClient, sessions: Sessions, admin: Member
) -> None:
    path = "/payment-settings?hospital_id=1"
    change = Change(
        version=None,
        is_alipay_offered=False,
        second_person_over_fen=10**9,
        watches={},
        by=admin.id,
        may_refund=True,
    )
    with pytest.raises(ControlWeakened):
        async with transaction(sessions) as db:
            await change_settings(db, hospital_id=1, wanted=change, now=utc_now())
    waits = (await admin.put(path, **choice(second_person_over_fen=10**9))).json()["waits"]
    second = await hire(client, sessions, Role.FINANCE)
    decider = Decider(id=second.id, scope=1)
    with pytest.raises(ControlWeakened):
        async with transaction(sessions) as db:
            await approve_change(
                db, request_id=UUID(waits["request_id"]), decider=decider, may_refund=True, now=utc_now()
            )


async def test_a_hospital_that_wants_two_people_for_everything_gets_it(
    admin: Member, finance: Member, sessions: Sessions
) -> None:
    await admin.put("/payment-settings?hospital_id=1", **choice(second_person_over_fen=0))
    async with transaction(sessions) as db:
        order = await make_order(db)
        await pay(db, order.id)

    made = await finance.post(f"/orders/{order.id}/refunds", amount_fen=1, note="退一分")

    assert made.json()["state"] == "awaiting_approval"


@pytest.mark.parametrize(
    ("method", "path", "body", "wrong"),
    [
        ("GET", "/cases?hospital_id=1", None, Role.DESK),
        ("GET", "/cases/{case}", None, Role.DESK),
        ("POST", "/cases/{case}/resolve", {"resolution": "已经核对"}, Role.AUDITOR),
        ("GET", "/ledger?hospital_id=1", None, Role.DESK),
        ("GET", "/ledger/trial-balance?hospital_id=1", None, Role.DESK),
        ("GET", "/ledger/adjustments?hospital_id=1", None, Role.DESK),
        ("POST", "/ledger/adjustments", LOSS, Role.AUDITOR),
        ("POST", "/ledger/adjustments/{adjustment}/approve", None, Role.AUDITOR),
        ("POST", "/ledger/adjustments/{adjustment}/reject", None, Role.AUDITOR),
        ("GET", "/payment-settings?hospital_id=1", None, Role.DESK),
        ("PUT", "/payment-settings?hospital_id=1", choice(), Role.FINANCE),
    ],
)
async def test_row_33_nobody_else_reaches_the_books(  # noqa: PLR0917 - fixtures and parameters
    client: httpx.AsyncClient,
    sessions: Sessions,
    finance: Member,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    wrong: Role,
) -> None:
    case_id = await made_case(sessions)
    made = await finance.post("/ledger/adjustments", **LOSS)
    url = "/api/v1/staff" + path.format(case=case_id, adjustment=made.json()["id"])
    role = Role.HOSPITAL_ADMIN if "settings" in path else Role.FINANCE
    foreign = await hire(client, sessions, role, hospital_id=2)
    other = await hire(client, sessions, wrong)

    answers = [
        await client.request(method, url, json=body, headers=headers)
        for headers in ({}, other.header, foreign.header)
    ]

    assert [answer.status_code for answer in answers] == [401, 403, 404]
