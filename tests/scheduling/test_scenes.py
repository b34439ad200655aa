from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from guahao.catalog.models import Doctor, Hospital, HospitalState
from guahao.kernel.clock import utc_now
from guahao.kernel.db import Sessions
from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of, new_id
from guahao.kernel.qr import qr_image
from guahao.kernel.settings import Settings
from guahao.scheduling.models import SessionState
from guahao.scheduling.policy.scene import (
    Scene,
    SceneKind,
    read_scene,
    scene_of_department,
    scene_of_doctor,
    scene_of_hospital,
    scene_of_room,
)
from guahao.scheduling.service.suspend import suspend
from guahao.web.app import create_app
from tests.factories.catalog import staff_headers
from tests.factories.scheduling import Clinic, make_clinic, make_session

pytestmark = pytest.mark.anyio
ALLOWED = re.compile(r"[0-9a-zA-Z!#$&'()*+,/:;=?@\-._~]{1,32}")
ROOM = "门诊楼三层 301 室"
hospital_ids = st.integers(1, 2**24 - 1)


async def opened(client: httpx.AsyncClient, scene: str) -> httpx.Response:
    return await client.get(f"/api/v1/scenes/{scene}")


async def shown(client: httpx.AsyncClient, scene: str) -> dict[str, Any]:
    answer = await opened(client, scene)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@given(hospital_ids, st.text())
def test_every_scene_is_one_that_wechat_takes_and_reads_back(hospital_id: int, room: str) -> None:
    id_ = new_id(hospital_id)
    kinds = [
        (scene_of_hospital(hospital_id), SceneKind.HOSPITAL),
        (scene_of_department(id_), SceneKind.DEPARTMENT),
        (scene_of_doctor(id_), SceneKind.DOCTOR),
        (scene_of_room(id_, room), SceneKind.ROOM),
    ]

    for scene, kind in kinds:
        assert ALLOWED.fullmatch(scene)
        read = read_scene(scene)
        assert (read.kind, read.hospital_id) == (kind, hospital_id)
        assert read.id == (None if kind is SceneKind.HOSPITAL else id_)


@given(st.text())
def test_any_other_text_is_no_scene(scene: str) -> None:
    try:
        read = read_scene(scene)
    except NotFound:
        return
    assert isinstance(read, Scene)
    assert scene[:2] in {"h.", "k.", "d.", "r."}


