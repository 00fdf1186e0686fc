"""Quix Streams 3 as its manual writes it: a dataframe over the topic, one branch for each output topic.

Its own `count` counts outputs, so the function stops the application at the last input; `run` then flushes and commits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quixstreams import Application, message_context
from quixstreams.models.serializers import Serializer

from bench.live.task import INPUT, Stopwatch, arguments, task_of


class Value(Serializer):
    """An output's bytes as they are."""

    def __call__(self, value: Any, ctx: Any) -> bytes:
        """The third field of an output."""
        return bytes(value[2])


def main() -> None:
    """Process as many records as the topic holds."""
    given = arguments()
    application = Application(
        broker_address=given.bootstrap, consumer_group=given.group, auto_offset_reset="earliest",
        auto_create_topics=False, commit_interval=1.0, state_dir=given.state, loglevel="WARNING",
        producer_extra_config={"acks": "all", "linger.ms": 5, "message.max.bytes": 2**21},
    )  # fmt: skip
    task, watch, seen = task_of(given.task), Stopwatch(), 0

    def score(value: bytes, key: bytes, _timestamp: int, headers: Any) -> list[Any]:
        nonlocal seen
        watch.start()
        seen += 1
        if seen == given.total:
            application.stop()
        return task(message_context().partition, key, value, headers or [])

    source = application.topic(INPUT, key_deserializer="bytes", value_deserializer="bytes")
    outputs = application.dataframe(source).apply(score, expand=True, metadata=True)
    for name in ("predictions.v1", "alerts.v1", "examples.v1"):
        target = application.topic(name, key_serializer="bytes", value_serializer=Value())
        outputs.filter(_of(name)).to_topic(target, key=lambda output: output[1])
    application.run()
    watch.stop(seen, task.forecasts)


def _of(name: str) -> Callable[[Any], bool]:
    return lambda output: bool(output[0] == name)


if __name__ == "__main__":
    main()
