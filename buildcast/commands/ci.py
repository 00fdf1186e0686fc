"""`buildcast ci`: takes what CI systems push, and pulls what they keep."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.errors import ConfigError, Unavailable
from streams.events import Event
from streams.settings import load

if TYPE_CHECKING:
    from collectors.ci.cursor import Cursor, CursorFile
    from collectors.ci.pull import Source
    from collectors.ci.rest import RestApi
    from collectors.ci.server import ReceiverPolicy
    from collectors.ci.settings import CiSettings
    from collectors.spool import Spool

__all__ = ["ci"]

ci = typer.Typer(add_completion=False, no_args_is_help=True, help="What CI systems push, and what they keep.")
pull = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Read a project's jobs on from where the last pull stopped."
)
ci.add_typer(pull, name="pull")

State = Annotated[Path, typer.Option(help="The state folder; its spool keeps what the broker did not take.")]
Url = Annotated[str | None, typer.Option(help="The API's address, for a server of one's own.")]
Local = Annotated[bool, typer.Option("--local", help="Into a state folder, without a server.")]
Days = Annotated[float, typer.Option(min=0.01, help="How many days each pull looks back, for re-runs of old runs too.")]
Every = Annotated[float, typer.Option(min=0.0, help="Pull again after so many seconds, until told to stop; 0: once.")]
_STATE = Path(".buildcast")
_SAVED_AFTER = 50  # batches
_DELIVER_SECONDS = 60.0  # while the broker takes them; one that is away ends the wait at once


@ci.command("receive")
def receive(
    host: Annotated[
        str | None, typer.Option(help="Address; others than loopback need TLS (BUILDCAST_CI_HOST).")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port; 0: a free one (BUILDCAST_CI_PORT).")
    ] = None,
    state: State = _STATE,
) -> None:
    """Take webhooks at /github, /gitlab, /jenkins and /generic. A delivery is on the disk before it is answered."""
    from buildcast.remote import bootstrap_of
    from collectors.ci.server import WebhookServer
    from collectors.ci.settings import CiSettings
    from collectors.outbox import Outbox
    from collectors.publish import KafkaPublisher

    settings = load(CiSettings, ci_host=host, ci_port=port)
    if not any(settings.webhook_secrets().values()):
        raise ConfigError("no sender could be believed: set BUILDCAST_WEBHOOK_SECRET_GITHUB, _GITLAB, _JENKINS or "
                          "_GENERIC")  # fmt: skip
    bootstrap = bootstrap_of(state)
    outbox = Outbox(state / "spool", lambda: KafkaPublisher(bootstrap))
    try:
        answered = _counted(outbox.spool, settings.ci_metrics_port)
        with WebhookServer(_receiver_policy(settings), outbox.keep, answered) as server:
            stop = _stopped()
            threading.Thread(target=server.serve_forever, name="buildcast-webhooks", daemon=True).start()
            typer.echo(f"webhooks are taken at {settings.ci_host}:{server.server_address[1]}")
            stop.wait()
            server.shutdown()
    finally:
        outbox.close()


@pull.command("github")
def github(
    repository: Annotated[str, typer.Argument(metavar="OWNER/REPO")],
    url: Url = None,
    state: State = _STATE,
    local: Local = False,
    days: Days = 7.0,
    every: Every = 0.0,
) -> None:
    """Workflow runs and jobs of GitHub Actions. The token: BUILDCAST_GITHUB_TOKEN or the secret file of that name."""
    from collectors.ci.cursor import CursorFile
    from collectors.ci.github_api import GithubProject, github_headers
    from collectors.ci.settings import CiSettings

    settings = load(CiSettings, github_address=url)
    headers = github_headers(settings.github_token.get_secret_value())
    source = GithubProject(_api(settings, settings.github_address, headers), repository)
    file = CursorFile(state / "ci", "github", settings.github_address, repository)
    _pull(source, file, state, local, days, every)


@pull.command("gitlab")
def gitlab(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="Its number, or GROUP/PROJECT.")],
    url: Url = None,
    state: State = _STATE,
    local: Local = False,
    days: Days = 7.0,
    every: Every = 0.0,
) -> None:
    """Pipelines and jobs of GitLab. The token: BUILDCAST_GITLAB_TOKEN or the secret file of that name."""
    from collectors.ci.cursor import CursorFile
    from collectors.ci.gitlab_api import GitlabProject, gitlab_headers
    from collectors.ci.settings import CiSettings

    settings = load(CiSettings, gitlab_address=url)
    headers = gitlab_headers(settings.gitlab_token.get_secret_value())
    source = GitlabProject(_api(settings, settings.gitlab_address, headers), project)
    file = CursorFile(state / "ci", "gitlab", settings.gitlab_address, project)
    _pull(source, file, state, local, days, every)


def _api(settings: CiSettings, address: str, headers: dict[str, str]) -> RestApi:
    from collectors.ci.rest import RestApi, RestPolicy
    from collectors.fetch import Fetcher, FetchPolicy

    policy = FetchPolicy(
        deadline_seconds=settings.ci_deadline_seconds, allowed_networks=tuple(settings.ci_networks), max_bytes=16 << 20
    )
    return RestApi(RestPolicy(address, headers), Fetcher(policy))


def _pull(source: Source, file: CursorFile, state: Path, local: bool, days: float, every: float) -> None:
    """Pull once, or again and again; a system that is away for now ends a pull, not the loop."""
    stop = _stopped() if every else threading.Event()
    while True:
        try:
            _once(source, file, state, local, days)
        except Unavailable as error:
            if not every:
                raise
            typer.echo(f"buildcast: {error}; the next pull goes on from there", err=True)
        if not every or stop.wait(every):
            return


def _once(source: Source, file: CursorFile, state: Path, local: bool, days: float) -> None:
    cursor = file.load()
    if local:
        from buildcast.commands.ports import emitter

        with emitter(True, state) as emit:  # stored once it is left, and only then is the cursor moved
            told = _emit_all(source, cursor, days, emit, lambda: None)
    else:
        told = _emit_spooled(source, cursor, days, state, lambda: file.save(cursor))
    file.save(cursor)
    typer.echo(told)


def _emit_spooled(source: Source, cursor: Cursor, days: float, state: Path, save: Callable[[], None]) -> str:
    from buildcast.remote import bootstrap_of
    from collectors.outbox import Outbox
    from collectors.publish import KafkaPublisher

    bootstrap = bootstrap_of(state)
    outbox = Outbox(state / "spool", lambda: KafkaPublisher(bootstrap))
    try:
        told = _emit_all(source, cursor, days, outbox.keep, save)
    except Unavailable:
        save()  # it speaks of nothing that is not in the spool
        raise
    finally:
        sent = outbox.close(_DELIVER_SECONDS)
    return told if sent else f"{told}; they wait in {state / 'spool'} for the broker {bootstrap}"


def _emit_all(
    source: Source, cursor: Cursor, days: float, emit: Callable[[Event], None], save: Callable[[], None]
) -> str:
    from collectors.ci.pull import pull as pulled

    counts: Counter[str] = Counter()
    for number, batch in enumerate(pulled(source, cursor, time.time(), counts, days * 86_400.0), 1):
        for event in batch:
            emit(event)
        counts["events"] += len(batch)
        if number % _SAVED_AFTER == 0:
            save()
    bad = f", {counts['unreadable']} unreadable jobs" if counts["unreadable"] else ""
    return f"{counts['events']} events of {counts['groups']} runs or pipelines{bad}"


def _receiver_policy(settings: CiSettings) -> ReceiverPolicy:
    from collectors.ci.server import ReceiverPolicy

    return ReceiverPolicy(
        settings.ci_host,
        settings.ci_port,
        settings.ci_tls_certificate,
        settings.ci_tls_key,
        settings.webhook_secrets(),
    )


def _counted(spool: Spool, port: int) -> Callable[[int], None]:
    from buildcast.spool_metrics import serve_spool

    metrics, tell = serve_spool(spool, port)

    def answered(status: int) -> None:
        metrics.count("buildcast_webhook_deliveries", status=str(status))
        tell()

    return answered


def _stopped() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
