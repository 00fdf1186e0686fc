"""`buildcast import`: finished builds from elsewhere, so that the models do not start from nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from buildcast.commands.ports import emitter
from collectors.imports.formats import FORMATS
from collectors.imports.importing import Import, Tally, import_files
from collectors.imports.records import Origin
from collectors.redaction import Redactor
from streams.errors import ConfigError
from streams.events import Event

__all__ = ["expanded", "import_"]


def import_(
    format_: Annotated[str, typer.Argument(metavar="FORMAT", help="sbu-report, travis-csv, gha-jobs, junit ...")],
    files: Annotated[list[Path], typer.Argument(help="Files, plain, .gz or .tar.gz, or folders of them.")],
    local: Annotated[bool, typer.Option("--local", help="Into a state folder, without a server.")] = False,
    state: Annotated[Path, typer.Option(help="The state folder.")] = Path(".buildcast"),
    project: Annotated[str, typer.Option(help="Project to file the runs under, instead of the record's.")] = "",
    host: Annotated[str, typer.Option(help="Host the runs were made on, instead of the record's.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and count; write nothing.")] = False,
) -> None:
    """Read finished builds and feed them in, in the order of time. Importing a file again changes nothing."""
    if format_ not in FORMATS:
        known = "\n".join(f"  {known.name:<11} {known.meaning}" for known in FORMATS.values())
        raise ConfigError(f"no format {format_!r}; choose one of\n{known}")
    found = expanded(files)
    origin = Origin("", project=project, host=host)
    console = Console(stderr=True)
    if dry_run:
        _import(console, format_, found, origin, lambda event: None)
    else:
        with emitter(local, state) as emit:
            _import(console, format_, found, origin, emit)


def expanded(files: Sequence[Path]) -> list[Path]:
    """Files, with each folder replaced by the files in it. ConfigError where nothing is left or one cannot be read."""
    found: list[Path] = []
    for path in files:
        found += sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    for path in found:
        try:
            path.open("rb").close()
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}; check the path and its permissions") from error
    if not found:
        raise ConfigError("there is no file in " + ", ".join(map(str, files)))
    return found


def _import(console: Console, name: str, files: Sequence[Path], origin: Origin, emit: Callable[[Event], None]) -> None:
    columns = (TextColumn("importing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=sum(path.stat().st_size for path in files))
        tally = import_files(
            FORMATS[name],
            files,
            origin,
            Import(
                emit=emit,
                complain=lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True),
                redact=Redactor(os.environ).text,
                moved=lambda position: progress.update(task, completed=position),
            ),
        )
    _tell(console, tally)


def _tell(console: Console, tally: Tally) -> None:
    events = ", ".join(f"{count:,} {kind}" for kind, count in sorted(tally.events.items())) or "none"
    lines = [f"{tally.total:,} events from {tally.files:,} files: {events}"]
    if tally.outcomes:
        outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(tally.outcomes.items()))
        lines.append(f"outcomes: {outcomes}")
    lines += [f"left out: {count:,} {reason}" for reason, count in sorted(tally.left_out.items())]
    lines.append(f"bad records: {tally.bad:,}")
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
