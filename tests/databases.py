"""Databases of their own on the session's MariaDB, for tests that need an empty one or make its users."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.engine import make_url

from agents.store.database import connect

__all__ = ["made", "named"]


def named(url: str, database: str) -> str:
    """The same server and user, another database."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)


async def made(owner: str, database: str) -> str:
    """The owner's address of a database that is there from now on."""
    engine = connect(owner)
    async with engine.begin() as connection:
        await connection.execute(text(f"CREATE DATABASE IF NOT EXISTS `{database}`"))
    await engine.dispose()
    return named(owner, database)
