"""`buildcast backup` and `buildcast restore`: the database's rows and the topics that are the models."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from streams.errors import ConfigError

__all__ = ["backup", "restore"]

State = Annotated[Path, typer.Option(help="The state folder.")]
Database = Annotated[str | None, typer.Option(help="The database's address (BUILDCAST_DATABASE).")]
Bootstrap = Annotated[str | None, typer.Option(help="The broker's address (BUILDCAST_BOOTSTRAP); none: rows alone.")]


def backup(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    database: Database = None,
    bootstrap: Bootstrap = None,
    state: State = Path(".buildcast"),
) -> None:
    """Write rows and records, readable by any later version; everything may go on running."""
    from agents.backup.catalogue import Catalogue, write_catalogue
    from agents.backup.records import dump_records
    from agents.backup.rows import dump_rows
    from buildcast.endpoints import database_url
    from buildcast.logs import bootstrap_of

    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty: name a new folder")
    now, url, broker = time.time(), database or database_url(state), bootstrap_of(bootstrap, state)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for each in ("tables", "topics"):
        (folder / each).mkdir()
    revision, rows = asyncio.run(dump_rows(url, folder / "tables"))
    records = asyncio.run(dump_records(broker, folder / "topics")) if broker else {}
    write_catalogue(folder, Catalogue(now, revision, rows, records))
    typer.echo(f"{sum(rows.values())} rows and {sum(records.values())} records are in {folder}")


def restore(
    folder: Annotated[Path, typer.Argument(help="What `buildcast backup` wrote.")],
    database: Database = None,
    bootstrap: Bootstrap = None,
    state: State = Path(".buildcast"),
) -> None:
    """Fill an empty database and topics that were just created; what is there already is never touched."""
    from agents.backup.catalogue import read_catalogue
    from agents.backup.records import restore_records
    from agents.backup.rows import restore_rows
    from agents.settings import SinkSettings
    from buildcast.logs import bootstrap_of
    from streams.settings import load

    found = read_catalogue(folder)
    url, broker = load(SinkSettings, database=database, state=state).database_url, bootstrap_of(bootstrap, state)
    records = asyncio.run(restore_records(broker, folder / "topics")) if found.records and broker else {}
    rows = asyncio.run(restore_rows(url, folder / "tables", found.revision))
    typer.echo(f"{sum(rows.values())} rows and {sum(records.values())} records are restored")
    if found.records and not broker:
        typer.echo("the records were left out: no broker is named", err=True)
