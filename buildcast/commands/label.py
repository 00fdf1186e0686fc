"""`buildcast label`: restate what a run's outcome meant."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from buildcast import logs
from streams.errors import ConfigError
from streams.events import ExampleRecorded, LabelRevised

__all__ = ["label"]

_VERDICTS = ("failure", "success", "flaky", "infrastructure")


def label(
    run: Annotated[str, typer.Argument(help="The run's id.")],
    verdict: Annotated[str, typer.Argument(help="failure, success, flaky or infrastructure.")],
    note: Annotated[str, typer.Option(help="Why.")] = "",
    bootstrap: Annotated[str | None, typer.Option(help="The broker's address; without one, local mode.")] = None,
    state: Annotated[Path, typer.Option(help="The state folder.")] = Path(".buildcast"),
) -> None:
    """Restate a run's label; every replica takes it in. It may come before the run ends."""
    if verdict not in _VERDICTS:
        raise ConfigError(f"{verdict!r} is no verdict: give {', '.join(_VERDICTS[:-1])} or {_VERDICTS[-1]}")
    told: Any = verdict
    address = logs.bootstrap_of(bootstrap, state)
    before = _before(run, address, state)
    event = LabelRevised(
        id=logs.fresh_id("label", run), source="/buildcast/cli", time=time.time(), run_id=run, verdict=told,
        principal=logs.principal(), note=note,
        before=before,
    )  # fmt: skip
    logs.append(event, address, state)
    typer.echo(f"{run} is {verdict}" if before else f"{run} is {verdict}; it has not ended yet, or is unknown")


def _before(run: str, address: str | None, state: Path) -> str:
    """The run's newest verdict, else its outcome; empty where it has not ended."""
    found = ""
    for _, event in logs.examples(address, state)():
        if isinstance(event, ExampleRecorded) and event.run.run_id == run:
            found = found or event.outcome
        elif isinstance(event, LabelRevised) and event.run_id == run:
            found = event.verdict
    return found
