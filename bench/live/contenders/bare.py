"""The limit: a bare aiokafka loop that scores event by event, awaits the acks of a drained batch and commits."""

from __future__ import annotations

import asyncio
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.live.task import INPUT, Stopwatch, arguments, task_of


async def main() -> None:
    """Read to the end."""
    given = arguments()
    task, watch, left = task_of(given.task), Stopwatch(), given.total
    consumer = AIOKafkaConsumer(
        INPUT, bootstrap_servers=given.bootstrap, group_id=given.group, enable_auto_commit=False,
        auto_offset_reset="earliest", max_poll_records=1000,
    )  # fmt: skip
    producer = AIOKafkaProducer(
        bootstrap_servers=given.bootstrap, acks="all", linger_ms=2, max_batch_size=262_144, max_request_size=2**21
    )
    await consumer.start()
    await producer.start()
    while left > 0:
        pending = []
        for tp, records in (await consumer.getmany(timeout_ms=1000)).items():
            watch.start()
            for record in records:
                for topic, key, value, headers in task(tp.partition, record.key, record.value, record.headers):
                    pending.append(await producer.send(topic, value, key, headers=headers))
            left -= len(records)
        if pending:
            await asyncio.gather(*pending)
            await consumer.commit()
    watch.stop(given.total, task.forecasts)
    await consumer.stop()
    await producer.stop()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
