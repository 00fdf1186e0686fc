"""`buildcast api`: the API and the live page, in the foreground."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.errors import ConfigError

if TYPE_CHECKING:
    from agents.api.services import Receive
    from agents.api.settings import ApiSettings
    from models.forecaster import Forecaster
    from streams.events import Event

__all__ = ["api"]


def api(
    host: Annotated[str | None, typer.Option(help="Address; others than loopback need tokens and TLS.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Port to serve (BUILDCAST_API_PORT).")] = None,
    state: Annotated[Path | None, typer.Option(help="The state folder (BUILDCAST_STATE).")] = None,
    bootstrap: Annotated[str | None, typer.Option(help="The broker's address (BUILDCAST_BOOTSTRAP).")] = None,
    database: Annotated[str | None, typer.Option(help="The database's address (BUILDCAST_DATABASE).")] = None,
    tokens: Annotated[Path | None, typer.Option(help="The file of hashed tokens (BUILDCAST_API_TOKENS).")] = None,
    new_token: Annotated[str, typer.Option("--new-token", help="Make a token of this name, print it, and end.")] = "",
    role: Annotated[str, typer.Option(help="The new token's role: read, write or admin.")] = "read",
    revoke_token: Annotated[str, typer.Option("--revoke-token", help="Take this name's tokens out, and end.")] = "",
) -> None:
    """Serve the REST API, live updates and the page until told to stop."""
    from agents.api.settings import ApiSettings
    from streams.settings import load

    settings = load(ApiSettings, api_host=host, api_port=port, state=state, bootstrap=bootstrap, database=database,
                    api_tokens=None if new_token or revoke_token else tokens)  # fmt: skip
    file = tokens or settings.api_tokens or settings.state / "tokens.jsonl"
    if new_token:
        _mint(file, new_token, role, settings)
    elif revoke_token:
        _revoke(file, revoke_token, settings)
    else:
        _serve(settings)


def _revoke(path: Path, name: str, settings: ApiSettings) -> None:
    from agents.api.tokens import revoke
    from buildcast.audited import audited, database_of

    roles = revoke(path, name)
    typer.echo(f"{len(roles)} of {name} gone; the API has shut them out with its next request")
    audited(settings.database or database_of(settings.state), "token-revoked", name, before=", ".join(roles))


def _serve(settings: ApiSettings) -> None:
    from agents.api.app import Extras
    from agents.api.serve import serve

    settings = settings.model_copy(update={"database": settings.database or _database(settings)})
    forecaster = None if settings.bootstrap else _local_forecaster(settings.state)
    receive = _receiver()
    with _kept(settings if receive else None) as keep:
        extras = Extras(forecaster=forecaster, receive=receive, status=_status(settings.state), keep=keep)
        serve(settings, extras, typer.echo)


@contextlib.contextmanager
def _kept(settings: ApiSettings | None) -> Iterator[Callable[[Event], None] | None]:
    """What makes a webhook's events durable before the answer; without a broker the journals do."""
    if settings is None or not settings.bootstrap:
        yield None
        return
    from collectors.outbox import Outbox
    from collectors.publish import KafkaPublisher

    bootstrap = settings.bootstrap
    outbox = Outbox(settings.state / "spool", lambda: KafkaPublisher(bootstrap))
    try:
        yield outbox.keep
    finally:
        outbox.close()


def _mint(path: Path, name: str, role: str, settings: ApiSettings) -> None:
    from agents.api.tokens import ROLES, mint
    from buildcast.audited import audited, database_of

    if role not in ROLES:
        raise ConfigError(f"role {role!r} is not known: use {', '.join(ROLES)}")
    typer.echo(mint(path, name, next(each for each in ROLES if each == role)))
    typer.echo(f"shown this once; its hash was added to {path} (serve with --tokens {path})", err=True)
    audited(settings.database or database_of(settings.state), "token-made", name, after=role)


def _database(settings: ApiSettings) -> str:
    from buildcast.local import LocalPaths

    settings.state.mkdir(parents=True, exist_ok=True)
    return LocalPaths(settings.state.resolve()).database_url


def _local_forecaster(state: Path) -> Any:
    from agents.api.replica import journal_forecaster
    from buildcast.local import LocalPaths

    paths = LocalPaths(state)

    def begin() -> Forecaster:
        from buildcast.replica_file import load_forecaster  # the models are loaded with the first question

        return load_forecaster(paths)

    return journal_forecaster(paths.examples, begin)


def _receiver() -> Receive | None:
    """The CI providers' door, their secrets read once; without any secret the API answers webhooks with 503."""
    from collectors.ci import receive
    from collectors.ci.settings import CiSettings
    from streams.settings import load

    secrets = load(CiSettings).webhook_secrets()
    if not any(secrets.values()):
        return None

    def take(provider: str, headers: Mapping[str, str], body: bytes) -> list[Event]:
        return receive(provider, headers, body, secrets.get(provider, ""), time.time())

    return take


def _status(state: Path) -> Any:
    def parts() -> dict[str, Any]:
        from buildcast.health import examine

        return {
            "parts": [
                {"part": one.name, "state": one.state, "reason": one.reason, "remedy": one.remedy}
                for one in examine(state)
            ]
        }

    return parts
