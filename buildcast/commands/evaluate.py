"""`buildcast evaluate`: the models judged on a history, labels revealed when they were known."""

from __future__ import annotations

import csv
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.errors import ConfigError

if TYPE_CHECKING:
    from models.evaluation import Evaluation, Scored
    from streams.events import Event

__all__ = ["evaluate"]

COLUMNS = (
    "id", "project", "at", "risk", "seconds_point", "seconds_lower", "seconds_upper",
    "label", "seconds", "label_known_at",
)  # fmt: skip


def evaluate(
    file: Annotated[Path, typer.Argument(help="A history: CSV, JSON (also .gz), or a folder of them for dlci.")],
    format_: Annotated[str, typer.Option("--format", help="travis, dlci, gha or sbu.")],
    partitions: Annotated[int, typer.Option(help="Trackers to split the runs over; changes no digit.")] = 1,
    predictions: Annotated[Path | None, typer.Option(help="Write a row per scored run to this CSV file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of the table.")] = False,
    published: Annotated[
        bool, typer.Option("--published/--no-published", help="Start from the package costs that ship (sbu).")
    ] = True,
    fast: Annotated[bool, typer.Option("--fast", help="Fewer members, for bulk folds.")] = False,
) -> None:
    """Turn a history into events, score each run at its start, learn when its outcome became known, and report."""
    from models.duration import DurationConfig
    from models.evaluation import replay
    from models.forecaster import ForecasterConfig
    from models.risk import RiskConfig

    if partitions < 1:
        raise ConfigError(f"--partitions must be at least 1, not {partitions}")
    events = _events(file, format_)
    config = ForecasterConfig(risk=RiskConfig(fast=fast), duration=DurationConfig(published_prior=published))
    began = time.perf_counter()
    with _progress(len(events)) as advance:
        found = replay(events, config, partitions, advance)
    seconds = time.perf_counter() - began
    if predictions is not None:
        _write(predictions, found)
    result = {
        "events": found.events,
        "seconds": seconds,
        "events_per_second": found.events / seconds,
        **found.metrics(),
    }
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _show(result)


def _events(file: Path, format_: str) -> list[Event]:
    from models.records import ci
    from models.records.sbu import read_sbu
    from streams.errors import InvalidEvent

    if format_ != "sbu":
        return list(ci.events_of(ci.read(file, format_)))
    if not file.exists():
        raise ConfigError(f"{file} does not exist: give a file of the sbu format")
    try:
        return list(read_sbu(file))
    except (InvalidEvent, OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not of the sbu format: {error}") from error


class _progress:
    """A bar on stderr, moved every thousand events."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        console = Console(stderr=True)
        self._bar = Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console)
        self._task = self._bar.add_task("events", total=total)
        self._count = 0

    def __enter__(self) -> Any:
        self._bar.start()
        return self._advance

    def __exit__(self, *exc: object) -> None:
        self._bar.update(self._task, completed=self._count)
        self._bar.stop()

    def _advance(self) -> None:
        self._count += 1
        if self._count % 1000 == 0:
            self._bar.update(self._task, completed=self._count)


def _write(path: Path, found: Evaluation) -> None:
    try:
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows(itertools.chain([COLUMNS], _rows(found.runs)))
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


def _rows(runs: list[Scored]) -> Iterator[tuple[Any, ...]]:
    for run in runs:
        told = run.seconds
        bounds = (told.point, told.lower, told.upper) if told is not None else ("", "", "")
        if run.actual_seconds is None and run.label is not None:
            bounds = ("", "", "")  # a history without durations teaches none: nothing is claimed
        label = "" if run.label is None else run.label
        actual = "" if run.actual_seconds is None else run.actual_seconds
        known = "" if run.label_known_at is None else run.label_known_at
        yield (run.id, run.project, run.at, run.risk, *bounds, label, actual, known)


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    def text(value: Any) -> str:
        return "-" if value is None else f"{value:.4f}"

    table = Table("forecaster", "pooled AUC", "mean AUC", "log loss", "Brier")
    names = ("pooled_auc", "mean_auc", "log_loss", "brier")
    table.add_row("buildcast", *(text(result[name]) for name in names), style="bold")
    for baseline, figures in result["baselines"].items():
        table.add_row(baseline, *(text(figures[name]) for name in names))
    console = Console()
    console.print(table)
    console.print(
        f"calibration error (15 bins) {text(result['ece'])}, coverage of 95 % intervals {text(result['coverage'])}"
    )
    console.print(
        f"{result['events']} events in {result['seconds']:.1f} s ({result['events_per_second']:.0f} a second)"
    )
