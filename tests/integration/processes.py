"""Real worker and sink processes for tests, and plain clients beside them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from agents.admin import check_topics
from agents.outbox import Outbox, Record, record_of
from streams.codec import decode
from streams.events import Event

_MAIN = {
    "worker": "from streams.settings import load; from agents.settings import WorkerSettings as S; "
    "from agents.worker import run_worker as run; run(load(S))",
    "sink": "from streams.settings import load; from agents.settings import SinkSettings as S; "
    "from agents.sink import run_sink as run; run(load(S))",
}


class Process:
    """A worker or sink in its own process, with its log beside its state."""

    def __init__(self, kind: Literal["worker", "sink"], state: Path, bootstrap: str, **settings: object) -> None:
        self.kind = kind
        self.log = state / f"{kind}.log"
        # Offsets that an older test committed must not outlive its topics: a group of the state's own.
        self.group = f"{kind}-{hashlib.sha256(str(settings.get('snapshots', state)).encode()).hexdigest()[:12]}"
        own = {f"{kind}_metrics_port": 0, f"{kind}_group": self.group}
        given = {"bootstrap": bootstrap, "state": state, **own, **settings}
        self._environment = {**os.environ, **{f"BUILDCAST_{name.upper()}": str(value) for name, value in given.items()}}
        self._process: subprocess.Popen[bytes] | None = None
        state.mkdir(parents=True, exist_ok=True)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, **environment: str) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _MAIN[self.kind]], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**self._environment, **environment}, cwd=Path(__file__).parents[2],
            )  # fmt: skip

    def kill(self) -> None:
        """As the kernel would: nothing is flushed, nothing is said."""
        self.end(signal.SIGKILL)

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 30.0) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(seconds)

    def poll(self) -> int | None:
        assert self._process is not None
        return self._process.poll()

    def __enter__(self) -> Process:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.end(signal.SIGKILL)


async def send(bootstrap: str, events: Iterable[Event | Record]) -> None:
    """Events on their topics, acknowledged."""
    outbox = Outbox(bootstrap, "test")
    await outbox.start()
    try:
        await outbox.send([each if isinstance(each, Record) else record_of(each) for each in events])
    finally:
        await outbox.stop()


@asynccontextmanager
async def plain_consumer(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def records(bootstrap: str, topic: str) -> list[Any]:
    """All records of a topic, by partition and offset."""
    async with plain_consumer(bootstrap) as consumer:
        partitions = [
            TopicPartition(topic, number) for number in range((await check_topics(bootstrap, [topic]))[topic])
        ]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        for tp, start in (await consumer.beginning_offsets(partitions)).items():
            consumer.seek(tp, start)
        found: list[Any] = []
        while any([await consumer.position(tp) < ends[tp] for tp in partitions]):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                found += batch
    return sorted(found, key=lambda record: (record.partition, record.offset))


async def committed(bootstrap: str, group: str) -> dict[TopicPartition, int]:
    """What a group has committed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        found = await admin.list_consumer_group_offsets(group)
    except GroupCoordinatorNotAvailableError:  # the broker has met no group yet
        return {}
    finally:
        await admin.close()
    return {tp: meta.offset for tp, meta in found.items() if meta.offset >= 0}


async def lag(bootstrap: str, group: str, topics: Iterable[str]) -> int:
    """Records of topics that a group has not committed."""
    counts = await check_topics(bootstrap, topics)
    partitions = [TopicPartition(topic, number) for topic, count in counts.items() for number in range(count)]
    async with plain_consumer(bootstrap) as consumer:
        ends = await consumer.end_offsets(partitions)
    done = await committed(bootstrap, group)
    return sum(end - done.get(tp, 0) for tp, end in ends.items())


async def events_on(bootstrap: str, topic: str) -> list[Event]:
    return [decode(record.value, record.headers) for record in await records(bootstrap, topic)]


async def until(
    condition: Callable[[], Awaitable[Any]], processes: Iterable[Process] = (), seconds: float = 300.0
) -> Any:
    """What the condition gives once it is true; fails after `seconds`, or with a process's log when one has ended.

    The limit is for what never comes, on a machine however slow: a test that passes ends as soon as it is true.
    """
    deadline = time.monotonic() + seconds
    while True:
        if found := await condition():
            return found
        for process in processes:
            if process.poll() is not None:
                raise AssertionError(f"{process.kind} ended with {process.poll()}:\n{tail(process.log)}")
        if time.monotonic() > deadline:
            logs = "\n".join(tail(process.log) for process in processes)
            raise AssertionError(f"{condition.__qualname__}: not within {seconds} s\n{logs}")
        await asyncio.sleep(0.2)


def tail(path: Path, lines: int = 60) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
