"""`buildcast check-config`: every setting of every process as this machine would use it, and all that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from streams.errors import ConfigError

if TYPE_CHECKING:
    from streams.settings import Settings

__all__ = ["check_config", "faults", "kinds"]


def kinds() -> list[type[Settings]]:
    """The settings of all processes and commands."""
    from agents.api.settings import ApiSettings
    from agents.notify.settings import NotifySettings
    from agents.settings import SinkSettings, WorkerSettings
    from agents.store.retention import RetentionSettings
    from agents.trainer.settings import TrainerSettings
    from collectors.ci.settings import CiSettings
    from collectors.settings import CollectSettings
    from collectors.vulnerability.settings import VulnerabilitySettings
    from streams.broker import BrokerSettings

    return [
        BrokerSettings, WorkerSettings, SinkSettings, TrainerSettings, ApiSettings, NotifySettings, RetentionSettings,
        CollectSettings, VulnerabilitySettings, CiSettings,
    ]  # fmt: skip


def check_config() -> None:
    """Read the settings as the processes do, and show them; all faults are named together, with exit code 2."""
    from streams.settings import load

    if found := faults():
        raise ConfigError("; ".join(found))
    table, shown = Table("setting", "value", "meaning"), set[str]()
    for kind in kinds():
        values = load(kind)
        for name, field in kind.model_fields.items():
            if name not in shown:
                table.add_row(f"BUILDCAST_{name.upper()}", str(getattr(values, name)), field.description or "")
                shown.add(name)
    Console().print(table)
    typer.echo("no fault found")


def faults() -> list[str]:
    """What is wrong with the settings of this machine, each once."""
    from streams.settings import load

    found: dict[str, None] = {}
    for kind in kinds():
        try:
            _examine(load(kind))
        except ConfigError as error:
            found[str(error)] = None
    return list(found)


def _examine(values: Any) -> None:
    """What a process would refuse at its start although each value is of its kind."""
    from agents.api.settings import ApiSettings, check_exposure
    from agents.notify.settings import NotifySettings, policy_of
    from streams.broker import BrokerSettings

    match values:
        case BrokerSettings():
            values.options()
        case ApiSettings():
            check_exposure(values)
        case NotifySettings():
            policy_of(values)
