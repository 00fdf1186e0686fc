"""The command line. Commands live in `buildcast.commands`, one file each, and import what they need when called."""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from typing import Any

import typer

from streams.errors import BuildcastError

__all__ = ["app", "main"]

# name -> (module, function, options for typer); modules are imported only when their command is asked for.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "run"),
    "report": ("report", "report"),
    "summary": ("summary", "summary"),
    "collect": ("collect", "collect"),
    "worker": ("worker", "worker"),
    "sink": ("sink", "sink"),
    "trainer": ("trainer", "trainer"),
    "up": ("system", "up"),
    "down": ("system", "down"),
    "main-job": ("main_job", "main_job"),
    "topics": ("topics", "topics"),
    "db": ("db", "db"),
    "dlq": ("dlq", "dlq"),
    "evaluate": ("evaluate", "evaluate"),
    "jhalfs": ("jhalfs", "jhalfs"),
    "import": ("import_", "import_"),
    "ci": ("ci", "ci"),
    "scan": ("security", "scan"),
    "vulnerabilities": ("vulnerabilities", "vulnerabilities"),
    "status": ("status", "status"),
    "api": ("api", "api"),
    "notify": ("notify", "notify"),
    "replay": ("replay", "replay"),
    "train": ("train", "train"),
    "data": ("data", "data"),
    "models": ("models", "models"),
    "label": ("label", "label"),
    "check-config": ("check_config", "check_config"),
    "doctor": ("doctor", "doctor"),
    "backup": ("backup", "backup"),
    "restore": ("backup", "restore"),
}
_PASSES_ARGUMENTS = {"run", "main-job"}  # everything behind -- is the build's


class _Lazy(typer.core.TyperGroup):
    """Finds commands by name without importing the others: `run` must be quick to start."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name]
        target = getattr(import_module(f"buildcast.commands.{module}"), function)
        if isinstance(target, typer.Typer):
            command: Any = typer.main.get_command(target)
        else:
            single = typer.Typer(add_completion=False)
            settings = {"ignore_unknown_options": True} if cmd_name in _PASSES_ARGUMENTS else {}
            single.command(cmd_name, context_settings=settings)(target)
            command = typer.main.get_command(single)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=_Lazy,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Forecasts builds while they run: failure risk, time left with an honest interval, anomalies.",
)


@app.callback()
def _root() -> None:
    """Forecasts builds while they run."""


def main() -> None:
    """Run the command line; a person's error is one sentence and exit code 2."""
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # its news are told in our words, or logged
    try:
        app(prog_name="buildcast")
    except BuildcastError as error:
        print(f"buildcast: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
