"""The application from its parts. Nothing here reads the environment or opens a socket before the app runs."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.staticfiles import StaticFiles

from agents.api import examples, problems
from agents.api.cache import ForecastCache
from agents.api.feed import DatabaseFeed, KafkaFeed
from agents.api.guard import Guard
from agents.api.hub import Hub
from agents.api.log import EventLog
from agents.api.routes import (
    advice,
    alerts,
    audit,
    ensemble,
    findings,
    hosts,
    impact,
    labels,
    metrics,
    models,
    page,
    runs,
    status,
    stream,
    training,
    webhooks,
)
from agents.api.services import Receive, Services
from agents.api.settings import ApiSettings, check_exposure
from agents.api.tokens import Tokens
from agents.api.traffic import watch
from agents.store.reads import Reads
from agents.store.writer import Writer
from streams.events import Event

if TYPE_CHECKING:
    from models.forecaster import Forecaster

__all__ = ["Extras", "create_app"]

_ROUTERS = (
    runs,
    ensemble,
    training,
    models,
    alerts,
    labels,
    hosts,
    impact,
    advice,
    findings,
    status,
    audit,
    stream,
    webhooks,
)
_ABOUT = """Forecasts of builds while they run. Times are seconds since the epoch in UTC, ratios 0 to 1.
Lists are pages: pass `next` of one page as `after` for the following one. Errors are `application/problem+json`
and say what to do. Roles: read looks, write changes, admin sees the audit trail."""


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        return self.openapi_schema or examples.show(super().openapi())


@dataclass(frozen=True)
class Extras:
    """What the process that serves the app lends it."""

    forecaster: Callable[[], Forecaster] | None = None
    receive: Receive | None = None
    status: Callable[[], Mapping[str, Any]] | None = None
    clock: Callable[[], float] = time.time
    keep: Callable[[Event], None] | None = None


def create_app(settings: ApiSettings, store: AsyncEngine, log: EventLog, extras: Extras | None = None) -> FastAPI:
    """The API and the page over a database and an event log; it follows live events while it runs."""
    check_exposure(settings)
    extras = extras or Extras()
    reads = Reads(store)
    parts = Services(
        settings=settings, reads=reads, writer=Writer(store), log=log,
        cache=ForecastCache(settings.api_cache_seconds),
        hub=Hub(settings.api_listeners, settings.api_listener_messages),
        clock=extras.clock, forecaster=extras.forecaster, receive=extras.receive, keep=extras.keep,
        status=extras.status,
        feed=_feed(settings, reads), started_at=extras.clock(),
    )  # fmt: skip
    app = _App(
        title="Buildcast", version="1", description=_ABOUT, openapi_url="/api/v1/openapi.json", docs_url=None,
        redoc_url=None, lifespan=_following,
    )  # fmt: skip
    app.state.services = parts
    watch(parts)
    problems.install(app)
    for module in _ROUTERS:
        app.include_router(module.router, prefix="/api/v1")
    app.include_router(metrics.router)
    app.include_router(page.router)
    app.mount("/static", StaticFiles(directory=page.STATIC), name="static")
    app.add_middleware(Guard, settings=settings, tokens=Tokens(settings.api_tokens), traffic=parts.traffic)
    return app


def _feed(settings: ApiSettings, reads: Reads) -> KafkaFeed | DatabaseFeed:
    return KafkaFeed(settings.bootstrap) if settings.bootstrap else DatabaseFeed(reads, settings.api_poll_seconds)


@contextlib.asynccontextmanager
async def _following(app: FastAPI) -> AsyncIterator[None]:
    parts: Services = app.state.services
    following = asyncio.create_task(parts.feed.follow(parts.take), name="live-feed")
    try:
        yield
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        await parts.log.close()
