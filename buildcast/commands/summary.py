"""`buildcast summary`: one report of the whole system over a period."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from streams.errors import ConfigError

__all__ = ["since_of", "summary"]

_UNITS = {"h": 3_600.0, "d": 86_400.0, "w": 7 * 86_400.0}


class Format(StrEnum):
    """How it is drawn."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    HTML = "html"


def summary(
    since: Annotated[str, typer.Option(help="7d, 24h, 2w, or a day such as 2026-01-31 (UTC).")] = "7d",
    format_: Annotated[Format, typer.Option("--format", help="How it is drawn.")] = Format.TERMINAL,
    state: Annotated[Path, typer.Option(help="The state folder.")] = Path(".buildcast"),
    out: Annotated[Path | None, typer.Option(help="Write it to this file.")] = None,
) -> None:
    """Capabilities, accuracy against baselines, calibration, minutes saved, alerts, models and security of a period."""
    from rich.console import Console

    from buildcast import summary_text as text
    from buildcast.endpoints import database_url
    from buildcast.summary import sections, when
    from buildcast.summary_rows import gather

    now = time.time()
    begin = since_of(since, now)
    found = sections(asyncio.run(gather(database_url(state), begin, now)), begin)
    title = f"Buildcast from {when(begin)} to {when(now)} UTC"
    if format_ is Format.TERMINAL and out is None:
        text.print_terminal(title, found, Console())
        return
    drawn = text.as_html(title, found) if format_ is Format.HTML else text.as_markdown(title, found)
    if out is None:
        typer.echo(drawn, nl=False)
        return
    try:
        out.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{out} cannot be written: {error.strerror}") from error


def since_of(text: str, now: float) -> float:
    """The time that a person means.

    >>> since_of("2d", 1_000_000.0), since_of("1970-01-02", 1_000_000.0)
    (827200.0, 86400.0)
    """
    if match := re.fullmatch(r"(\d{1,5}(?:\.\d+)?)([hdw])", text.strip()):
        return max(0.0, now - float(match[1]) * _UNITS[match[2]])
    try:
        day = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ConfigError(f"--since {text!r}: write it as 7d, 24h, 2w or 2026-01-31") from error
    begin = (day if day.tzinfo else day.replace(tzinfo=UTC)).timestamp()
    if begin >= now:
        raise ConfigError(f"--since {text!r} is in the future: nothing has happened there yet")
    return begin
