"""`buildcast doctor`: what this machine lacks, each with its remedy."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from buildcast.doctor import Finding

__all__ = ["doctor"]

_STYLE = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(
    state: Annotated[Path | None, typer.Option(help="The state folder (BUILDCAST_STATE).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Look at everything Buildcast rests on; exit code 0 when all is well, 1 with a warning, 2 with a failure."""
    findings = _examine(state)
    if as_json:
        typer.echo(json.dumps({"findings": [asdict(one) for one in findings]}))
    else:
        table = Table("what", "state", "found", "remedy", box=None)
        for one in findings:
            table.add_row(one.name, f"[{_STYLE[one.state]}]{one.state}[/]", escape(one.said), escape(one.remedy))
        Console().print(table)
    raise typer.Exit(max((("ok", "warn", "fail").index(one.state) for one in findings), default=0))


def _examine(given: Path | None) -> list[Finding]:
    from agents.api.settings import ApiSettings
    from agents.settings import SinkSettings, WorkerSettings
    from agents.trainer.settings import TrainerSettings
    from buildcast import doctor as look
    from buildcast import doctor_servers as servers
    from buildcast.endpoints import database_url
    from buildcast.logs import bootstrap_of
    from collectors.ci.settings import CiSettings
    from collectors.settings import CollectSettings
    from streams.errors import ConfigError
    from streams.settings import load

    found = [look.python(), look.packages(), look.settings()]
    if found[-1].state == "fail":
        return found  # the rest would look in the wrong places
    worker = load(WorkerSettings, state=given)
    try:
        database: str | None = database_url(worker.state)
    except ConfigError:
        database = None
    ports = {
        "worker": worker.worker_metrics_port,
        "sink": load(SinkSettings).sink_metrics_port,
        "collect": load(CollectSettings).collect_metrics_port,
        "ci": load(CiSettings).ci_metrics_port,
        "api": load(ApiSettings).api_port,
        "trainer": load(TrainerSettings).trainer_metrics_port,
    }
    return [
        *found, look.trees(), look.java(), *look.programs(), look.state_folder(worker.state), look.disk(worker.state),
        look.clock(), look.pressure(), *look.ports(ports),
        *servers.broker(bootstrap_of(None, worker.state), worker.partitions), servers.database(database),
    ]  # fmt: skip
