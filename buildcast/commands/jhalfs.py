"""`buildcast jhalfs`: follow a Linux From Scratch build from outside, or import a finished one."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from buildcast.commands.ports import emitter
from buildcast.system_build import SystemBuild, duration_model, outlook_line
from collectors.imports.formats import FORMATS
from collectors.imports.importing import Import, import_files
from collectors.imports.records import Origin
from collectors.jhalfs.facts import Machine
from collectors.jhalfs.follower import Follower, FollowPolicy
from collectors.jhalfs.machine import jobs_told, room, this_machine
from collectors.jhalfs.memory import Memory, load, save
from collectors.jhalfs.view import BuildView, view_of
from collectors.redaction import Redactor
from streams.errors import ConfigError
from streams.events import Event, LogSignal

__all__ = ["jhalfs"]


def jhalfs(
    folder: Annotated[Path, typer.Argument(help="The build's folder, $BUILDDIR/jhalfs: it holds the Makefile.")],
    make_log: Annotated[Path | None, typer.Option(help="File that make's own output is written to.")] = None,
    backfill: Annotated[
        bool, typer.Option("--backfill", help="The build is over: import its logs and SBU reports, and end.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    local: Annotated[bool, typer.Option("--local", help="Into a state folder, without a server.")] = False,
    state: Annotated[Path, typer.Option(help="The state folder.")] = Path(".buildcast"),
    host: Annotated[str, typer.Option(help="The build host's name.")] = "",
    jobs: Annotated[int | None, typer.Option(help="The build's make -j; without it, as MAKEFLAGS says.", min=1)] = None,
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.2)] = 2.0,
) -> None:
    """Follow logs and stamps of a jhalfs build, whether it runs or has ended. The build is never touched."""
    reports = sorted(folder.glob("*.report")) if backfill else []
    is_build = (folder / "Makefile").is_file() or bool(list(folder.glob("*-commands")))
    if not is_build and not reports:
        raise ConfigError(
            f"{folder} is no jhalfs folder: name the one that holds the Makefile and lfs-commands"
            + (", or SBU reports (*.report)" if backfill else "")
        )
    console = Console(stderr=True)
    named = host or socket.gethostname()
    if backfill:
        _backfill(console, folder, is_build, reports, local, state, named, jobs)
        return
    kept = state / f"jhalfs-{re.sub(r'[^A-Za-z0-9]+', '-', str(folder.resolve())).strip('-')}.json"
    machine = this_machine(folder, jobs)
    follower = Follower(folder, named, load(kept), make_log, machine)
    build = SystemBuild(duration_model(state), named, machine)
    with emitter(local, state, on_output=build.hear) as emit:
        try:
            while True:
                now = time.time()
                view = _look(follower, emit, now)
                save(kept, follower.memory)
                ahead = build.outlook(follower.plan, follower.memory, now)
                console.print(outlook_line(view, ahead, *room(folder)), markup=False, highlight=False, soft_wrap=True)
                if once or view.over:
                    return
                time.sleep(every)
        except KeyboardInterrupt:
            console.print("no longer following; the build goes on", markup=False)


def _backfill(
    console: Console, folder: Path, is_build: bool, reports: list[Path], local: bool, state: Path, host: str,
    jobs: int | None,
) -> None:  # fmt: skip
    """The logs of a build that is over, and its reports: the machine is not this one, as far as is known."""
    with emitter(local, state) as emit:
        if is_build:
            machine = Machine(parallelism=jobs or jobs_told(folder))
            follower = Follower(folder, host, Memory(), machine=machine, policy=FollowPolicy(finished=True))
            view = _look(follower, emit, time.time())
            console.print(f"{view.done} of {len(view.packages)} targets imported from the logs", markup=False)
        if reports:
            port = Import(
                emit=emit,
                complain=lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True),
                redact=Redactor(os.environ).text,
            )
            tally = import_files(FORMATS["sbu-report"], reports, Origin("", host=host), port)
            console.print(f"{tally.files} SBU reports imported, bad records: {tally.bad}", markup=False)


def _look(follower: Follower, emit: Callable[[Event], None], now: float) -> BuildView:
    redactor = Redactor(os.environ)
    for event in follower.look(now):
        if isinstance(event, LogSignal):
            event = msgspec.structs.replace(event, line=redactor.text(event.line))
        emit(event)
    return view_of(follower.plan, follower.memory, now)
