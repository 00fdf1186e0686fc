"""The real broker and database: started, killed, started again with what they held."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from agents.admin import check_topics, create_topics, reachable
from agents.broker import KafkaBroker, kafka_libs
from agents.ports import answers, free_ports
from streams.errors import ConfigError, Unavailable
from streams.topics import TOPICS


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A broker that may be killed and has other partition counts than the session's."""
    with KafkaBroker(tmp_path_factory.mktemp("own-kafka")) as server:
        yield server


@pytest.mark.kafka
async def test_a_killed_broker_comes_back_on_its_port_with_its_records(own_broker: KafkaBroker) -> None:
    await create_topics(own_broker.bootstrap, 4)
    producer = AIOKafkaProducer(bootstrap_servers=own_broker.bootstrap)
    await producer.start()
    await producer.send_and_wait("model-events.v1", b"kept")
    await producer.stop()
    port = own_broker.port
    own_broker.kill()
    assert not answers(port)
    own_broker.start()
    assert own_broker.port == port
    consumer = AIOKafkaConsumer("model-events.v1", bootstrap_servers=own_broker.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        assert (await consumer.getone()).value == b"kept"
    finally:
        await consumer.stop()


@pytest.mark.kafka
async def test_topics_are_created_once_and_another_partition_count_is_refused(own_broker: KafkaBroker) -> None:
    broker = own_broker.bootstrap
    await create_topics(broker, 4)
    assert await create_topics(broker, 4) == []
    counts = await check_topics(broker, TOPICS)
    assert counts["build-events.v1"] == 4
    assert counts["examples.v1"] == 1
    with pytest.raises(ConfigError, match="4 partitions, not 8"):
        await create_topics(broker, 8)


@pytest.mark.kafka
async def test_records_carry_the_brokers_time_whatever_the_senders_clock_says(own_broker: KafkaBroker) -> None:
    await create_topics(own_broker.bootstrap, 4)
    producer = AIOKafkaProducer(bootstrap_servers=own_broker.bootstrap)
    await producer.start()
    told = await producer.send_and_wait("host-metrics.v1", b"from 1970", timestamp_ms=1_000)
    await producer.stop()
    assert abs(told.timestamp / 1000 - time.time()) < 60


async def test_a_broker_that_is_away_is_told_in_one_sentence() -> None:
    (port,) = free_ports(1)
    with pytest.raises(Unavailable, match="no Kafka broker answers"):
        await reachable(f"127.0.0.1:{port}", 1.0)


def test_missing_jars_name_the_folder_and_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDCAST_KAFKA_LIBS", str(tmp_path))
    with pytest.raises(ConfigError, match="make setup"):
        kafka_libs()
