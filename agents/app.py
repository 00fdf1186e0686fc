"""A Faust app around a batch handler: group membership, assignment, commits; one agent over one channel of batches."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import faust

from agents.settings import ProcessSettings
from agents.transport import Batch, BatchTransport
from agents.watchdog import Watchdog
from streams.broker import BrokerSettings
from streams.settings import load

__all__ = ["BatchApp", "batch_app", "serve"]

_log = logging.getLogger(__name__)
# A broker that has just restarted may know no topic yet: who then leads the group hands out nothing, and sees that
# there is something at the next look, by default after five minutes.
_TOPICS_LOOK_SECONDS = 3.0


class BatchApp(faust.App):  # type: ignore[misc]
    """A Faust app that connects what its handler needs before the first batch, and lets go of it at the end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.opening: list[Callable[[], Awaitable[None]]] = []
        self.closing: list[Callable[[], Awaitable[None]]] = []

    async def on_start(self) -> None:
        """Open before agents and consumer run."""
        await super().on_start()
        for each in self.opening:
            await each()

    async def on_stop(self) -> None:
        """Close after the consumer has settled and committed."""
        await super().on_stop()
        for each in self.closing:
            await each()


def batch_app(
    group: str, topics: Iterable[str], handle: Callable[[Batch], Awaitable[None]], settings: ProcessSettings,
    watchdog: Watchdog,
) -> BatchApp:  # fmt: skip
    """The app; its `transport` takes `fence` and `settle`. `handle` returns when a batch's effects are acknowledged."""
    app = BatchApp(group, **_settings(settings))
    batches = app.channel(maxsize=1)

    async def deliver(batch: Batch) -> None:
        # What comes while a batch is in hand becomes one batch after it, not a queue of small ones that each wait;
        # behind a full one there is more already, and it is fetched meanwhile.
        await batches.put(batch)
        if sum(map(len, batch.records.values())) < settings.batch_records:
            await batch.handled.wait()

    transport = BatchTransport(app.conf.broker_consumer, app, deliver=deliver)
    transport.beat = watchdog.beat
    transport.settle_seconds = settings.session_timeout_seconds * 0.8
    app.transport = transport
    for name in topics:
        # Bytes in, decoded by the handler: what Faust cannot decode it would acknowledge and throw at the agent.
        app.topics.add(app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"))

    @app.agent(batches, name="batches", concurrency=1)  # type: ignore[untyped-decorator, unused-ignore]
    async def consume(stream: Any) -> None:
        async for batch in stream:
            watchdog.beat("batch")
            try:
                await handle(batch)
            except asyncio.CancelledError:
                raise
            except BaseException:
                # An exception that left this loop would be taken for success: end at once, the supervisor starts anew.
                _log.critical("a batch could not be handled: ending this process", exc_info=True)
                logging.shutdown()
                os._exit(1)
            app.consumer.done(batch)
            batch.handled.set()
            watchdog.disarm("batch")

    return app


async def serve(app: faust.App, watchdog: Watchdog) -> None:
    """Run an app in the foreground until SIGTERM or SIGINT, then finish the batch in hand and leave the group."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watchdog.start()
    await app.start()
    died = loop.create_task(_crashed(app))
    waiting = loop.create_task(stop.wait())
    await asyncio.wait({died, waiting}, return_when=asyncio.FIRST_COMPLETED)
    watchdog.beat("stopping")
    if not stop.is_set():
        _log.critical("the app has crashed: ending this process")
        logging.shutdown()
        os._exit(1)
    died.cancel()
    await app.stop()
    watchdog.stop()


async def _crashed(app: faust.App) -> None:
    """Return when Faust has given up: its services tell of a crash by a flag alone."""
    while not (app.crashed or app.should_stop):  # noqa: ASYNC110
        await asyncio.sleep(0.5)


def _credentials() -> dict[str, Any]:
    """The connection's settings in Faust's terms."""
    options = load(BrokerSettings).options()
    tls = options.get("ssl_context")
    if "sasl_mechanism" not in options:
        return {"broker_credentials": faust.SSLCredentials(tls)} if tls else {}
    return {
        "broker_credentials": faust.SASLCredentials(
            username=options["sasl_plain_username"], password=options["sasl_plain_password"],
            mechanism=options["sasl_mechanism"], ssl_context=tls,
        )
    }  # fmt: skip


def _settings(settings: ProcessSettings) -> dict[str, Any]:
    state = Path(settings.state).resolve() / "faust"
    state.mkdir(parents=True, exist_ok=True)
    return {
        **_credentials(),
        "broker": [f"kafka://{address.strip()}" for address in settings.bootstrap.split(",")],
        "datadir": str(state),
        "store": "memory://",
        "autodiscover": False,
        "web_enabled": False,
        "web_tables_enabled": False,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "cython_optimizations": False,
        "table_standby_replicas": 1,  # at 0 Faust's co-partitioning assignor is replaced by round-robin
        "stream_wait_empty": True,
        "broker_commit_interval": settings.commit_interval_seconds,
        "broker_session_timeout": settings.session_timeout_seconds,
        "broker_heartbeat_interval": min(3.0, settings.session_timeout_seconds / 3),
        "broker_rebalance_timeout": max(60.0, settings.session_timeout_seconds * 2),
        "broker_request_timeout": max(40.0, settings.session_timeout_seconds + 10),
        "broker_max_poll_interval": 86_400.0,
        "broker_max_poll_records": settings.batch_records,
        "consumer_auto_offset_reset": "earliest",
        "consumer_metadata_max_age_ms": int(_TOPICS_LOOK_SECONDS * 1000),
        "producer_acks": -1,
        "producer_request_timeout": 30.0,
    }
