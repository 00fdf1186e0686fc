"""Topics: every event has exactly one, and the key that keeps what belongs together in order."""

from __future__ import annotations

from collections import Counter

from streams.topics import TOPICS, key_of, topic_of
from streams.wire import KINDS
from tests.builders import one_of_each, started


def test_every_kind_of_event_is_carried_by_exactly_one_topic() -> None:
    carried = Counter(kind for topic in TOPICS.values() for kind in topic.carries)
    assert carried == Counter(kind.struct for kind in KINDS.values())


def test_what_a_host_sends_is_keyed_by_the_host() -> None:
    for event in one_of_each():
        if topic_of(event) in ("build-events.v1", "host-metrics.v1"):
            assert key_of(event) == b"host-1"


def test_what_is_said_of_a_run_is_keyed_by_the_run() -> None:
    keys = {topic_of(e): key_of(e) for e in one_of_each() if getattr(e, "run_id", "") == "run-1"}
    assert keys["predictions.v1"] == keys["alerts.v1"] == keys["examples.v1"] == b"run-1"


def test_logs_that_models_are_folded_over_are_one_partition_kept_for_ever() -> None:
    for name in ("examples.v1", "model-events.v1"):
        assert (TOPICS[name].partitions, TOPICS[name].keep_seconds) == (1, None)


def test_a_start_goes_to_build_events() -> None:
    assert topic_of(started()) == "build-events.v1"