async def test_a_code_leads_to_a_hospital_a_department_or_a_doctor(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    clinic = await make_clinic(db)
    await db.commit()
    number = str(clinic.hospital_id)

    assert await shown(client, scene_of_hospital(clinic.hospital_id)) == {
        "kind": "hospital",
        "hospital_id": number,
        "id": number,
        "name": "示范市第一人民医院",
        "room": None,
    }
    department = await shown(client, scene_of_department(clinic.department_id))
    assert (department["kind"], department["name"]) == ("department", "内科")
    assert (department["hospital_id"], department["id"]) == (number, str(clinic.department_id))
    doctor = await shown(client, scene_of_doctor(clinic.doctor_id))
    assert (doctor["kind"], doctor["id"], doctor["name"]) == ("doctor", str(clinic.doctor_id), "张医生")


async def test_a_rooms_code_tells_who_sits_there_today_and_in_the_next_14_days(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    clinic = await make_clinic(db)
    elsewhere = await make_clinic(db, hospital_id=clinic.hospital_id)
    at = {"clinic": clinic, "room": ROOM}
    last = await make_session(db, **at, days=14, fee_fen=800)
    stopped = await make_session(db, **at, days=3)
    soon = await make_session(db, **at, days=2, capacity=4)
    await make_session(db, **at, days=15)
    await make_session(db, **at, days=4, state=SessionState.DRAFT)
    await make_session(db, **at, starts_at=utc_now() - timedelta(hours=1))
    await make_session(db, clinic=clinic, room="302", days=5)
    await make_session(db, clinic=elsewhere, room=ROOM, days=6)
    await suspend(db, stopped.id, reason="医生生病", by="staff:test")
    await db.commit()

    found = await shown(client, scene_of_room(clinic.campus_id, ROOM))

    assert (found["kind"], found["id"], found["name"]) == ("room", str(clinic.campus_id), ROOM)
    room = found["room"]
    assert room["hospital"] == {"id": str(clinic.hospital_id), "name": "示范市第一人民医院"}
    assert room["campus"] == {"id": str(clinic.campus_id), "name": "本院", "address": ""}
    assert [(one["id"], one["state"], one["free"]) for one in room["sessions"]] == [
        (str(soon.id), "available", 4),
        (str(stopped.id), "suspended", 0),
        (str(last.id), "available", 5),
    ]
    first = room["sessions"][0]
    assert (first["date"], first["period"]) == (soon.date.isoformat(), "morning")
    assert first["doctor"] == {
        "id": str(clinic.doctor_id),
        "name": "张医生",
        "title": "",
        "level": "general",
    }
    assert first["department"] == {"id": str(clinic.department_id), "name": "内科"}
    assert [one["fee_fen"] for one in room["sessions"]] == [5000, 5000, 800]


async def test_a_room_whose_sessions_of_today_are_over_is_still_known(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    clinic = await make_clinic(db)
    await make_session(db, clinic=clinic, room=ROOM, days=0, starts_at=utc_now() - timedelta(hours=1))
    await db.commit()

    assert (await shown(client, scene_of_room(clinic.campus_id, ROOM)))["room"]["sessions"] == []


async def make_ward(db: AsyncSession) -> tuple[Clinic, list[str]]:
    clinic = await make_clinic(db)
    await make_session(db, clinic=clinic, room=ROOM)
    scenes = [
        scene_of_hospital(clinic.hospital_id),
        scene_of_department(clinic.department_id),
        scene_of_doctor(clinic.doctor_id),
        scene_of_room(clinic.campus_id, ROOM),
    ]
    return clinic, scenes


async def test_codes_of_a_closed_hospital_lead_nowhere(client: httpx.AsyncClient, db: AsyncSession) -> None:
    _, scenes = await make_ward(db)
    await db.execute(update(Hospital).values(state=HospitalState.CLOSED))
    await db.commit()

    assert {(await opened(client, scene)).status_code for scene in scenes} == {404}


async def test_in_single_hospital_mode_codes_of_others_lead_nowhere(
    settings: Settings, sessions: Sessions, db: AsyncSession
) -> None:
    _, scenes = await make_ward(db)
    await db.commit()
    app: FastAPI = create_app(settings.model_copy(update={"single_hospital": "another"}), sessions=sessions)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://guahao.test") as client:
        assert {(await opened(client, scene)).status_code for scene in scenes} == {404}


async def test_what_is_unknown_is_not_found(client: httpx.AsyncClient, db: AsyncSession) -> None:
    clinic, scenes = await make_ward(db)
    await db.execute(update(Doctor).values(is_active=False))
    await db.commit()
    wrong = [
        "h.4711",
        "h.0",
        "h.x",
        "x.1",
        "d",
        "d.",
        "d.短",
        scenes[2],
        scene_of_doctor(clinic.department_id),
        scene_of_department(new_id(clinic.hospital_id)),
        scene_of_room(clinic.campus_id, "没有这间"),
        scene_of_room(clinic.department_id, ROOM),
        f"{scenes[3]}x",
    ]

    answers = [await opened(client, scene) for scene in wrong]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not-found")] * len(
        wrong
    )


async def coded(client: httpx.AsyncClient, headers: dict[str, str], **wanted: str) -> httpx.Response:
    return await client.get("/api/v1/staff/scan-codes", params=wanted, headers=headers)


async def test_what_staff_print_opens_the_page(client: httpx.AsyncClient, db: AsyncSession) -> None:
    clinic, scenes = await make_ward(db)
    admin = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()
    wanted = [
        {"kind": "hospital", "id": str(clinic.hospital_id)},
        {"kind": "department", "id": str(clinic.department_id)},
        {"kind": "doctor", "id": str(clinic.doctor_id)},
        {"kind": "room", "id": str(clinic.campus_id), "room": f" {ROOM} "},
    ]

    codes = [(await coded(client, admin, **one)).json() for one in wanted]

    assert [code["scene"] for code in codes] == scenes
    for code, one in zip(codes, wanted, strict=True):
        link = urlsplit(code["url"])
        assert code["url"].startswith("http://127.0.0.1:8000/m/?scene=")
        assert parse_qs(link.query)["scene"] == [code["scene"]]
        assert code["image"] == qr_image(code["url"])
        assert (await shown(client, code["scene"]))["kind"] == one["kind"]


async def test_staff_print_codes_of_their_own_hospital_only(
    client: httpx.AsyncClient, db: AsyncSession
) -> None:
    clinic, _ = await make_ward(db)
    foreign = await staff_headers(db, hospital_id=(await make_clinic(db)).hospital_id)
    desk = await staff_headers(db, hospital_id=clinic.hospital_id, role="desk")
    await db.commit()
    doctor = {"kind": "doctor", "id": str(clinic.doctor_id)}
    hospital = {"kind": "hospital", "id": str(clinic.hospital_id)}

    answers = [
        await coded(client, foreign, **doctor),
        await coded(client, foreign, **hospital),
        await coded(client, desk, **doctor),
        await coded(client, {}, **doctor),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 403, 401]


async def test_a_code_for_nothing_is_refused(client: httpx.AsyncClient, db: AsyncSession) -> None:
    clinic, _ = await make_ward(db)
    admin = await staff_headers(db, hospital_id=clinic.hospital_id)
    await db.commit()

    answers = [
        await coded(client, admin, kind="doctor", id=str(clinic.department_id)),
        await coded(client, admin, kind="department", id=str(new_id(clinic.hospital_id))),
        await coded(client, admin, kind="room", id=str(clinic.doctor_id), room=ROOM),
        await coded(client, admin, kind="room", id=str(clinic.campus_id), room="  "),
        await coded(client, admin, kind="ward", id=str(clinic.campus_id)),
    ]

    assert hospital_of(clinic.doctor_id) == clinic.hospital_id
    assert [answer.status_code for answer in answers] == [404, 404, 404, 422, 422]
    assert answers[3].json()["errors"] == [{"in": "query", "field": "room", "message": "必须填写"}]
