"""`buildcast topics`: the topics as declared, created and listed."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from streams.topics import TOPICS

__all__ = ["topics"]

topics = typer.Typer(no_args_is_help=True, help="The topics: create or list them.")


@topics.command("create")
def create(
    bootstrap: Annotated[
        str, typer.Option(envvar="BUILDCAST_BOOTSTRAP", help="The broker's address.")
    ] = "127.0.0.1:9092",
    partitions: Annotated[int, typer.Option(help="Partitions of the topics keyed by host or run.")] = 8,
    replication: Annotated[int, typer.Option(help="Copies of each partition.")] = 1,
) -> None:
    """Create what is missing; what is there is left alone."""
    from agents.admin import create_topics

    made = asyncio.run(create_topics(bootstrap, partitions, replication))
    typer.echo(f"created {', '.join(made)}" if made else "all topics are there")


@topics.command("list")
def list_() -> None:
    """The topics as declared."""
    table = Table("topic", "key", "partitions", "kept", "meaning")
    for topic in TOPICS.values():
        kept = "for ever" if topic.keep_seconds is None else f"{topic.keep_seconds // 86_400} days"
        table.add_row(topic.name, topic.key, str(topic.partitions or "N"), kept, topic.meaning)
    Console().print(table)
