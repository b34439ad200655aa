import pkgutil
from importlib import import_module

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncSession

import guahao
from guahao.kernel.db import Base

pytestmark = pytest.mark.anyio


def _differences(connection: Connection) -> list[object]:
    options = {"compare_type": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


async def test_the_migrated_database_is_what_the_models_say(db: AsyncSession) -> None:
    for module in pkgutil.walk_packages(guahao.__path__, "guahao."):
        if ".models" in module.name:
            import_module(module.name)

    connection = await db.connection()

    assert await connection.run_sync(_differences) == []
