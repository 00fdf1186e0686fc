"""`buildcast replay`: what another config would have said of what was recorded. Disturbs nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress as Bar

from buildcast import logs
from streams.errors import ConfigError

if TYPE_CHECKING:
    from agents.trainer.records import Records

__all__ = ["replay"]


def replay(
    start: Annotated[str, typer.Option("--from", help="An offset, or a time: 2026-01-31T12:00.")] = "0",
    end: Annotated[str | None, typer.Option("--to", help="An offset or a time; without it the end.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML or JSON of settings; without it the defaults.")] = None,
    all_forecasts: Annotated[bool, typer.Option("--all", help="Every forecast of a run, not the first.")] = False,
    out: Annotated[Path | None, typer.Option(help="A folder for comparison.json and comparison.svg.")] = None,
    bootstrap: Annotated[str | None, typer.Option(help="The broker's address; without one, local mode.")] = None,
    state: Annotated[Path, typer.Option(help="The state folder.")] = Path(".buildcast"),
) -> None:
    """Fold the recorded examples with a config and compare its forecasts with those that were served."""
    from buildcast.comparison import compare, shown, written
    from buildcast.config_file import read_config
    from models.forecaster import ForecasterConfig
    from models.replay import replay as forecasts

    chosen = read_config(config) if config else ForecasterConfig()
    records = logs.examples(logs.bootstrap_of(bootstrap, state), state)
    first = _offset(records, start)
    last = _offset(records, end) if end is not None else records.end()
    console, began = Console(), time.perf_counter()
    with Bar(console=console, transient=True) as bar:
        task = bar.add_task(chosen.name, total=last)
        found = list(
            forecasts(records, chosen, first, last, not all_forecasts, lambda done: bar.update(task, completed=done))
        )
    if not found:
        raise ConfigError(f"no run ended between offsets {first} and {last}: `buildcast data validate` shows what is")
    _report_speed(console, found[-1].at - found[0].at, time.perf_counter() - began)
    comparison = compare(chosen.name, found)
    for table in shown(comparison):
        console.print(table)
    for path in written(comparison, out) if out else []:
        typer.echo(f"written {path}")


def _offset(records: Records, text: str) -> int:
    from agents.trainer.records import offset_at

    if text.isdigit():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is neither an offset nor a time: write 1200 or 2026-01-31T12:00") from error
    return offset_at(records, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _report_speed(console: Console, real_seconds: float, seconds: float) -> None:
    times = f", {real_seconds / seconds:,.0f} times real time" if real_seconds > 0 else ""
    console.print(f"replayed in {seconds:.1f} s{times}")
