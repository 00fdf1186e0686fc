"""Rows of the database in one file a table, read in one transaction, the same for every kind of database.

Tables are as the database has them, not as this version declares them: a back-up of an older schema is restored under
its own revision and then migrated.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import MetaData, Table, func, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.store.database import connect, migrate, revisions
from streams.errors import ConfigError, Unavailable

__all__ = ["dump_rows", "restore_rows"]

_BATCH = 1_000
_VERSIONS = "alembic_version"  # made by migrating


async def dump_rows(url: str, folder: Path) -> tuple[str, dict[str, int]]:
    """Write all tables below `folder`; the schema's revision and the rows of each."""
    revision, _ = await revisions(url)
    if revision is None:
        raise ConfigError("the database has no tables of Buildcast: there is nothing to back up")
    engine = connect(url)
    try:
        async with engine.connect() as connection, connection.begin():
            return revision, {
                name: await _dump(connection, table, folder / f"{name}.jsonl.gz")
                for name, table in (await _tables(connection)).items()
            }
    except (DBAPIError, OSError) as error:
        raise Unavailable(f"the back-up could not be made: {getattr(error, 'orig', None) or error}") from error
    finally:
        await engine.dispose()


async def restore_rows(url: str, folder: Path, revision: str) -> dict[str, int]:
    """Fill an empty database with the rows of a back-up and bring its schema up to date. As the migrating user."""
    found, _ = await revisions(url)
    if found not in (None, revision):
        await _refuse_rows(url)
        raise ConfigError(
            f"the database is at revision {found}, the back-up at {revision}: restore into a new database"
        )
    await migrate(url, revision)
    await _refuse_rows(url)
    engine = connect(url)
    try:
        async with engine.begin() as connection:
            counts = {
                name: await _fill(connection, table, folder / f"{name}.jsonl.gz")
                for name, table in (await _tables(connection)).items()
            }
    except (DBAPIError, OSError) as error:
        raise Unavailable(f"the rows could not be restored: {getattr(error, 'orig', None) or error}") from error
    finally:
        await engine.dispose()
    await migrate(url)
    return counts


async def _tables(connection: AsyncConnection) -> dict[str, Table]:
    metadata = MetaData()
    await connection.run_sync(metadata.reflect)
    return {table.name: table for table in metadata.sorted_tables if table.name != _VERSIONS}


async def _refuse_rows(url: str) -> None:
    engine = connect(url)
    try:
        async with engine.connect() as connection:
            for name, table in (await _tables(connection)).items():
                if await connection.scalar(select(func.count()).select_from(table)):
                    raise ConfigError(f"the database holds rows already (in {name}): restore into an empty one")
    finally:
        await engine.dispose()


async def _dump(connection: AsyncConnection, table: Table, path: Path) -> int:
    count = 0
    with gzip.open(path, "wb", compresslevel=5) as file:
        result = await connection.stream(select(table))
        async for row in result.mappings():
            file.write(msgspec.json.encode(dict(row)) + b"\n")
            count += 1
    return count


async def _fill(connection: AsyncConnection, table: Table, path: Path) -> int:
    count = 0
    for rows in _batches(path):
        await connection.execute(insert(table), rows)
        count += len(rows)
    return count


def _batches(path: Path) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    with gzip.open(path, "rb") as file:
        for line in file:
            rows.append(msgspec.json.decode(line))
            if len(rows) == _BATCH:
                yield rows
                rows = []
    if rows:
        yield rows
