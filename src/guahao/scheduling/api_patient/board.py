"""Routes of patients about sessions: a department's doctors by day, a doctor's slots."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope, Send

from guahao.catalog.queries import departments_by_ids, doctors_by_ids, rules_of
from guahao.identity.access import public
from guahao.kernel.clock import local_date, utc_now
from guahao.kernel.db import Sessions, autocommitting
from guahao.kernel.errors import NotFound, Problem
from guahao.kernel.http import Db, Now, Page, problems
from guahao.kernel.ids import hospital_of, parse_id
from guahao.scheduling.queries.batched import Batched
from guahao.scheduling.queries.board import SessionRow, SessionView, Wanted, session_rows, session_view
from guahao.scheduling.queries.days import DoctorDays, doctors_with_days
from guahao.scheduling.queries.directory import Directory, HospitalNames

router = APIRouter()

MOST_DAYS = 62
"""Days one answer may span."""

_FIRST_DAY, _LAST_DAY = dt.date(2000, 1, 1), dt.date(2199, 12, 31)
_encode = msgspec.json.Encoder().encode


class RangeTooLong(Problem):
    """The dates span more days than one answer holds, or end before they begin; `days` is the most."""

    code = "range-too-long"
    status = 422


@dataclass(frozen=True, slots=True)
class _Items:
    items: list[SessionView]
    next_cursor: None = None


class Board:
    """Answers about doctors' sessions, ready to send; readers of one moment share one read."""

    def __init__(self, sessions: Sessions, *, single_hospital: str | None) -> None:
        """Read through `sessions`; `single_hospital` is the setting of that name."""
        self._sessions = sessions
        self.directory = Directory(single_hospital=single_hospital)
        self.answers: Batched[Wanted, bytes | None] = Batched(self._read)

    async def _read(self, wanted: Sequence[Wanted]) -> Mapping[Wanted, bytes | Exception | None]:
        """Answer a batch by as many statements as one key needs; a key that fails fails alone."""
        async with autocommitting(self._sessions) as db:
            found = await session_rows(db, wanted)
            needs: dict[int, set[UUID]] = {hospital_of(one.doctor_id): set() for one in wanted}
            for one, rows in found.items():
                needs[hospital_of(one.doctor_id)].update(
                    id_ for row in rows for id_ in (row.campus_id, row.department_id)
                )
            names = await self.directory.of_many(db, {id_: frozenset(ids) for id_, ids in needs.items()})
            silent = [
                one.doctor_id
                for one in wanted
                if one not in found and names[hospital_of(one.doctor_id)].is_visible
            ]
            known = await doctors_by_ids(db, silent) if silent else {}
            answers: dict[Wanted, bytes | Exception | None] = {}
            for one in wanted:
                of_hospital = names[hospital_of(one.doctor_id)]
                if not of_hospital.is_visible or (one not in found and one.doctor_id not in known):
                    answers[one] = None
                    continue
                answers[one] = await _answer(db, one, found.get(one, ()), of_hospital)
            return answers


async def _answer(
    db: AsyncSession, wanted: Wanted, rows: Sequence[SessionRow], names: HospitalNames
) -> bytes | Exception:
    now = utc_now()
    try:
        rules = (await rules_of(db, hospital_id=hospital_of(wanted.doctor_id), now=now)).rules
        return _encode(_Items([session_view(row, names=names, rules=rules, now=now) for row in rows]))
    except Exception as error:  # noqa: BLE001  # told to who asked for this key, the others go on
        return error


def _board_of(request: Request) -> Board:
    state = request.app.state
    if not hasattr(state, "session_board"):
        state.session_board = Board(state.sessions, single_hospital=state.settings.single_hospital)
    board: Board = state.session_board
    return board


async def _board(request: Request) -> Board:
    return _board_of(request)


TheBoard = Annotated[Board, Depends(_board)]
Since = Annotated[dt.date | None, Query(alias="from", ge=_FIRST_DAY, le=_LAST_DAY)]
Until = Annotated[dt.date | None, Query(alias="to", ge=_FIRST_DAY, le=_LAST_DAY)]


