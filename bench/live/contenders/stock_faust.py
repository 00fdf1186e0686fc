"""A Faust agent as its manual writes it, on Faust's own transport: raw bytes, a send for each output, no wait for acks.

It is done when every send is acknowledged. Settings are those of the worker where both have them.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

import faust

from bench.live.task import INPUT, Stopwatch, arguments, task_of


def main() -> None:
    """Run until the last record's outputs are acknowledged."""
    logging.basicConfig(level=logging.INFO)  # at Faust's default level a log record is built for every send
    given = arguments()
    app = faust.App(
        given.group, broker=f"kafka://{given.bootstrap}", datadir=given.state, store="memory://", web_enabled=False,
        topic_allow_declare=False, topic_disable_leader=True, stream_buffer_maxsize=16_384, broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest", producer_acks=-1, producer_linger=0.005,
        producer_max_batch_size=262_144, producer_max_request_size=2**21, cython_optimizations=False,
    )  # fmt: skip
    raw = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    topics: dict[str, Any] = {name: app.topic(name, **raw) for name in ("predictions.v1", "alerts.v1", "examples.v1")}
    task, watch, seen = task_of(given.task), Stopwatch(), 0
    pending: set[Any] = set()

    @app.agent(app.topic(INPUT, **raw), name="score", concurrency=1)  # type: ignore[untyped-decorator]
    async def score(stream: Any) -> None:
        nonlocal seen
        async for event in stream.events():
            watch.start()
            message = event.message
            for topic, key, value, headers in task(message.partition, message.key, message.value, message.headers):
                sent = await topics[topic].send(key=key, value=value, headers=dict(headers))
                pending.add(sent)
                sent.add_done_callback(pending.discard)
            seen += 1
            if seen == given.total:
                await asyncio.gather(*pending)
                watch.stop(seen, task.forecasts)
                os._exit(0)  # what follows is not measured

    faust.Worker(app, loglevel="INFO").execute_from_commandline()


if __name__ == "__main__":
    main()
