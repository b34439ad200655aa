"""The base of every table, and the one place where a transaction begins and ends."""

from __future__ import annotations

import enum
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    CursorResult,
    DateTime,
    Enum,
    Insert,
    MetaData,
    Result,
    Row,
    Select,
    Table,
    Text,
    Update,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import ReturningInsert

from guahao.kernel.metrics import MeasuredPool

Sessions = async_sessionmaker[AsyncSession]
Json = dict[str, Any]
S = TypeVar("S", bound=enum.StrEnum)
K = TypeVar("K")
_NAMED_AT_ONCE = 2000
_READ_AT_ONCE = 100
"""So few that making their objects keeps an event loop for a few milliseconds only."""

_ASYNCPG = asyncpg_dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so


def _stored_values(kind: type[enum.Enum]) -> list[str]:
    return [str(member.value) for member in kind]


def closed_set(kind: type[enum.StrEnum]) -> Enum:
    """Column type of a StrEnum: stored as its value in text, guarded by a named CHECK in the migration."""
    return Enum(kind, native_enum=False, length=40, values_callable=_stored_values, create_constraint=False)


def is_exactly(state: InstrumentedAttribute[S], member: S) -> ColumnElement[bool]:
    """Compare with the value in the statement's text, as partial indexes on it need."""
    return state == literal_column(f"'{member.value}'")


class Base(DeclarativeBase):
    """Declarative base; constraint names follow one convention so that errors can be told apart."""

    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "ck": "%(constraint_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        Json: JSONB,
        str: Text,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long the database waits for a connection of ours, in seconds; 0 is for ever.

    They are set on every connection, since a server of the hospital's own has none of them by default:
    there a process that vanished would keep its locks for the two hours in which TCP notices.
    """

    statement_s: float = 60
    lock_s: float = 20
    idle_s: float = 30
    """Between two statements of a transaction: a process that hangs or is frozen loses its locks after it."""

    @property
    def server_settings(self) -> dict[str, str]:
        """Spell them, and how soon TCP notices a lost machine, as the server's settings."""
        times = {
            "statement_timeout": self.statement_s,
            "lock_timeout": self.lock_s,
            "idle_in_transaction_session_timeout": self.idle_s,
        }
        return {name: f"{round(value * 1000)}ms" for name, value in times.items()} | _KEEPALIVE


_KEEPALIVE = {
    "tcp_keepalives_idle": "30s",
    "tcp_keepalives_interval": "10s",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "60s",
}
_NETWORK_S = 1.0
"""So much later than the server's own timeout a client gives up: then the server is silent or gone."""

SERVING = Timeouts(statement_s=15, lock_s=10)
"""For requests: a database that is frozen, or waits for a lock, holds no request any longer."""

WORKING = Timeouts()
"""For jobs and commands, whose statements touch many rows."""

MIGRATING = Timeouts(statement_s=0, lock_s=0, idle_s=0)
"""For migrations: building an index takes as long as it takes."""


def make_engine(
    dsn: str, *, pool_size: int = 10, plans_once: bool = False, timeouts: Timeouts = WORKING
) -> AsyncEngine:
    """Open a pool for `postgresql://` or `postgresql+asyncpg://` addresses.

    `plans_once` is for servers: PostgreSQL would plan the set-based statements of a booking anew
    each time, which measured 0.4 ms of its processor time a booking. Such a plan knows no value, so
    it can use a partial index only if the statement says `is_exactly`, and misjudges LIMIT. A statement
    that is not answered a second after its timeout raises TimeoutError.
    """
    plans = "force_generic_plan" if plans_once else "auto"
    url, tls = _tls_of(make_url(dsn.replace("postgresql://", "postgresql+asyncpg://", 1)))
    return create_async_engine(
        url,
        poolclass=MeasuredPool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=False,
        connect_args={
            "server_settings": {"plan_cache_mode": plans, **timeouts.server_settings},
            **tls,
            "command_timeout": timeouts.statement_s + _NETWORK_S if timeouts.statement_s else None,
        },
    )


def _tls_of(url: URL) -> tuple[URL, dict[str, Any]]:
    """Take libpq's sslmode and sslrootcert out of the address and say them as the driver does."""
    mode, root = url.query.get("sslmode"), url.query.get("sslrootcert")
    if mode is None:
        return url, {}
    rest = url.difference_update_query(("sslmode", "sslrootcert"))
    if mode not in {"verify-ca", "verify-full"}:
        return rest, {"ssl": mode}
    context = ssl.create_default_context(cafile=None if root in {None, "system"} else str(root))
    context.check_hostname = mode == "verify-full"
    return rest, {"ssl": context}


