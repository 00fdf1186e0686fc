"""What tests of the store share: an empty migrated database of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.store import tables
from agents.store.database import connect, migrate


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mysql)])
async def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """SQLite in a file, and the session's MariaDB."""
    url = f"sqlite+aiosqlite:///{tmp_path}/store.db"
    if request.param == "mariadb":
        url = request.getfixturevalue("mariadb")
    await migrate(url)
    made = connect(url)
    async with made.begin() as connection:
        for table in tables.metadata.sorted_tables:
            await connection.execute(delete(table))
    yield made
    await made.dispose()
