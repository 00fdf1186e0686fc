"""`buildcast db`: the schema brought up to date, old rows rolled up and dropped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

__all__ = ["db"]

db = typer.Typer(no_args_is_help=True, help="The database's schema, and how long rows are kept.")
Database = Annotated[str | None, typer.Option(help="The database's address (BUILDCAST_DATABASE).")]


@db.command("upgrade")
def upgrade(
    database: Database = None,
) -> None:
    """Bring the schema to this version; safe to repeat. Use the migrating user."""
    from agents.settings import SinkSettings
    from agents.store.database import migrate
    from streams.settings import load

    asyncio.run(migrate(load(SinkSettings, database=database).database_url))
    typer.echo("the schema is up to date")


@db.command("check")
def check_(
    database: Database = None,
) -> None:
    """Say whether the database answers."""
    from agents.settings import SinkSettings
    from agents.store.database import check
    from streams.settings import load

    asyncio.run(check(load(SinkSettings, database=database).database_url))
    typer.echo("the database answers")


@db.command("rollup")
def rollup(database: Database = None) -> None:
    """Sum the outcomes of all whole days into one row a day, project and package; repeatable. As the migrating user."""
    from agents.store.retention import rollup as roll

    rows = _with_engine(database, lambda engine: roll(engine, time.time()))
    typer.echo(f"{rows} daily rows stand")


@db.command("retain")
def retain(
    database: Database = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go, and change nothing.")] = False,
) -> None:
    """Roll up, then drop what is older than the settings keep, in small transactions. As the migrating user."""
    from agents.store.retention import RetentionSettings
    from agents.store.retention import retain as sweep
    from streams.settings import load

    settings = load(RetentionSettings)
    gone = _with_engine(database, lambda engine: sweep(engine, settings, time.time(), dry_run, _progress))
    for table, rows in gone.items():
        typer.echo(f"{table}: {rows} rows {'would go' if dry_run else 'gone'}")
    if not gone:
        typer.echo("everything is kept for ever: see the settings BUILDCAST_RETAIN_...")


def _progress(table: str, rows: int) -> None:
    typer.echo(f"{table}: {rows} rows ...", err=True)


def _with_engine(database: str | None, work: Callable[[Any], Awaitable[Any]]) -> Any:
    from agents.settings import SinkSettings
    from agents.store.database import with_engine
    from streams.settings import load

    return asyncio.run(with_engine(load(SinkSettings, database=database).database_url, work))
