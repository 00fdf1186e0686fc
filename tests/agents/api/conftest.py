"""The real app over a real database file, called in this process."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.api.app import Extras, create_app
from agents.api.log import JournalLog
from agents.api.settings import ApiSettings
from agents.store.database import connect, migrate
from tests.agents.api import scenes


@pytest.fixture(scope="session")
def filled_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that holds the fleet; copied for each test."""
    path = tmp_path_factory.mktemp("fleet") / "buildcast.sqlite"

    async def fill() -> None:
        await migrate(f"sqlite+aiosqlite:///{path}")
        engine = connect(f"sqlite+aiosqlite:///{path}")
        await scenes.store_events(engine, scenes.fleet())
        await engine.dispose()

    asyncio.run(fill())
    return path


@pytest.fixture
async def engine(filled_database: Path, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    shutil.copy(filled_database, tmp_path / "buildcast.sqlite")
    engine = connect(f"sqlite+aiosqlite:///{tmp_path / 'buildcast.sqlite'}")
    yield engine
    await engine.dispose()


@pytest.fixture
def settings(tmp_path: Path) -> ApiSettings:
    return ApiSettings(state=tmp_path, api_poll_seconds=0.02)


@pytest.fixture
def app(settings: ApiSettings, engine: AsyncEngine) -> FastAPI:
    return create_app(settings, engine, JournalLog(settings.state), Extras(clock=lambda: scenes.NOW))


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client
