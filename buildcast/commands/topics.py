"""`buildcast topics`: the topics as declared, created and listed."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from streams.topics import TOPICS

__all__ = ["topics"]

topics = typer.Typer(
    add_completion=False, no_args_is_help=True, help="The topics: create or list them, and who may use them."
)
Bootstrap = Annotated[str, typer.Option(envvar="BUILDCAST_BOOTSTRAP", help="The broker's address.")]


@topics.command("create")
def create(
    bootstrap: Bootstrap = "127.0.0.1:9092",
    partitions: Annotated[int, typer.Option(help="Partitions of the topics keyed by host or run.")] = 8,
    replication: Annotated[int, typer.Option(help="Copies of each partition.")] = 1,
    rights: Annotated[bool, typer.Option("--grant", help="Also give each role its rights.")] = False,
) -> None:
    """Create what is missing; what is there is left alone."""
    from agents.admin import create_topics
    from buildcast.audited import audited, database_of

    made = asyncio.run(create_topics(bootstrap, partitions, replication))
    typer.echo(f"created {', '.join(made)}" if made else "all topics are there")
    if made:
        body = {"partitions": partitions, "replication": replication}
        audited(database_of(), "topics-created", bootstrap, body, "missing", ", ".join(made))
    if rights:
        grant(bootstrap)


@topics.command("grant")
def grant(bootstrap: Bootstrap = "127.0.0.1:9092") -> None:
    """Give each role its rights on a broker with an authorizer, as user buildcast-operator; safe to repeat."""
    from agents.rights import ROLES
    from agents.rights import grant as give
    from buildcast.audited import audited, database_of

    count = asyncio.run(give(bootstrap))
    users = ", ".join(role.user for role in ROLES.values())
    typer.echo(f"{count} rights stand for {users}")
    audited(database_of(), "rights-granted", bootstrap, {"users": users}, after=f"{count} rights")


@topics.command("rights")
def rights() -> None:
    """Who may read and write what."""
    from agents.rights import OPERATOR, ROLES

    table = Table("user", "for", "reads", "writes", "groups")
    for role in (*ROLES.values(), OPERATOR):
        group = f"{role.user}*" if role.has_group else ""
        everything = "all" if role is OPERATOR else ""
        reads, writes = "\n".join(role.reads) or everything, "\n".join(role.writes) or everything
        table.add_row(role.user, role.meaning.replace("`", ""), reads, writes, group or everything)
    Console().print(table)


@topics.command("list")
def list_() -> None:
    """The topics as declared."""
    table = Table("topic", "key", "partitions", "kept", "meaning")
    for topic in TOPICS.values():
        kept = "for ever" if topic.keep_seconds is None else f"{topic.keep_seconds // 86_400} days"
        table.add_row(topic.name, topic.key, str(topic.partitions or "N"), kept, topic.meaning)
    Console().print(table)
