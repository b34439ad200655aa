"""Scenes: the short texts in codes on posters and doors, at most the 32 characters that WeChat allows.

`h.<number>` is a hospital, `k.<id>` a department (科), `d.<id>` a doctor, `r.<campus id>.<digest>` a room by
its name; an id is written in 22 characters of base64url, a digest in 6.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from guahao.kernel.errors import NotFound
from guahao.kernel.ids import hospital_of, parse_hospital_id

_ID_CHARS = 22
_DIGEST_CHARS = 6
"""36 bits: two rooms of one campus never meet by chance."""


class SceneKind(StrEnum):
    """What a code leads to."""

    HOSPITAL = "hospital"
    DEPARTMENT = "department"
    DOCTOR = "doctor"
    ROOM = "room"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a scene names: a hospital, or a row of it; of a room the campus and the digest of its name."""

    kind: SceneKind
    hospital_id: int
    id: UUID | None = None
    room_digest: str | None = None


_SIGNS = {SceneKind.DEPARTMENT: "k", SceneKind.DOCTOR: "d"}
_KINDS = {sign: kind for kind, sign in _SIGNS.items()}


def scene_of_hospital(hospital_id: int) -> str:
    """The scene of a hospital."""
    return f"h.{hospital_id}"


def scene_of_department(department_id: UUID) -> str:
    """The scene of a department."""
    return f"{_SIGNS[SceneKind.DEPARTMENT]}.{_short(department_id)}"


def scene_of_doctor(doctor_id: UUID) -> str:
    """The scene of a doctor."""
    return f"{_SIGNS[SceneKind.DOCTOR]}.{_short(doctor_id)}"


def scene_of_room(campus_id: UUID, room: str) -> str:
    """The scene of a room of a campus."""
    return f"r.{_short(campus_id)}.{room_digest(room)}"


def room_digest(room: str) -> str:
    """What stands for a room's name, which may be long and Chinese."""
    return base64.urlsafe_b64encode(hashlib.sha256(room.encode()).digest()).decode()[:_DIGEST_CHARS]


def read_scene(text: str) -> Scene:
    """Read what `scene_of_...` wrote. Raises `NotFound` for anything else."""
    match text.split("."):
        case ["h", number]:
            return Scene(kind=SceneKind.HOSPITAL, hospital_id=parse_hospital_id(number))
        case ["k" | "d" as sign, short]:
            id_ = _id(short)
            return Scene(kind=_KINDS[sign], hospital_id=hospital_of(id_), id=id_)
        case ["r", short, digest] if len(digest) == _DIGEST_CHARS:
            id_ = _id(short)
            return Scene(kind=SceneKind.ROOM, hospital_id=hospital_of(id_), id=id_, room_digest=digest)
    raise NotFound


def _short(id_: UUID) -> str:
    return base64.urlsafe_b64encode(id_.bytes).decode()[:_ID_CHARS]


def _id(short: str) -> UUID:
    if len(short) != _ID_CHARS:
        raise NotFound
    try:
        return UUID(bytes=base64.b64decode(f"{short}==".encode("ascii"), altchars=b"-_", validate=True))
    except (UnicodeEncodeError, binascii.Error):
        raise NotFound from None
