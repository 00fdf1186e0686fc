"""The private parts of Faust that `agents.transport` overrides are as they were when they were read."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest
from faust.app import App
from faust.transport import consumer as stock
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import Service

from agents.transport import Batch, BatchConsumer, BatchTransport

# Read and understood at these versions; another one needs another reading before the pin moves.
PINS = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0"}
SOURCES = {
    "Consumer._drain_messages": (stock.Consumer._drain_messages, "44a2500309e83c63"),
    "Consumer._wait_next_records": (stock.Consumer._wait_next_records, "6218e1969a636b3f"),
    "Consumer.perform_seek": (stock.Consumer.perform_seek, "0e8c130ff4b0afd8"),
    "Consumer._filter_committable_offsets": (stock.Consumer._filter_committable_offsets, "dc5e9baf5d994485"),
    "Consumer._should_commit": (stock.Consumer._should_commit, "5ce941793947ad42"),
    "Consumer._commit_offsets": (stock.Consumer._commit_offsets, "1a69799041188441"),
    "Consumer.wait_empty": (stock.Consumer.wait_empty, "e4662fe24f094819"),
    "Consumer.on_partitions_revoked": (stock.Consumer.on_partitions_revoked, "d04b7ae72c6fc206"),
    "Consumer._filter_tps_with_pending_acks": (stock.Consumer._filter_tps_with_pending_acks, "f6f9239774234e7e"),
    "Consumer._new_offset": (stock.Consumer._new_offset, "1d2c7ea89a7ad4f1"),
    "Consumer.commit": (stock.Consumer.commit, "a354437baaa08bf8"),
    "aiokafka Consumer.verify_event_path": (driver.Consumer.verify_event_path, "a17e8f0610e1abcb"),
    "aiokafka Consumer._seek": (driver.Consumer._seek, "4f95c631420410a5"),
    "aiokafka Consumer.highwater": (driver.Consumer.highwater, "f52cb0d26a713c3a"),
    "Service.wait_first": (Service.wait_first, "feade6a31f8a6789"),
    "Fetcher._fetcher": (stock.Fetcher._fetcher, "68f894f0b577d810"),
    "App._on_partitions_revoked": (App._on_partitions_revoked, "d5c895bbe57dc73a"),
}
PART = TP("build-events.v1", 0)


@pytest.mark.parametrize("name", PINS)
def test_the_pins_are_installed(name: str) -> None:
    assert version(name) == PINS[name]


@pytest.mark.parametrize("name", SOURCES)
def test_the_overridden_sources_are_those_that_were_read(name: str) -> None:
    function, digest = SOURCES[name]
    function = getattr(function, "fun", function)
    assert hashlib.sha256(inspect.getsource(inspect.unwrap(function)).encode()).hexdigest()[:16] == digest


OURS = {"done", "committed_offset", "backlog", "_deliver", "_follows", "__init__"}


def test_every_override_has_its_original_and_its_source_was_read() -> None:
    overridden = {name for name, value in vars(BatchConsumer).items() if callable(value)} - OURS
    assert all(callable(getattr(driver.Consumer, name)) for name in overridden)
    assert overridden <= {name.rpartition(".")[2] for name in SOURCES}
    assert not any(hasattr(driver.Consumer, name) for name in OURS - {"__init__"}), "hides something of Faust's"


def test_the_state_that_is_read_is_kept_under_these_names() -> None:
    source = inspect.getsource(stock.Consumer.__init__) + inspect.getsource(stock.Consumer.on_init)
    for name in ("_committed_offset", "suspend_flow"):
        assert f"self.{name} =" in source, name
    assert stock.Consumer.flow_active is True
    assert isinstance(driver.Consumer.consumer_stopped_errors, tuple)
    assert "self.app.consumer_generation_id" in inspect.getsource(stock.Consumer) + inspect.getsource(driver)


class Consumer(BatchConsumer):
    """The bookkeeping alone, without threads and broker."""

    def __init__(self, generation: int = 1) -> None:
        self.transport: Any = SimpleNamespace(fence=None, deliver=self._take, settle_seconds=0.05)
        self.app: Any = SimpleNamespace(consumer_generation_id=generation)
        self._finished, self._expected, self._holes = {}, {}, set()
        self._committed_offset: dict[Any, int | None] = {PART: None}
        self.flow_active, self.taken, self.sought = True, [], []
        self.suspend_flow: Any = asyncio.Event()

    async def _take(self, batch: Batch) -> None:
        self.taken.append(batch)

    async def _seek(self, partition: Any, offset: int) -> None:
        self.sought.append((partition, offset))

    async def wait_first(self, *waiting: Any) -> None:
        await waiting[0]
        waiting[1].close()


def batch(first: int, last: int, generation: int = 1) -> Batch:
    return Batch({PART: [SimpleNamespace(offset=n) for n in range(first, last + 1)]}, generation)


def test_only_finished_batches_may_be_committed() -> None:
    consumer = Consumer()
    assert consumer._new_offset(PART) is None
    consumer.done(batch(0, 9))
    assert consumer._new_offset(PART) == 10


def test_commits_never_pass_the_last_durable_snapshot() -> None:
    consumer = Consumer()
    consumer.done(batch(0, 99))
    for durable, committable in ((None, None), (40, 40), (100, 100), (140, 100)):
        consumer.transport.fence = lambda _topic, _partition, durable=durable: durable
        assert consumer._new_offset(PART) == committable


def test_a_batch_of_an_older_assignment_says_nothing() -> None:
    consumer = Consumer(generation=2)
    consumer.done(batch(0, 9, generation=1))
    assert consumer._new_offset(PART) is None


async def test_a_hole_is_read_again_once_before_it_is_believed() -> None:
    consumer = Consumer()
    await consumer._deliver(batch(0, 4).records)
    await consumer._deliver(batch(8, 9).records)
    assert consumer.sought == [(PART, 5)]
    assert len(consumer.taken) == 1
    await consumer._deliver(batch(8, 9).records)
    assert [each.records[PART][0].offset for each in consumer.taken] == [0, 8]


async def test_a_rebalance_does_not_wait_for_ever_for_the_batch_in_hand() -> None:
    consumer = Consumer()
    committed = []

    async def never() -> None:
        await asyncio.sleep(60)

    async def commit(*_args: Any, **_kwargs: Any) -> bool:
        committed.append(True)
        return True

    consumer.transport.settle, consumer.commit = never, commit
    await consumer.wait_empty()
    assert committed == [True]


def test_the_transport_makes_the_batch_consumer() -> None:
    assert BatchTransport.Consumer is BatchConsumer
