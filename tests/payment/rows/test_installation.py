"""Rows 43, 44 and 50: what somebody with the database or the settings in hand could do to money."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from guahao.audit.jobs import AnchorFile, anchor_heads, seal_entries
from guahao.audit.models import AuditEntryRow, AuditSeal
from guahao.audit.queries import Damage, read_anchors, verify
from guahao.identity.models.person import Person
from guahao.kernel.db import Sessions, transaction
from guahao.kernel.settings import Settings
from guahao.sandbox.keys import SandboxKeys
from guahao.web.money import key_faults
from guahao.web.production import faults
from tests.factories.books import require_sound
from tests.factories.till import Till
from tests.web.processes import environment, guahao
from tests.web.test_production import FIT

pytestmark = pytest.mark.anyio


async def test_row_43_a_name_moved_to_another_row_is_not_shown_and_is_audited(till: Till) -> None:
    one, other = await till.hold(), await till.hold()
    path = f"/api/v1/appointments/{one.appointment_id}"
    assert (await till.client.get(path, headers=one.headers)).status_code == 200
    async with transaction(till.sessions) as db:
        theirs = await db.get_one(Person, other.booker.person_id)
        mine = update(Person).where(Person.id == one.booker.person_id)
        await db.execute(mine.values(name_sealed=theirs.name_sealed))

    answer = await till.client.get(path, headers=one.headers)

    assert (answer.status_code, answer.json()["patient"]["name"]) == (200, "（无法读取）")
    async with transaction(till.sessions) as db:
        latest = select(AuditEntryRow).order_by(AuditEntryRow.at.desc()).limit(1)
        entry = (await db.scalars(latest)).one()
    assert (entry.action, entry.subject) == ("seal.broken", f"person.name_sealed:{one.booker.person_id}")


async def trail(till: Till, file: Path) -> Any:  # what verification found, or None
    async with transaction(till.sessions) as db:
        found = await verify(db, key=till.app.state.key_ring.audit, anchors=read_anchors(file))
    return next((one.bad for one in found if one.bad is not None), None)


async def sealed(till: Till, file: Path) -> None:
    async with transaction(till.sessions) as db:
        while await seal_entries(db, key=till.app.state.key_ring.audit):
            pass
    await anchor_heads(till.sessions, sinks=[AnchorFile(file)])


async def behind_our_back(sessions: Sessions, statement: str, **values: object) -> None:
    async with transaction(sessions) as db:
        await db.execute(text("SET LOCAL session_replication_role = replica"))
        assert (await db.execute(text(statement), values)).rowcount  # type: ignore[attr-defined]  # of a DML


async def entry_of(till: Till, action: str) -> tuple[Any, int]:
    async with transaction(till.sessions) as db:
        found = await db.execute(
            select(AuditEntryRow.id, AuditSeal.seq)
            .join(AuditSeal, AuditSeal.entry_id == AuditEntryRow.id)
            .where(AuditEntryRow.action == action)
        )
        return tuple(found.one())  # type: ignore[return-value]  # of two columns


MONEY = ("payment.open", "payment.capture", "refund.request", "refund.submit", "refund.arrive")


@pytest.mark.parametrize("action", MONEY)
async def test_row_44_every_change_of_money_is_in_the_trail_and_an_edit_is_named(
    till: Till, tmp_path: Path, action: str
) -> None:
    held = await till.booked()
    await till.cancel(held)
    await till.rest()
    file = tmp_path / "anchors.jsonl"
    await sealed(till, file)
    assert await trail(till, file) is None
    id_, seq = await entry_of(till, action)

    edit = "UPDATE audit_entry SET data = jsonb_set(data, '{amount_fen}', '1') WHERE id = :id"
    await behind_our_back(till.sessions, edit, id=id_)

    bad = await trail(till, file)
    assert (bad.damage, bad.seq, bad.entry_id) == (Damage.ENTRY_CHANGED, seq, id_)


async def test_row_44_a_trail_without_the_last_refund_is_seen_by_the_anchor(
    till: Till, tmp_path: Path
) -> None:
    held = await till.booked()
    await till.cancel(held)
    await till.rest()
    file = tmp_path / "anchors.jsonl"
    await sealed(till, file)
    _, seq = await entry_of(till, "refund.arrive")

    gone = "DELETE FROM audit_entry WHERE id IN (SELECT entry_id FROM audit_seal WHERE seq >= :seq)"
    await behind_our_back(till.sessions, gone, seq=seq)
    await behind_our_back(till.sessions, "DELETE FROM audit_seal WHERE seq >= :seq", seq=seq)

    assert (await trail(till, file)).damage is Damage.CUT_OFF


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET amount_fen = amount_fen + 1",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry",
    ],
)
async def test_row_44_the_books_themselves_cannot_be_changed(till: Till, statement: str) -> None:
    await till.booked()
    with pytest.raises(Exception, match="ledger"):
        async with transaction(till.sessions) as db:
            await db.execute(text(statement))
    await require_sound(till.sessions)


PAYMENTS: tuple[tuple[dict[str, object], str], ...] = (
    ({"wechat_pay_endpoint": "sandbox"}, "GUAHAO_WECHAT_PAY_ENDPOINT"),
    ({"wechat_pay_endpoint": "https://localhost"}, "GUAHAO_WECHAT_PAY_ENDPOINT"),
    ({"wechat_pay_endpoint": "http://api.mch.weixin.qq.com"}, "GUAHAO_WECHAT_PAY_ENDPOINT"),
    ({"wechat_pay_serial": "SANDBOX_MERCHANT"}, "GUAHAO_WECHAT_PAY_SERIAL"),
    ({"wechat_pay_serial": "SANDBOX_1"}, "GUAHAO_WECHAT_PAY_SERIAL"),
    ({"wechat_pay_key_id": "PUB_KEY_ID_SANDBOX"}, "GUAHAO_WECHAT_PAY_KEY_ID"),
    ({"wechat_pay_mchid": ""}, "GUAHAO_WECHAT_PAY_MCHID"),
    ({"alipay_endpoint": "sandbox"}, "GUAHAO_ALIPAY_ENDPOINT"),
    ({"alipay_endpoint": "https://openapi-sandbox.dl.alipaydev.com/gateway.do"}, "GUAHAO_ALIPAY_ENDPOINT"),
    ({"alipay_app_id": "2021000000000000"}, "GUAHAO_ALIPAY_APP_ID"),
    ({"alipay_seller_id": "2088000000000000"}, "GUAHAO_ALIPAY_SELLER_ID"),
    ({"public_url": "http://guahao.example.cn"}, "GUAHAO_PUBLIC_URL"),
    ({"debug": True}, "GUAHAO_DEBUG"),
)


@pytest.mark.parametrize(("changed", "named"), PAYMENTS)
def test_row_50_production_refuses_what_is_the_sandboxs(changed: dict[str, object], named: str) -> None:
    found = faults(Settings(**(FIT | changed)))  # type: ignore[arg-type]  # settings of many types

    assert [fault.partition(":")[0] for fault in found] == [named]


def test_row_50_production_does_not_start_with_the_sandbox_and_says_why(tmp_path: Path) -> None:
    sandbox = {"wechat_pay_endpoint": "sandbox", "alipay_endpoint": "sandbox"}
    ended = guahao(environment(tmp_path, 20000, environment="production", **sandbox), "serve")

    assert ended.returncode == 2
    for name in ("GUAHAO_WECHAT_PAY_ENDPOINT", "GUAHAO_ALIPAY_ENDPOINT"):
        assert name in ended.stderr


def test_row_50_empty_or_missing_keys_are_named(tmp_path: Path) -> None:
    SandboxKeys.load(tmp_path / "sandbox")
    keys = tmp_path / "sandbox"
    (keys / "wechat_pay_apiv3.txt").write_text("", "utf-8")

    found = key_faults(Settings(**(FIT | {"keys_dir": keys})))  # type: ignore[arg-type]

    assert any("wechat_pay" in fault for fault in found), found
