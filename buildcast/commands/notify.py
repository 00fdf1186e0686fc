"""`buildcast notify`: alerts to people, in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["notify"]


def notify(
    bootstrap: Annotated[str | None, typer.Option(help="The broker's address (BUILDCAST_BOOTSTRAP).")] = None,
    database: Annotated[str | None, typer.Option(help="Where mutes are read from (BUILDCAST_DATABASE).")] = None,
) -> None:
    """Send alerts by webhook, mail or to Slack-compatible chats until told to stop."""
    from agents.notify.process import run_notifier
    from agents.notify.settings import NotifySettings
    from streams.settings import load

    run_notifier(load(NotifySettings, bootstrap=bootstrap, database=database))
