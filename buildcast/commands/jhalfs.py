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
from collectors.jhalfs.follower import Follower, FollowPolicy
from collectors.jhalfs.memory import Memory, load, save
from collectors.jhalfs.view import BuildView, view_of
from collectors.redaction import Redactor
from streams.errors import ConfigError
from streams.events import Event, LogSignal

__all__ = ["jhalfs", "line_of"]


def jhalfs(
    folder: Annotated[Path, typer.Argument(help="The build's folder, $BUILDDIR/jhalfs: it holds the Makefile.")],
    make_log: Annotated[Path | None, typer.Option(help="File that make's own output is written to.")] = None,
    backfill: Annotated[bool, typer.Option("--backfill", help="The build is over: import its logs and end.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    local: Annotated[bool, typer.Option("--local", help="Into a state folder, without a server.")] = False,
    state: Annotated[Path, typer.Option(help="The state folder.")] = Path(".buildcast"),
    host: Annotated[str, typer.Option(help="The build host's name.")] = "",
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.2)] = 2.0,
) -> None:
    """Follow logs and stamps of a jhalfs build, whether it runs or has ended. The build is never touched."""
    if not (folder / "Makefile").is_file() and not list(folder.glob("*-commands")):
        raise ConfigError(f"{folder} is no jhalfs folder: name the one that holds the Makefile and lfs-commands")
    kept = state / f"jhalfs-{re.sub(r'[^A-Za-z0-9]+', '-', str(folder.resolve())).strip('-')}.json"
    memory = Memory() if backfill else load(kept)
    policy = FollowPolicy(finished=backfill)
    follower = Follower(folder, host or socket.gethostname(), memory, make_log, policy=policy)
    console = Console(stderr=True)
    with emitter(local, state) as emit:
        try:
            while True:
                view = _look(follower, emit, None if backfill else kept)
                console.print(line_of(view), markup=False, highlight=False)
                if once or backfill or view.over:
                    return
                time.sleep(every)
        except KeyboardInterrupt:
            console.print("no longer following; the build goes on", markup=False)


def line_of(view: BuildView) -> str:
    """The build in a line: what is built now, how many are done, how long it took."""
    head = f"{view.done} of {len(view.packages)} targets logged and done, {view.elapsed_seconds / 60:.0f} min"
    if view.now is None:
        return f"{head}; {'over' if view.over else 'nothing is being built'}"
    now = view.now
    return f"{head}; now {now.name} {now.version} ({now.stage or 'begun'}, {now.seconds or 0.0:.0f} s)"


def _look(follower: Follower, emit: Callable[[Event], None], kept: Path | None) -> BuildView:
    redactor = Redactor(os.environ)
    now = time.time()
    for event in follower.look(now):
        if isinstance(event, LogSignal):
            event = msgspec.structs.replace(event, line=redactor.text(event.line))
        emit(event)
    if kept is not None:
        save(kept, follower.memory)
    return view_of(follower.plan, follower.memory, {}, now)
