"""A Bytewax dataflow: Kafka source, one flat map, Kafka sink, recovery at every second (its kind of commit)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from bench.live.task import INPUT, Stopwatch, arguments, task_of


def main() -> None:
    """Read to the end of the topic; the sink flushes each batch."""
    given = arguments()
    task, watch, seen = task_of(given.task), Stopwatch(), 0

    def score(message: Any) -> Iterator[KafkaSinkMessage[bytes, bytes]]:
        nonlocal seen
        watch.start()
        seen += 1
        for topic, key, value, headers in task(message.partition, message.key, message.value, message.headers):
            yield KafkaSinkMessage(key=key, value=value, topic=topic, headers=headers)

    flow = Dataflow("bench")
    source = KafkaSource([given.bootstrap], [INPUT], tail=False, batch_size=1000)
    scored = op.flat_map("score", op.input("in", flow, source), score)
    settings = {"acks": "all", "linger.ms": "5", "message.max.bytes": str(2**21)}
    op.output("out", scored, KafkaSink([given.bootstrap], None, add_config=settings))
    folder = Path(given.state)
    folder.mkdir(parents=True, exist_ok=True)
    init_db_dir(folder, 1)
    cli_main(flow, epoch_interval=timedelta(seconds=1), recovery_config=RecoveryConfig(str(folder)))
    watch.stop(seen, task.forecasts)


if __name__ == "__main__":
    main()
