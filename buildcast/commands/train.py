"""`buildcast train`: ask the trainer for a training run, or without a broker train here."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress as Bar

from buildcast import logs
from streams.errors import ConfigError
from streams.events import TrainingFinished, TrainingRequested

if TYPE_CHECKING:
    from models.training import Progress

__all__ = ["train"]


def train(
    model: Annotated[str, typer.Argument(help="Which model; `risk` is the one there is.")] = "risk",
    bootstrap: Annotated[str | None, typer.Option(help="The broker's address; without one, local mode.")] = None,
    state: Annotated[Path, typer.Option(help="The state folder.")] = Path(".buildcast"),
    cancel: Annotated[
        str | None, typer.Option(help="Train nothing: cancel the training whose id begins like this.")
    ] = None,
) -> None:
    """Fold challengers over what was recorded; what is proven better is promoted."""
    if model != "risk":
        raise ConfigError(f"there is no model {model!r}: train `risk`")
    address = logs.bootstrap_of(bootstrap, state)
    if cancel:
        _cancel(cancel, address, state)
        return
    request = TrainingRequested(
        id=logs.fresh_id("train"), source="/buildcast/cli", time=time.time(), training_id=logs.fresh_id("training"),
        model=model, trigger="request", principal=logs.principal(),
    )  # fmt: skip
    if address:
        logs.append(request, address, state)
        typer.echo(
            f"training {request.training_id} is asked for; a running `buildcast trainer` takes it up: see "
            "`buildcast models history`"
        )
    else:
        _train_here(request, state)


def _cancel(training_id: str, address: str | None, state: Path) -> None:
    if address is None:
        raise ConfigError("a local training runs in the foreground: press Ctrl-C there")
    training_id = _asked_for(training_id, address, state)
    event = TrainingFinished(
        id=logs.fresh_id("cancel", training_id), source="/buildcast/cli", time=time.time(), training_id=training_id,
        model="risk", trigger="request", outcome="cancel", examples=0, seconds=0.0,
        detail=f"cancelled by {logs.principal()}", principal=logs.principal(),
    )  # fmt: skip
    logs.append(event, address, state)
    typer.echo(f"training {training_id} is cancelled")


def _asked_for(beginning: str, address: str, state: Path) -> str:
    """The one training that was asked for, has not ended and whose id begins so."""
    waiting: dict[str, None] = {}
    for _, event in logs.model_events(address, state)():
        match event:
            case TrainingRequested():
                waiting[event.training_id] = None
            case TrainingFinished():
                waiting.pop(event.training_id, None)
    found = [each for each in waiting if each.startswith(beginning)]
    if len(found) != 1:
        told = "no training" if not found else f"{len(found)} trainings"
        raise ConfigError(f"{told} that begin with {beginning!r} wait or run: see `buildcast models history`")
    return found[0]


def _train_here(request: TrainingRequested, state: Path) -> None:
    from models.desk import Desk
    from models.training import train as fold_challengers

    os.nice(10)
    records = logs.examples(None, state)
    desk = Desk()
    for _, event in logs.model_events(None, state)():
        desk.note(event)
    desk.rebuild()
    desk.note(request)
    for offset, event in records():
        for output in desk.fold(event, offset):
            logs.append(output, None, state)
    plan = desk.plan()
    if plan is None:
        raise ConfigError(f"nothing is recorded under {state} yet: run some builds first")
    logs.append(request, None, state)
    console, began = Console(), time.time()
    with Bar(console=console) as bar:
        task = bar.add_task(f"{len(plan.challengers)} challengers", total=plan.end)

        def show(progress: Progress) -> None:
            bar.update(task, completed=progress.done)

        shadow = fold_challengers(records, plan, show)
    for output in desk.finish(plan, shadow, time.time(), time.time() - began):
        logs.append(output, None, state)
        if isinstance(output, TrainingFinished):
            for name, value in output.metrics.items():
                console.print(f"{name:40} {value:.5f}")
        else:
            console.print(f"promoted {getattr(output, 'config', '')}")
