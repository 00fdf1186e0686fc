"""Partitions on a real broker: the commit fence, and states that move between workers, folder shared or not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agents.scorer import INPUTS
from agents.snapshot import sealing_key, unseal
from streams import events
from tests import builders
from tests.chaos.replay import Verdict, replay
from tests.integration.conftest import PARTITIONS
from tests.integration.processes import Process, committed, events_on, records, send, until

pytestmark = pytest.mark.kafka
FAST = {"session_timeout_seconds": 3, "snapshot_seconds": 0.5, "commit_interval_seconds": 0.2, "partitions": PARTITIONS}
HOSTS = tuple(f"host-{number}" for number in range(8))


def begun(host: str) -> list[events.Event]:
    run_id = f"run-{host}"
    return [
        builders.started(run_id, host=host),
        builders.sample(run_id, host=host),
        *(builders.signal(run_id, number=number, host=host) for number in range(1, 4)),
    ]


def ended(host: str) -> list[events.Event]:
    return [
        builders.signal(f"run-{host}", number=4, at=builders.T0 + 30, host=host, fatal=True),
        builders.finished(f"run-{host}", outcome="failure", host=host),
    ]


async def forecasts(bootstrap: str) -> int:
    return len(await records(bootstrap, "predictions.v1"))


def durable(folder: Path, key: str) -> dict[tuple[str, int], int]:
    """What the snapshots on the disk have consumed."""
    found = [unseal(path.read_bytes(), sealing_key(folder, key)) for path in folder.glob("*.snapshot")]
    return {(topic, each.partition): at for each in found for topic, at in each.offsets.items()}


async def done(bootstrap: str, worker: Process) -> dict[tuple[str, int], int]:
    return {(tp.topic, tp.partition): at for tp, at in (await committed(bootstrap, worker.group)).items() if at}


async def test_nothing_is_committed_before_a_snapshot_and_all_of_it_at_an_orderly_end(
    empty_topics: str, tmp_path: Path
) -> None:
    rare = {**FAST, "snapshot_seconds": 3600, "snapshots": tmp_path / "snapshots", "snapshot_key": "k"}
    with Process("worker", tmp_path, empty_topics, **rare) as worker:
        await send(empty_topics, [event for host in HOSTS for event in begun(host)])

        async def all_scored() -> bool:
            return await forecasts(empty_topics) >= 2 * len(HOSTS)

        await until(all_scored, [worker])
        await asyncio.sleep(1.0)  # five commit intervals
        assert await done(empty_topics, worker) == {}
        assert durable(tmp_path / "snapshots", "k") == {}
        assert worker.end() == 0
        consumed = durable(tmp_path / "snapshots", "k")
        assert sum(consumed.values()) == 5 * len(HOSTS)
        assert await done(empty_topics, worker) == consumed


async def test_a_killed_worker_has_committed_no_more_than_its_snapshots_hold(empty_topics: str, tmp_path: Path) -> None:
    often = {**FAST, "snapshot_seconds": 0.1, "snapshots": tmp_path / "snapshots", "snapshot_key": "k"}
    with Process("worker", tmp_path, empty_topics, **often) as worker:
        facts = [event for host in HOSTS for event in (*begun(host), *ended(host))]
        sending = asyncio.create_task(_trickle(empty_topics, facts))

        async def some_committed() -> bool:
            return bool(await done(empty_topics, worker))

        await until(some_committed, [worker])
        worker.kill()
        sending.cancel()
        held, given = durable(tmp_path / "snapshots", "k"), await done(empty_topics, worker)
        assert given
        assert all(at <= held[place] for place, at in given.items()), (given, held)


async def test_a_killed_workers_partitions_go_on_exactly_where_the_folder_is_shared(
    empty_topics: str, tmp_path: Path
) -> None:
    shared = {**FAST, "snapshots": tmp_path / "shared", "snapshot_key": "one key for both"}
    verdict = await _moved(empty_topics, *(Process("worker", tmp_path / n, empty_topics, **shared) for n in "ab"))
    assert verdict.rebuilt == 0
    assert verdict.states > PARTITIONS


async def test_without_a_shared_folder_the_log_gives_the_state_again_to_the_digit(
    empty_topics: str, tmp_path: Path
) -> None:
    apart = {**FAST, "worker_group": f"apart-{tmp_path.name}"}
    verdict = await _moved(empty_topics, *(Process("worker", tmp_path / n, empty_topics, **apart) for n in "ab"))
    assert verdict.rebuilt > 0


async def _moved(bootstrap: str, first: Process, second: Process) -> Verdict:
    """In the middle of all runs a second worker joins, then the first is killed: some partitions move each way.

    Every forecast comes out of the topics, and no run lost a part.
    """
    with first:
        await send(bootstrap, [event for host in HOSTS for event in begun(host)])

        async def all_scored() -> bool:
            return await forecasts(bootstrap) >= 2 * len(HOSTS)

        await until(all_scored, [first])
        with second:
            await until(lambda: _joined(second), [first, second])
            first.kill()
            await send(bootstrap, [event for host in HOSTS for event in ended(host)])

            async def learned() -> bool:
                return len(await _examples(bootstrap)) >= len(HOSTS)

            await until(learned, [second])
            assert second.end() == 0
    examples = await _examples(bootstrap)
    assert sorted(each.run.run_id for each in examples) == sorted(f"run-{host}" for host in HOSTS)
    assert all(each.errors == {"compile": 4} for each in examples), "no state lost a part in the move"
    logs = {topic: await records(bootstrap, topic) for topic in (*INPUTS, "predictions.v1", "examples.v1")}
    verdict = replay(logs)
    assert (verdict.differing, verdict.absent, verdict.unserved, verdict.orphans) == ([], [], [], 0)
    assert verdict.equal >= 3 * len(HOSTS)
    return verdict


async def _examples(bootstrap: str) -> list[events.ExampleRecorded]:
    found = {
        e.run.run_id: e for e in await events_on(bootstrap, "examples.v1") if isinstance(e, events.ExampleRecorded)
    }
    return list(found.values())


async def _joined(worker: Process) -> bool:
    await asyncio.sleep(0)
    return worker.log.exists() and "Worker ready" in worker.log.read_text()


async def _trickle(bootstrap: str, facts: list[events.Event]) -> None:
    for event in facts:
        await send(bootstrap, [event])
