"""A line in the audit trail for a command that changed something, where there is a database to keep it in."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import typer

from buildcast.logs import principal
from streams.errors import BuildcastError

__all__ = ["audited", "database_of"]


def database_of(state: Path | None = None) -> str | None:
    """The database that the settings name, else that of `up`, else the state folder's file; None where none is."""
    from agents.settings import SinkSettings
    from buildcast import endpoints
    from streams.settings import load

    settings = load(SinkSettings, state=state)
    if settings.database:
        return settings.database
    if up := endpoints.read(settings.state):
        return up.database
    return settings.database_url if (settings.state / "buildcast.sqlite").is_file() else None


def audited(
    database: str | None, action: str, subject: str, body: Any = None, before: str = "", after: str = ""
) -> None:
    """Keep the line. The change has been made already, so a database that is away is told of, never fatal."""
    from agents.store.audit import add_line, line

    if database is None:
        return
    try:
        asyncio.run(add_line(database, line(principal(), time.time(), action, subject, body, before, after)))
    except BuildcastError as error:
        typer.echo(f"done, but not in the audit trail: {error}", err=True)
