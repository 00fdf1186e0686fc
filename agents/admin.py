"""Topics made from the one table, and a broker asked whether it is there, with errors a person can act on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)

from streams.broker import connection, refusal
from streams.errors import ConfigError, Unavailable
from streams.topics import TOPICS, Topic

__all__ = ["admin", "check_group", "check_topics", "create_topics", "reachable", "topic_settings"]

DEFAULT_PARTITIONS = 8
_FORBIDDEN = (TopicAuthorizationFailedError, GroupAuthorizationFailedError, ClusterAuthorizationFailedError)


async def reachable(bootstrap: str, seconds: float = 5.0) -> None:
    """Return when the broker answers; `Unavailable` when it does not within `seconds`."""
    async with admin(bootstrap, seconds):
        pass


async def create_topics(
    bootstrap: str, partitions: int = DEFAULT_PARTITIONS, replication: int = 1, seconds: float = 15.0
) -> list[str]:
    """Create what is missing and return its names; a topic with another partition count is a `ConfigError`."""
    if not 1 <= partitions <= 10_000:
        raise ConfigError(f"partitions must be 1 to 10000, not {partitions}")
    async with admin(bootstrap, seconds) as client:
        present = await _partition_counts(client)
        _refuse_other_counts(present, partitions)
        missing = [topic for topic in TOPICS.values() if topic.name not in present]
        if missing:
            await _create(client, [_new(topic, partitions, replication) for topic in missing])
            await _appearance(client, {topic.name for topic in missing}, seconds)
    return [topic.name for topic in missing]


async def check_topics(bootstrap: str, names: Iterable[str], seconds: float = 5.0) -> dict[str, int]:
    """The partition counts of the named topics; `ConfigError` when one is missing."""
    async with admin(bootstrap, seconds) as client:
        present = await _partition_counts(client)
        await _refuse_hidden(client, sorted(set(names) - present.keys()))
    if missing := sorted(set(names) - present.keys()):
        raise ConfigError(f"the broker at {bootstrap} lacks {', '.join(missing)}: run `buildcast topics create`")
    return {name: present[name] for name in names}


async def check_group(bootstrap: str, group: str, seconds: float = 5.0) -> None:
    """`ConfigError` when this user may not be a member of the consumer group."""
    async with admin(bootstrap, seconds) as client:
        try:
            await client.find_coordinator(group)
        except GroupAuthorizationFailedError:
            raise GroupAuthorizationFailedError(f"group {group}") from None
        except CoordinatorNotAvailableError:
            return  # a broker that has just started is making its groups' topic


def topic_settings(topic: Topic) -> dict[str, str]:
    """The broker's settings of a topic.

    Inputs are never compacted: offsets must have no gaps. Records carry the broker's time: a host whose clock is days
    off must neither lose its records to retention nor order those of others.
    """
    keep = -1 if topic.keep_seconds is None else topic.keep_seconds * 1000
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(keep),
        "retention.bytes": "-1",
        "message.timestamp.type": "LogAppendTime",
    }


def _new(topic: Topic, partitions: int, replication: int) -> NewTopic:
    return NewTopic(
        name=topic.name,
        num_partitions=topic.partitions or partitions,
        replication_factor=replication,
        topic_configs=topic_settings(topic),
    )


def _refuse_other_counts(present: dict[str, int], partitions: int) -> None:
    for topic in TOPICS.values():
        wanted, found = topic.partitions or partitions, present.get(topic.name)
        if found is not None and found != wanted:
            raise ConfigError(
                f"{topic.name} has {found} partitions, not {wanted}: a host's events would change partition; "
                f"use --partitions {found}, or empty the topics first"
            )


async def _refuse_hidden(client: AIOKafkaAdminClient, names: list[str]) -> None:
    """A topic that this user may not see is left out of lists; asked for by name the broker says so."""
    described: list[dict[str, Any]] = await client.describe_topics(names) if names else []
    hidden = {each["topic"] for each in described if for_code(each["error_code"]) is TopicAuthorizationFailedError}
    if hidden:
        raise TopicAuthorizationFailedError(hidden)


async def _create(client: AIOKafkaAdminClient, topics: list[NewTopic]) -> None:
    answer = await client.create_topics(topics, timeout_ms=15_000)
    for name, code, *rest in answer.topic_errors:
        error = for_code(code)
        if issubclass(error, _FORBIDDEN):
            raise error({name})
        if code and not issubclass(error, TopicAlreadyExistsError):
            raise ConfigError(f"the broker refused to create {name}: {(rest and rest[0]) or error.__name__}")


async def _appearance(client: AIOKafkaAdminClient, names: set[str], seconds: float) -> None:
    """Return when the brokers show what the controller has made, a moment later."""
    try:
        async with asyncio.timeout(seconds):
            while names - (await _partition_counts(client)).keys():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise Unavailable(f"the broker made {', '.join(sorted(names))} but does not show them: try again") from error


async def _partition_counts(client: AIOKafkaAdminClient) -> dict[str, int]:
    names = [name for name in await client.list_topics() if not name.startswith("__")]
    if not names:
        return {}
    described: list[dict[str, Any]] = await client.describe_topics(names)
    return {each["topic"]: len(each["partitions"]) for each in described if not each["error_code"]}


@asynccontextmanager
async def admin(bootstrap: str, seconds: float) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected client, each step of its connecting within `seconds`; its failures are told in our words."""
    try:
        client = AIOKafkaAdminClient(
            client_id="buildcast-admin", request_timeout_ms=int(seconds * 1000), **connection(bootstrap)
        )
    except ValueError as error:
        raise ConfigError(f"bootstrap {bootstrap!r} is no host:port list: {error}") from error
    try:
        try:
            await client.start()  # never cancelled: cut short, it leaves its connection open
        except (KafkaConnectionError, TimeoutError, OSError) as error:
            raise await refusal(bootstrap, error) from error
        except ValueError as error:
            raise ConfigError(f"bootstrap {bootstrap!r} is no host:port list: {error}") from error
        try:
            yield client
        except _FORBIDDEN as error:
            raise await refusal(bootstrap, error) from error
        except KafkaError as error:
            raise Unavailable(f"the broker at {bootstrap} failed to answer ({error!r}): try again") from error
    finally:
        await client.close()
