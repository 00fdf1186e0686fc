"""The schema is migrated by whoever comes first, and by nobody twice."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from agents.store.database import revisions
from tests import databases

_MIGRATE = "import asyncio, sys; from agents.store.database import migrate; asyncio.run(migrate(sys.argv[1]))"


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("mariadb", marks=pytest.mark.mysql)])
async def test_processes_that_migrate_an_empty_database_at_once_all_find_it_migrated(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/store.db"
    if kind == "mariadb":
        url = await databases.made(request.getfixturevalue("mariadb"), "at_once")
    root = Path(__file__).parents[2]
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _MIGRATE, url, cwd=root, env=os.environ, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    for each in started:
        _, said = await each.communicate()
        assert each.returncode == 0, said.decode()[-2000:]
    found, wanted = await revisions(url)
    assert found == wanted is not None
