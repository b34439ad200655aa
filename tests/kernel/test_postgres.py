import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

pytestmark = pytest.mark.anyio


async def test_trigrams_see_chinese_letters(db: AsyncSession) -> None:
    assert await db.scalar(text("SELECT similarity('心血管内科', '心内科')")) == pytest.approx(0.25)
