"""The worker and sink on a real broker: forecasts reach a plain consumer, crashes leave no trace in the rows."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from agents.deadletter import list_dead, replay_dead, show_dead
from agents.outbox import Record
from streams import events
from streams.errors import ConfigError
from tests import builders
from tests.integration.processes import Process, events_on, send, until

pytestmark = pytest.mark.kafka
FAST = {"session_timeout_seconds": 3, "snapshot_seconds": 0.5, "commit_interval_seconds": 0.5}


def failing(run_id: str, host: str = builders.HOST) -> list[events.Event]:
    """A run that shows a fatal compile error, before its end."""
    return [
        builders.started(run_id, host=host),
        builders.sample(run_id, host=host),
        *(builders.signal(run_id, number=number, host=host, fatal=number == 3) for number in range(1, 4)),
    ]


def rows(state: Path, sql: str) -> list[tuple[object, ...]]:
    path = state / "buildcast.sqlite"
    if not path.exists():
        return []
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        try:
            found = list(connection.execute(sql))
        except sqlite3.OperationalError:
            found = []
    connection.close()
    return found


async def test_a_failing_build_raises_an_alert_that_a_plain_consumer_reads(empty_topics: str, tmp_path: Path) -> None:
    with Process("worker", tmp_path, empty_topics, **FAST) as worker:
        await send(empty_topics, failing("run-1"))
        (alert, *_) = await until(lambda: events_on(empty_topics, "alerts.v1"), [worker])
        assert isinstance(alert, events.AlertRaised)
        assert alert.run_id == "run-1"
        assert alert.reasons
        assert worker.end() == 0


async def test_an_undecodable_record_goes_to_the_dead_letters_and_the_next_is_scored(
    empty_topics: str, tmp_path: Path
) -> None:
    garbage = Record("build-events.v1", builders.HOST.encode(), b"\xff\x00 no event", [("trace", b"t-1")])
    with Process("worker", tmp_path, empty_topics, **FAST) as worker:
        await send(empty_topics, [garbage, *failing("run-1")])
        await until(lambda: events_on(empty_topics, "alerts.v1"), [worker])
        (letter,) = await list_dead(empty_topics)
        assert (letter.value, letter.kind, letter.topic) == (garbage.value, "bad-utf8", "build-events.v1")
        assert letter.key == garbage.key
        assert letter.headers == (("trace", b"t-1"),)
        assert await show_dead(empty_topics, letter.number) == letter
        assert await replay_dead(empty_topics, [letter.number]) == [letter.number]

        async def again() -> bool:
            return len(await list_dead(empty_topics)) == 2

        await until(again, [worker])
        assert [each.attempts for each in await list_dead(empty_topics)] == [1, 2]
        with pytest.raises(ConfigError, match="no dead letter 99"):
            await show_dead(empty_topics, 99)


async def test_a_worker_killed_mid_run_leaves_one_row_a_prediction_and_an_example(
    empty_topics: str, tmp_path: Path
) -> None:
    worker, sink = Process("worker", tmp_path, empty_topics, **FAST), Process("sink", tmp_path, empty_topics, **FAST)
    with worker, sink:
        for number, host in enumerate(("host-1", "host-2", "host-3")):
            await send(empty_topics, failing(f"run-{number}", host))

        async def forecast() -> bool:
            return len({e.run_id for e in await events_on(empty_topics, "predictions.v1")}) == 3  # type: ignore[attr-defined]

        await until(forecast, [worker, sink])
        worker.kill()
        await send(
            empty_topics, [builders.finished(f"run-{n}", outcome="failure", host=f"host-{n + 1}") for n in range(3)]
        )
        worker.start()

        async def learned() -> bool:
            return len(rows(tmp_path, "SELECT run_id FROM outcomes")) == 3

        await until(learned, [worker, sink])
        served = await events_on(empty_topics, "predictions.v1")
        ids = Counter(each.id for each in served)

        async def stored() -> bool:
            return len(rows(tmp_path, "SELECT id FROM predictions")) == len(ids)

        assert ids
        await until(stored, [worker, sink])
        assert {row[0] for row in rows(tmp_path, "SELECT id FROM predictions")} == set(ids)
        checkpoints = rows(tmp_path, "SELECT checkpoints FROM outcomes")
        assert all(int(str(count)) >= 3 for (count,) in checkpoints), (
            "what was scored before the kill is in the example"
        )
        assert (worker.end(), sink.end()) == (0, 0)


async def test_a_sink_killed_after_the_database_commit_and_before_the_offset_commit_leaves_no_duplicate(
    empty_topics: str, tmp_path: Path
) -> None:
    slow_commits = {**FAST, "commit_interval_seconds": 60}
    facts = [e for n in range(20) for e in (*failing(f"run-{n}"), builders.finished(f"run-{n}"))]
    await send(empty_topics, facts)

    async def stored() -> bool:
        return len(rows(tmp_path, "SELECT run_id FROM runs WHERE outcome IS NOT NULL")) == 20

    with Process("sink", tmp_path, empty_topics, **slow_commits) as sink:
        await until(stored, [sink])
        before = (
            rows(tmp_path, "SELECT * FROM runs ORDER BY run_id"),
            rows(tmp_path, "SELECT * FROM signals ORDER BY id"),
        )
        sink.kill()
        sink.start(BUILDCAST_COMMIT_INTERVAL_SECONDS="0.2")
        last = builders.started("run-last")
        await send(empty_topics, [last])

        async def seen() -> bool:
            return bool(rows(tmp_path, "SELECT run_id FROM runs WHERE run_id = 'run-last'"))

        await until(seen, [sink])
        after = (
            rows(tmp_path, "SELECT * FROM runs WHERE run_id != 'run-last' ORDER BY run_id"),
            rows(tmp_path, "SELECT * FROM signals ORDER BY id"),
        )
        assert after == before
        assert len(after[1]) == 60


async def test_a_promotion_changes_the_model_that_serves(empty_topics: str, tmp_path: Path) -> None:
    moved = events.ModelPromoted(
        id="move-1",
        source="/trainer",
        time=builders.T0,
        model="failure",
        config="other",
        at_offset=0,
        previous="default",
    )
    history = [e for n in range(5) for e in (*failing(f"old-{n}"), builders.finished(f"old-{n}", outcome="failure"))]
    with Process("worker", tmp_path, empty_topics, **FAST) as worker:
        await send(empty_topics, history)

        async def learned() -> bool:
            found = await events_on(empty_topics, "examples.v1")
            return len([e for e in found if isinstance(e, events.ExampleRecorded)]) == 5

        await until(learned, [worker])
        await send(empty_topics, [moved])

        async def switched() -> bool:
            await asyncio.sleep(0)
            return "config other has folded" in worker.log.read_text()

        await until(switched, [worker])
        await send(empty_topics, failing("new-1"))

        async def served() -> list[events.Event]:
            return [e for e in await events_on(empty_topics, "predictions.v1") if getattr(e, "run_id", "") == "new-1"]

        forecast = (await until(served, [worker]))[0]
        assert forecast.model == events.ModelRef(config="other", offset=10)
        assert worker.end() == 0