class _HotRoute(APIRoute):
    """Reads the usual form of a request itself; solving its dependencies would cost more than the answer.

    Anything unusual (a date that is none, an unknown name) goes the documented way and is refused there.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the usual form, or go the documented way."""
        days = _usual_days(scope) if scope["method"] == "GET" else None
        if days is None:
            await super().handle(scope, receive, send)
            return
        board = _board_of(Request(scope))
        answer = await _sessions_answer(
            scope["path_params"]["doctor_id"], board, since=days[0], until=days[1]
        )
        await answer(scope, receive, send)


def _usual_days(scope: Scope) -> tuple[dt.date | None, dt.date | None] | None:
    if not scope["query_string"]:
        return None, None
    query = QueryParams(scope["query_string"])
    try:
        first, last = (dt.date.fromisoformat(query[name]) if name in query else None for name in _DAYS)
    except ValueError:
        return None
    if len(query) > len(_DAYS) or any(day and not _FIRST_DAY <= day <= _LAST_DAY for day in (first, last)):
        return None
    return first, last


_DAYS = ("from", "to")
hot = APIRouter(prefix="/api/v1", tags=["schedule"], dependencies=[Depends(public)], route_class=_HotRoute)
"""Routes that the application asks before all others."""


@hot.get(
    "/doctors/{doctor_id}/sessions",
    response_model=Page[SessionView],
    responses=problems(NotFound, RangeTooLong),
)
async def sessions_of_doctor(
    doctor_id: str, board: TheBoard, since: Since = None, until: Until = None
) -> Response:
    """A doctor's published sessions with their slots, from today on unless asked otherwise.

    `bookable` is the server's word for this moment, by the judgement that bookings are judged by; `reason`
    is `not-released`, `full`, `suspended`, `past`, `closed`, `outside-booking-window`, `booking-closed-now`,
    `too-late-for-tomorrow`, or what is closed: `hospital-closed`, `campus-closed`, `department-closed`,
    `doctor-inactive`, `doctor-not-in-department`, `level-differs`, `template-ended`. `from` and `to` are
    both included.
    """
    return await _sessions_answer(doctor_id, board, since=since, until=until)


async def _sessions_answer(
    doctor_id: str, board: Board, *, since: dt.date | None, until: dt.date | None
) -> Response:
    first, last = _range(since, until, now=utc_now())
    answer = await board.answers.get(Wanted(parse_id(doctor_id), first, last))
    if answer is None:
        raise NotFound
    return Response(answer, media_type="application/json")


@router.get("/departments/{department_id}/doctors", responses=problems(NotFound))
async def doctors_of_department(
    department_id: str,
    board: TheBoard,
    db: Db,
    now: Now,
    date: Annotated[dt.date | None, Query(ge=_FIRST_DAY, le=_LAST_DAY)] = None,
) -> Page[DoctorDays]:
    """A department's doctors with one word a day: `available`, `upcoming`, `full`, `suspended` or `closed`.

    With `date`, only the doctors who have a session in the department on that day.
    """
    id_ = parse_id(department_id)
    names = await board.directory.of(db, hospital_of(id_))
    # One that is new is found by its key; one that does not exist costs no more than that.
    department = names.departments.get(id_) or (await departments_by_ids(db, [id_])).get(id_)
    if not names.is_visible or department is None or not department.is_active:
        raise NotFound
    first, last = (date, date) if date else _range(None, None, now=now)
    rules = (await rules_of(db, hospital_id=hospital_of(id_), now=now)).rules
    doctors = await doctors_with_days(db, id_, since=first, until=last, rules=rules, now=now)
    return Page(items=[one for one in doctors if one.days or date is None])


def _range(since: dt.date | None, until: dt.date | None, *, now: datetime) -> tuple[dt.date, dt.date]:
    first = since or local_date(now)
    last = until or first + timedelta(days=MOST_DAYS - 1)
    if not first <= last < first + timedelta(days=MOST_DAYS):
        raise RangeTooLong(days=MOST_DAYS)
    return first, last
