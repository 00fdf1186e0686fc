"""The database behind one address: engine made, errors named by who must act, schema migrated.

Infrastructure errors wait and retry for ever; data errors belong to one row; anything else stops loudly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event as sa_event
from sqlalchemy import text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from streams.errors import ConfigError, Unavailable

__all__ = ["Fault", "check", "connect", "fault_of", "migrate", "revisions", "with_engine"]

# Server codes: MySQL and MariaDB error reference. 4025 is MariaDB's failed CHECK.
_INFRASTRUCTURE = {
    1040,
    1053,
    1129,
    1158,
    1159,
    1160,
    1161,
    1205,
    1213,
    1927,
    2002,
    2003,
    2006,
    2013,
    2014,
    2055,
    1021,
    1290,
}
_DATA = {1048, 1264, 1265, 1292, 1366, 1406, 1451, 1452, 3140, 3819, 4025, 1153, 1301}
_SQLITE_AWAY = ("locked", "unable to open", "disk i/o", "disk is full", "readonly")


class Fault(Enum):
    """Who must act: nobody but time, the row's sender, or a person."""

    INFRASTRUCTURE = "infrastructure"
    DATA = "data"
    UNKNOWN = "unknown"


def connect(url: str, pool: int = 5) -> AsyncEngine:
    """An engine for `mysql+aiomysql://` or `sqlite+aiosqlite:///`. Nothing is opened yet."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            "the database address is no URL: use mysql+aiomysql://... or sqlite+aiosqlite:///FILE"
        ) from error
    if parsed.drivername not in ("mysql+aiomysql", "sqlite+aiosqlite"):
        raise ConfigError(f"database driver {parsed.drivername!r} is not known: use mysql+aiomysql or sqlite+aiosqlite")
    try:
        if parsed.drivername == "sqlite+aiosqlite":
            return _sqlite(url, parsed.database)
        # Server-side LOCAL INFILE stays refused: aiomysql sends files only when local_infile is set.
        return create_async_engine(url, pool_size=pool, max_overflow=0, pool_pre_ping=True, pool_recycle=1800,
                                   connect_args={"connect_timeout": 5})  # fmt: skip
    except NoSuchModuleError as error:
        raise ConfigError(f"the database driver is not installed: {error}") from error


async def check(url: str) -> None:
    """Return when the database answers; `Unavailable` with one sentence when it does not."""
    engine = connect(url)
    try:
        async with asyncio.timeout(10), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except (DBAPIError, OSError, TimeoutError) as error:
        raise Unavailable(f"no database answers at {_shown(url)}: start it, or set BUILDCAST_DATABASE") from error
    finally:
        await engine.dispose()


async def with_engine(url: str, work: Callable[[AsyncEngine], Awaitable[Any]]) -> Any:
    """What `work` gives for a database that answers; its refusal is a sentence for a person."""
    await check(url)
    engine = connect(url)
    try:
        return await work(engine)
    except DBAPIError as error:
        raise Unavailable(
            f"the database refuses ({error.orig}): use the migrating user, after `buildcast db upgrade`"
        ) from error
    finally:
        await engine.dispose()


async def migrate(url: str, revision: str = "head") -> None:
    """Bring the schema to a revision, as the migrating user. Safe to repeat, and for several processes at once."""
    engine = connect(url)
    config = _config()
    sa_event.listen(engine.sync_engine, "begin", _alone)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(lambda sync: _upgrade(config, sync, revision))
    except (DBAPIError, OSError) as error:
        detail = getattr(error, "orig", None) or error
        raise Unavailable(f"the schema at {_shown(url)} could not be migrated: {detail}") from error
    finally:
        await engine.dispose()


async def revisions(url: str) -> tuple[str | None, str | None]:
    """The schema's revision as it stands and as this version wants it; `Unavailable` when nothing answers."""
    await check(url)
    engine = connect(url)
    try:
        async with engine.connect() as connection:
            found = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    except (DBAPIError, OSError) as error:
        raise Unavailable(f"the schema's revision at {_shown(url)} cannot be read: {error}") from error
    finally:
        await engine.dispose()
    return found, ScriptDirectory.from_config(_config()).get_current_head()


def fault_of(error: BaseException) -> Fault:
    """Whose fault a failed statement is."""
    if isinstance(error, (OSError, TimeoutError, asyncio.TimeoutError)):
        return Fault.INFRASTRUCTURE
    if not isinstance(error, DBAPIError):
        return Fault.DATA if isinstance(error, StatementError) else Fault.UNKNOWN
    if error.connection_invalidated:
        return Fault.INFRASTRUCTURE
    return _by_code(error.orig)


def _by_code(original: BaseException | None) -> Fault:
    code = original.args[0] if original is not None and original.args else None
    if code in _INFRASTRUCTURE or isinstance(original, OSError):
        return Fault.INFRASTRUCTURE
    kind = type(original).__name__
    if code in _DATA or kind in ("DataError", "IntegrityError"):
        return Fault.DATA
    message = str(original).lower()
    if kind == "OperationalError" and any(each in message for each in _SQLITE_AWAY):
        return Fault.INFRASTRUCTURE
    return Fault.UNKNOWN


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _upgrade(config: Config, connection: Any, revision: str) -> None:
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _alone(connection: Connection) -> None:
    """One migration at a time: the next one waits, and then finds the work done.

    SQLite's driver would begin only before the first row is written, so that two could make the same table.
    """
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        driver.isolation_level = None
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif not connection.exec_driver_sql("SELECT GET_LOCK(CONCAT('buildcast ', DATABASE()), 60)").scalar():
        raise OSError("another migration has been running for 60 s")


def _sqlite(url: str, file: str | None) -> AsyncEngine:
    if file and file != ":memory:":
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url, connect_args={"timeout": 30})

    @sa_event.listens_for(engine.sync_engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    return engine


def _shown(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)
