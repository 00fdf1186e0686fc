"""A build under the wrapper with whatever takes its events: the local chain, or spool and broker."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from buildcast.giving_up import GivingUp
from buildcast.screen import Screen
from collectors.child import check
from collectors.stop import Stop
from collectors.wrapper import RunOptions, RunResult, run_build
from streams.errors import ConfigError
from streams.events import Event

__all__ = ["run_here"]


class _Chain(Protocol):
    """Takes events at once; `failed` says at the end why telemetry was given up, if it was."""

    failed: str | None

    def emit(self, event: Event) -> None: ...


def run_here(
    command: Sequence[str],
    state: Path,
    name: str = "",
    local: bool = True,
    plain: bool = False,
    output_to_stderr: bool = False,
    summary: bool = True,
    abort: bool = False,
) -> RunResult:
    """Run the build; forecasts are shown on the screen as they come. The build runs whatever telemetry does.

    With `abort` it is stopped where a forecast advises so and such advice has proven right.
    """
    check(command)  # before anything is opened for it
    screen = Screen(plain=plain)
    options = RunOptions(name=name, output_to_stderr=output_to_stderr)
    stop = Stop()
    giving_up = GivingUp(stop)
    see = giving_up.beside(screen.show) if abort else screen.show if screen.shows else None
    with _open(state, local, see) as chain:
        result = run_build(command, options, chain.emit, stop=stop)
    if said := giving_up.said():
        print(f"buildcast: {said}", file=sys.stderr)
    if chain.failed:
        hint = "" if local else " (`buildcast up` starts a broker here, `run --local` needs none)"
        told = f"buildcast: the build ran, but what was seen of it is not stored yet: {chain.failed}{hint}"
        print(told, file=sys.stderr)
    elif summary and screen.shows:
        _summary(state, result.run_id)
    return result


def _open(state: Path, local: bool, see: Callable[[Event], None] | None) -> AbstractContextManager[_Chain]:
    """The chain; `see` is shown its forecasts, and where nobody looks they are not even read."""
    if local:
        from buildcast.local import LocalChain

        return LocalChain(state, see or (lambda _: None))
    from buildcast.remote import RemoteChain

    return RemoteChain(state, see)


def _summary(state: Path, run_id: str) -> None:
    from rich.console import Console

    from buildcast.picture import draw
    from buildcast.report import fetch

    try:
        found = fetch(state, run_id)
    except ConfigError:
        return  # a remote database is not this host's to read
    console = Console(stderr=True)
    console.print(draw(found))
    where = state / "buildcast.sqlite"
    console.print(f"[dim]stored in {where}; again with `buildcast report {run_id} --state {state}`[/dim]")
