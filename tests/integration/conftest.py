"""A broker whose topics are empty: every test starts its own logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.admin import create_topics
from agents.broker import KafkaBroker, kafka_libs
from streams.errors import ConfigError

PARTITIONS = 4


@pytest.fixture
async def empty_topics(kafka_server: KafkaBroker) -> str:
    """The session's broker with all topics deleted and made again."""
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server.bootstrap)
    try:
        await admin.start()
        names = [name for name in await admin.list_topics() if not name.startswith("__")]
        if names:
            await admin.delete_topics(names)
    finally:
        await admin.close()
    await create_topics(kafka_server.bootstrap, PARTITIONS)
    return kafka_server.bootstrap


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[KafkaBroker]:
    """A broker of the test's own, to be killed."""
    try:
        libs = kafka_libs()
    except ConfigError as missing:
        pytest.skip(str(missing))
    with KafkaBroker(tmp_path / "kafka", libs) as server:
        yield server
