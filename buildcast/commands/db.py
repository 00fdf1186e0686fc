"""`buildcast db`: the schema brought up to date, old rows rolled up and dropped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

__all__ = ["db"]

db = typer.Typer(add_completion=False, no_args_is_help=True, help="The database's schema, and how long rows are kept.")
Database = Annotated[str | None, typer.Option(help="The database's address (BUILDCAST_DATABASE).")]


@db.command("upgrade")
def upgrade(
    database: Database = None,
) -> None:
    """Bring the schema to this version; safe to repeat. Use the migrating user."""
    from agents.store.database import migrate, revisions
    from buildcast.audited import audited

    url = _url(database)
    before, after = asyncio.run(revisions(url))
    asyncio.run(migrate(url))
    typer.echo("the schema is up to date")
    if before != after:
        audited(url, "schema-upgraded", "schema", before=before or "", after=after or "")


@db.command("check")
def check_(
    database: Database = None,
) -> None:
    """Say whether the database answers."""
    from agents.store.database import check

    asyncio.run(check(_url(database)))
    typer.echo("the database answers")


@db.command("rollup")
def rollup(database: Database = None) -> None:
    """Sum the outcomes of all whole days into one row a day, project and package; repeatable. As the migrating user."""
    from agents.store.retention import daily_rows
    from agents.store.retention import rollup as roll
    from buildcast.audited import audited

    before = _with_engine(database, daily_rows)
    rows = _with_engine(database, lambda engine: roll(engine, time.time()))
    typer.echo(f"{rows} daily rows stand")
    after = _with_engine(database, daily_rows)
    audited(_url(database), "days-rolled-up", "daily_outcomes", None, f"{before} rows", f"{after} rows")


@db.command("retain")
def retain(
    database: Database = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go, and change nothing.")] = False,
) -> None:
    """Roll up, then drop what is older than the settings keep, in small transactions. As the migrating user."""
    from agents.store.retention import RetentionSettings
    from agents.store.retention import retain as sweep
    from buildcast.audited import audited
    from streams.settings import load

    settings = load(RetentionSettings)
    gone = _with_engine(database, lambda engine: sweep(engine, settings, time.time(), dry_run, _progress))
    for table, rows in gone.items():
        typer.echo(f"{table}: {rows} rows {'would go' if dry_run else 'gone'}")
    dropped = {} if dry_run else {table: rows for table, rows in gone.items() if rows}
    if dropped:
        told = ", ".join(f"{rows} of {table}" for table, rows in dropped.items())
        audited(_url(database), "rows-dropped", ", ".join(dropped), settings.model_dump(mode="json"), told, "gone")
    if not gone:
        typer.echo("everything is kept for ever: see the settings BUILDCAST_RETAIN_...")


def _url(database: str | None) -> str:
    from agents.settings import SinkSettings
    from streams.settings import load

    return load(SinkSettings, database=database).database_url


def _progress(table: str, rows: int) -> None:
    typer.echo(f"{table}: {rows} rows ...", err=True)


def _with_engine(database: str | None, work: Callable[[Any], Awaitable[Any]]) -> Any:
    from agents.store.database import with_engine

    return asyncio.run(with_engine(_url(database), work))