def make_sessions(engine: AsyncEngine) -> Sessions:
    """Sessions whose rows stay readable after commit and that never load lazily."""
    return async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def transaction(sessions: Sessions) -> AsyncGenerator[AsyncSession]:
    """Commit on success, roll back on any exception; services never commit."""
    async with sessions() as db, db.begin():
        yield db


@asynccontextmanager
async def autocommitting(sessions: Sessions) -> AsyncGenerator[AsyncSession]:
    """Run single statements that need no transaction, each without the round trips of BEGIN and COMMIT."""
    async with sessions() as db:
        await db.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        yield db


def table(model: type[Base]) -> Table:
    """The plain table of a model: statements on it do not pass the mapper."""
    return model.metadata.tables[model.__tablename__]


class BulkInsert:
    """Set-based insert of one table from arrays: one text for any number of rows, so it is prepared once.

    Several of them and a final select make one statement with `together`; that is how a booking
    writes its rows in one round trip.
    """

    def __init__(self, model: type[Base], *columns: str) -> None:
        """Name the columns that every row will give; the others take their defaults."""
        plain = table(model)
        self._prefix = plain.name
        self._columns = columns
        kinds = {name: plain.c[name].type for name in columns}
        json = {name for name in columns if isinstance(kinds[name], JSON)}
        as_text = json | {name for name in columns if isinstance(kinds[name], Enum)}
        arrays = [
            bindparam(f"{self._prefix}__{name}", type_=ARRAY(Text() if name in as_text else kinds[name]))
            for name in columns
        ]
        rows = func.unnest(*arrays).table_valued(*[column(name) for name in columns])
        source = rows.render_derived(name=f"{plain.name}_in")
        picked = [cast(source.c[name], JSONB) if name in json else source.c[name] for name in columns]
        self.statement: Insert = insert(plain).from_select(columns, select(*picked))

    def params(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
        """Bind `rows`; every row gives every named column, JSON columns as JSON text."""
        return {f"{self._prefix}__{name}": [row[name] for row in rows] for name in self._columns}


def together(*parts: Insert | Update, answer: Select[Any] | None = None) -> Select[Any]:
    """Combine data-modifying statements into one: `WITH a AS (..), b AS (..) SELECT ..`.

    Without `answer` the statement answers one row, 1.
    """
    statement = select(literal(1)) if answer is None else answer
    for number, part in enumerate(parts):
        statement = statement.add_cte(part.cte(f"written_{number}"))
    return statement


class HotStatement:
    """A statement compiled once and given to the driver as it is, for the few that every booking runs.

    It takes values as the driver knows them (a StrEnum counts as text) and answers them unconverted;
    that costs a third of an ordinary execution. Names of values are those of its bind parameters.
    """

    def __init__(self, statement: Select[Any] | Insert | ReturningInsert[Any]) -> None:
        """Compile for asyncpg."""
        compiled = statement.compile(dialect=_ASYNCPG)
        assert isinstance(compiled, SQLCompiler)
        self._sql = str(compiled)
        self._names = tuple(compiled.positiontup or ())
        self._constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}

    async def rows(self, db: AsyncSession, params: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """Run it in the transaction of `db`."""
        bound = self._constants | dict(params)
        connection = await db.connection()
        result = await connection.exec_driver_sql(self._sql, tuple(bound[name] for name in self._names))
        return result.all()


def in_parts(keys: Collection[K]) -> Iterator[Sequence[K]]:
    """Keys in parts that one statement can name; what is read for a file can be many times more."""
    every = list(keys)
    for begin in range(0, len(every), _NAMED_AT_ONCE):
        yield every[begin : begin + _NAMED_AT_ONCE]


async def read_in_parts(
    db: AsyncSession, statement: Select[*tuple[Any, ...]]
) -> AsyncIterator[Sequence[Row[Any]]]:
    """Read many rows of one moment, part by part, so that others are served in between.

    Objects of the database live as long as somebody holds them: a part that is let go takes no memory.
    """
    rows = await db.stream(statement, execution_options={"yield_per": _READ_AT_ONCE})
    async for part in rows.partitions():
        yield part


def affected(result: Result[Any]) -> int:
    """How many rows an INSERT, UPDATE or DELETE touched."""
    assert isinstance(result, CursorResult)
    return result.rowcount


def constraint_of(error: BaseException) -> str | None:
    """The name of the constraint an IntegrityError tripped, to map it to a Problem."""
    cause: BaseException | None = error
    while cause is not None:
        name = getattr(cause, "constraint_name", None)
        if name:
            return str(name)
        cause = getattr(cause, "orig", None) or cause.__cause__
    return None
