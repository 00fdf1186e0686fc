"""`buildcast status`: every part by what is really there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from agents.admin import create_topics
from agents.groups import standing
from agents.store.database import migrate
from buildcast.health import Part, examine
from collectors.vulnerability import FeedPosition, FileCache
from streams.errors import ConfigError


@pytest.fixture(autouse=True)
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUILDCAST_DATABASE", raising=False)
    monkeypatch.delenv("BUILDCAST_BOOTSTRAP", raising=False)
    monkeypatch.setenv("BUILDCAST_ADVISORY_CACHE", str(tmp_path / "advisories"))


def _by_name(parts: list[Part]) -> dict[str, Part]:
    return {part.name: part for part in parts}


def test_where_nothing_is_up_it_says_how_to_begin(tmp_path: Path) -> None:
    (part,) = examine(tmp_path)
    assert (part.state, part.remedy) == ("down", "buildcast up, or buildcast run --local -- make")


def test_a_broker_that_is_away_is_down_and_asked_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDCAST_BOOTSTRAP", "127.0.0.1:9")
    parts = _by_name(examine(tmp_path))
    assert parts["broker"].state == "down"
    assert "workers" not in parts


@pytest.mark.kafka
def test_groups_files_and_feeds_are_named_with_their_remedies(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.suppress(ConfigError):  # another test has made them, of another size
        asyncio.run(create_topics(broker))
    asyncio.run(migrate(f"sqlite+aiosqlite:///{tmp_path}/buildcast.sqlite"))
    monkeypatch.setenv("BUILDCAST_BOOTSTRAP", broker)
    monkeypatch.setenv("BUILDCAST_WORKER_GROUP", "nobody")
    cache = FileCache(tmp_path / "advisories")
    cache.save_position("nvd", FeedPosition(synced_until=time.time() - 5 * 86_400.0))
    (tmp_path / "spool").mkdir()
    with (tmp_path / "spool/events-1-2.seg").open("wb") as file:
        file.truncate(200 << 20)
    (tmp_path / "trainer-progress.json").write_text(json.dumps({"training_id": "t-1", "progress": 0.25, "time": 1.0}))
    parts = _by_name(examine(tmp_path))
    assert (parts["broker"].state, parts["database"].state) == ("ok", "ok")
    assert (parts["workers"].state, parts["workers"].remedy) == ("down", "start buildcast worker")
    assert (parts["collectors"].state, parts["feed nvd"].state) == ("degraded", "degraded")
    assert parts["trainer"].reason == "training t-1: 25%"
    (tmp_path / "trainer-progress.json").write_text("{")
    assert _by_name(examine(tmp_path))["trainer"].state == "degraded"


@pytest.mark.kafka
async def test_members_and_lag_are_the_groups_own(broker: str) -> None:
    with contextlib.suppress(ConfigError):
        await create_topics(broker)
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    await producer.send_and_wait("alerts.v1", b"{}", partition=0)
    group = f"standing-{time.time_ns()}"
    before = await standing(broker, group, ["alerts.v1"])
    consumer = AIOKafkaConsumer(
        "alerts.v1", bootstrap_servers=broker, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        read = 0
        while read < before.lag:
            read += sum(map(len, (await consumer.getmany(timeout_ms=1_000)).values()))
        await consumer.commit()
        for _ in range(3):
            await producer.send_and_wait("alerts.v1", b"{}", partition=0)
        after = await standing(broker, group, ["alerts.v1"])
    finally:
        await consumer.stop()
        await producer.stop()
    assert before.members == 0
    assert before.lag >= 1
    assert (after.members, after.lag) == (1, 3)
