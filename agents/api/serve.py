"""The API as a process: one server in the foreground until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import replace

import uvicorn

from agents.api.app import Extras, create_app
from agents.api.hub import Hub
from agents.api.log import EventLog, JournalLog, KafkaLog
from agents.api.replica import FollowedReplica
from agents.api.settings import ApiSettings, check_exposure
from agents.store.database import check, connect, migrate

__all__ = ["Server", "address_of", "serve"]

_HEADERS_READ = 2 * 2**20  # the guard answers 413 itself to headers that are too large, up to here


def address_of(settings: ApiSettings) -> str:
    """Where the page will be."""
    scheme = "https" if settings.api_tls_certificate else "http"
    host = f"[{settings.api_host}]" if ":" in settings.api_host else settings.api_host
    return f"{scheme}://{host}:{settings.api_port}"


def serve(settings: ApiSettings, extras: Extras, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. `ConfigError` or `Unavailable` before anything is opened."""
    check_exposure(settings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(_serve(settings, extras, say))


async def _serve(settings: ApiSettings, extras: Extras, say: Callable[[str], None]) -> None:
    if settings.database.startswith("sqlite"):
        await migrate(settings.database)  # the embedded file belongs to whoever opens it
    await check(settings.database)
    engine = connect(settings.database)
    replica = None
    try:
        if settings.bootstrap and extras.forecaster is None:
            replica = FollowedReplica(settings.bootstrap, settings.state)
            replica.start()
            extras = replace(extras, forecaster=replica.forecaster)
        app = create_app(settings, engine, _log(settings), extras)
        say(f"the page is at {address_of(settings)}/  (API: {address_of(settings)}/api/v1/docs)")
        await Server(_config(settings, app), app.state.services.hub).serve()
    finally:
        if replica is not None:
            await replica.stop()
        await engine.dispose()


class Server(uvicorn.Server):
    """Lets live listeners go first, since they would hold a stop up."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving."""
        self._hub.close()
        await super().shutdown(sockets)


def _config(settings: ApiSettings, app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=settings.api_host,
        port=settings.api_port,
        http="h11",
        h11_max_incomplete_event_size=_HEADERS_READ,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=30,
        limit_concurrency=settings.api_listeners + 500,
        ssl_certfile=settings.api_tls_certificate,
        ssl_keyfile=settings.api_tls_key,
    )


def _log(settings: ApiSettings) -> EventLog:
    return KafkaLog(settings.bootstrap) if settings.bootstrap else JournalLog(settings.state)
