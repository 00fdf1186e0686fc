"""`buildcast trainer`: the trainer, in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["trainer"]


def trainer(
    bootstrap: Annotated[str | None, typer.Option(help="The broker's address (BUILDCAST_BOOTSTRAP).")] = None,
) -> None:
    """Train challengers, watch for drift, promote what is proven, until told to stop."""
    from agents.trainer.service import run_trainer
    from agents.trainer.settings import TrainerSettings
    from streams.settings import load

    run_trainer(load(TrainerSettings, bootstrap=bootstrap))
