"""How far a consumer group is: its members, and the records between what it committed and the end of its topics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CoordinatorNotAvailableError

from agents.admin import admin, check_topics
from streams.broker import connection

__all__ = ["Standing", "standing"]


@dataclass(frozen=True)
class Standing:
    """`lag` is in records; a topic of which nothing was committed counts whole."""

    members: int
    lag: int


async def standing(bootstrap: str, group: str, topics: Iterable[str], seconds: float = 5.0) -> Standing:
    """The group now. As the operator, or the group's own user."""
    counts = await check_topics(bootstrap, topics, seconds)
    partitions = [TopicPartition(topic, number) for topic, count in counts.items() for number in range(count)]
    async with admin(bootstrap, seconds) as client:
        try:
            (described,) = await client.describe_consumer_groups([group])
            committed = await client.list_consumer_group_offsets(group)
        except CoordinatorNotAvailableError:  # no group has ever been here
            return Standing(0, sum((await _ends(bootstrap, partitions)).values()))
    members = sum(len(each[5]) for each in described.groups)
    ends = await _ends(bootstrap, partitions)
    return Standing(members, sum(max(0, ends[tp] - _next(committed.get(tp))) for tp in partitions))


async def _ends(bootstrap: str, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
    consumer = AIOKafkaConsumer(**connection(bootstrap), enable_auto_commit=False, client_id="buildcast-status")
    try:
        await consumer.start()
        return dict(await consumer.end_offsets(partitions))
    finally:
        await consumer.stop()


def _next(committed: object) -> int:
    return max(0, int(getattr(committed, "offset", 0)))
