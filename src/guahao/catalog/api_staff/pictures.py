"""Staff upload pictures of doctors and of the hospital."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel

from guahao.catalog.api_staff.shared import SEEN, Editor, existing
from guahao.catalog.queries.pictures import picture_path
from guahao.catalog.service.picture import (
    PictureTooComplex,
    PictureTooLarge,
    PictureUnreadable,
    draw,
    keep_picture,
)
from guahao.kernel.db import transaction
from guahao.kernel.errors import Unavailable
from guahao.kernel.http import AllSessions, UploadTooLarge, problems
from guahao.kernel.upload import uploaded

router = APIRouter(prefix="/api/v1/staff", tags=["catalog (staff)"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("image/jpeg", "image/png", "image/webp")
        },
    }
}


class PictureSeen(BaseModel):
    """A picture as stored; `path` continues the server's address."""

    id: str
    path: str
    width: int
    height: int


@router.post(
    "/hospitals/{hospital_id}/pictures",
    status_code=201,
    responses=problems(
        *SEEN, PictureUnreadable, PictureTooLarge, PictureTooComplex, UploadTooLarge, Unavailable
    ),
    openapi_extra=_BODY,
)
async def upload_picture(
    hospital_id: str, request: Request, sessions: AllSessions, who: Editor
) -> PictureSeen:
    """Upload a JPEG, PNG or WebP file of at most 10 MB, to be shown by a doctor or the hospital.

    It is drawn anew as a JPEG of at most 1200 pixels a side: nothing of the file but its pixels stays.
    What nothing shows within a day is taken away again.
    """
    async with transaction(sessions) as db:
        id_ = await existing(db, who, hospital_id)
    async with uploaded(request.body, owner=id_) as content:
        drawn = await draw(content, hospital_id=id_)
    async with transaction(sessions) as db:
        row = await keep_picture(db, drawn, hospital_id=id_, actor=f"staff:{who.id}")
    return PictureSeen(id=str(row.id), path=picture_path(row.id), width=row.width, height=row.height)
