"""`buildcast db`: the schema brought up to date, and the users a site's database should have."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

__all__ = ["db"]

db = typer.Typer(no_args_is_help=True, help="The database's schema.")


@db.command("upgrade")
def upgrade(
    database: Annotated[str | None, typer.Option(help="The database's address (BUILDCAST_DATABASE).")] = None,
) -> None:
    """Bring the schema to this version; safe to repeat. Use the migrating user."""
    from agents.settings import SinkSettings
    from agents.store.database import migrate
    from streams.settings import load

    asyncio.run(migrate(load(SinkSettings, database=database).database_url))
    typer.echo("the schema is up to date")


@db.command("check")
def check_(
    database: Annotated[str | None, typer.Option(help="The database's address (BUILDCAST_DATABASE).")] = None,
) -> None:
    """Say whether the database answers."""
    from agents.settings import SinkSettings
    from agents.store.database import check
    from streams.settings import load

    asyncio.run(check(load(SinkSettings, database=database).database_url))
    typer.echo("the database answers")
