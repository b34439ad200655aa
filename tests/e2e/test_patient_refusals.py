"""Every kind of refusal while booking, as the patient reads it: the server's sentence and a way on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from guahao.kernel.i18n import catalogue
from tests.e2e.handset import Handset
from tests.e2e.payer import Payer
from tests.e2e.refusals import REFUSALS, TOLD_BEFORE, Refusal, Scene
from tests.e2e.world import World

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def phone(world: World, tmp_path: Path) -> Iterator[Handset]:
    handset = Handset(world.browser, tmp_path, world.base)
    yield handset
    handset.context.close()


def sentence(code: str) -> re.Pattern[str]:
    """The server's words for a refusal, whatever values stand in them."""
    parts = re.split(r"\{\w+\}", catalogue()[f"problem.{code}"])
    return re.compile(".+".join(map(re.escape, parts)))


def open_confirm(world: World, phone: Handset, payer: Payer, scene: Scene) -> None:
    ((doctor,),) = world.sql.rows(
        "SELECT doctor_id FROM clinic_session WHERE hospital_id = $1 AND id = $2",
        scene.slot.hospital_id,
        scene.slot.session_id,
    )
    phone.carry(payer)
    phone.open(
        "packages/booking/confirm/confirm",
        slot=str(scene.slot.id),
        session=str(scene.slot.session_id),
        doctor=str(doctor),
    )


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: one.code)
def test_who_is_refused_reads_why_and_finds_a_way_on(world: World, phone: Handset, refusal: Refusal) -> None:
    payer = Payer(world.base)
    scene = world.arrange(refusal.arrange)
    for slot in scene.held_first:
        payer.hold({"id": str(slot.id)})
    open_confirm(world, phone, payer, scene)
    phone.part("提交并支付").wait_for()
    meanwhile = refusal.meanwhile
    if meanwhile is not None:
        world.arrange(lambda db: meanwhile(db, scene.slot, UUID(payer.patient)))

    phone.tap("提交并支付")

    phone.says(sentence(refusal.code))
    phone.part(refusal.next_step).last.wait_for()
    phone.picture(refusal.code)
    assert phone.cut(phone.screen) == []
    taken = world.sql.rows("SELECT id FROM appointment WHERE slot_id = $1", scene.slot.id)
    assert taken == []


@pytest.mark.parametrize("code", TOLD_BEFORE)
def test_what_cannot_be_booked_now_says_so_before_anybody_submits(
    world: World, phone: Handset, code: str
) -> None:
    said, arrange = TOLD_BEFORE[code]

    open_confirm(world, phone, Payer(world.base), world.arrange(arrange))

    phone.says(said)
    phone.part("看这位医生的其他时段").wait_for()
    phone.look(code)
