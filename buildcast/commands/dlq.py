"""`buildcast dlq`: dead letters listed, shown, sent again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

__all__ = ["dlq"]

dlq = typer.Typer(add_completion=False, no_args_is_help=True, help="Dead letters: records that were refused.")

State = Annotated[Path, typer.Option(help="The state folder, where BUILDCAST_BOOTSTRAP is not set.")]


@dlq.command("list")
def list_(state: State = Path(".buildcast"), limit: Annotated[int, typer.Option(min=1)] = 100) -> None:
    """The newest dead letters with the reason and where they came from."""
    from agents.deadletter import list_dead
    from buildcast.remote import bootstrap_of

    found = asyncio.run(list_dead(bootstrap_of(state), limit))
    table = Table("number", "class", "reason", "origin", "attempts", "bytes")
    for letter in found:
        origin = f"{letter.topic}/{letter.partition}@{letter.offset}"
        size = str(len(letter.value))
        table.add_row(str(letter.number), letter.kind, letter.reason, origin, str(letter.attempts), size)
    Console().print(table if found else "no dead letters")


@dlq.command("show")
def show(number: int, state: State = Path(".buildcast")) -> None:
    """One dead letter's raw bytes, as text where they are text."""
    from agents.deadletter import show_dead
    from buildcast.remote import bootstrap_of

    letter = asyncio.run(show_dead(bootstrap_of(state), number))
    typer.echo(f"{letter.kind}: {letter.reason}")
    typer.echo(letter.value.decode(errors="backslashreplace"))


@dlq.command("replay")
def replay(numbers: list[int], state: State = Path(".buildcast")) -> None:
    """Send dead letters to their topics again, after what refused them was put right."""
    from agents.deadletter import replay_dead
    from buildcast.audited import audited, database_of
    from buildcast.remote import bootstrap_of

    sent = asyncio.run(replay_dead(bootstrap_of(state), numbers))
    typer.echo(f"sent {len(sent)} again")
    which = ", ".join(str(number) for number in sent)
    audited(database_of(state), "dead-letters-replayed", which, {"numbers": sent}, "put aside", "sent again")
