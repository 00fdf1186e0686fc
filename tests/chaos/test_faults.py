"""The faults beside T1 in their short form, one after another on one broker and one database, checked at the end.

T22 (workers that come and go): `tests/integration/test_partitions.py`. The long forms, each alone and with its figures:
`make chaos`.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from tests.chaos.checker import check
from tests.chaos.clocks import broken_durations, unnamed_hosts, with_wrong_clocks
from tests.chaos.rig import PARTITIONS, Rig, rig
from tests.chaos.scenario import make_traffic
from tests.chaos.snapshots import damaged_restart
from tests.chaos.trials import all_rows, no_lag

pytestmark = [pytest.mark.kafka, pytest.mark.mysql]
SEED = 20_261_124


async def test_kills_bad_snapshots_wrong_clocks_and_a_database_away_leave_no_trace(tmp_path: Path) -> None:
    traffic = with_wrong_clocks(make_traffic(SEED, 600, hosts=8))
    size = len(traffic.records) // 4 + 1
    first, second, third, fourth = (traffic.records[n * size : (n + 1) * size] for n in range(4))
    async with rig(tmp_path) as made:
        worker, _sink = made.add_worker(session_timeout_seconds=3), made.add_sink(session_timeout_seconds=3)
        await made.send(first, 2000.0)
        await no_lag(made, 120.0)
        await asyncio.gather(made.send(second, 500.0), _kill_soon(made))  # T2: mid-batch
        made.database.kill()  # T4
        await made.send(third, 2000.0)
        await asyncio.to_thread(made.database.start)
        await no_lag(made, 120.0)
        refusals = await damaged_restart(made, "code")  # T13
        await made.send(fourth, 2000.0)
        await no_lag(made, 120.0)
        before = await all_rows(made)
        await made.send(random.Random(SEED).sample(traffic.records, len(traffic.records)), 5000.0)  # T8
        await no_lag(made, 120.0)
        assert await all_rows(made) == before
        found = await check(made.broker.bootstrap, made.engine, traffic)
        assert found.broken == [], found.figures
        assert refusals() == []
        assert [*await broken_durations(made), *unnamed_hosts(made)] == []  # T11
        assert found.figures["states"] > PARTITIONS
        assert found.figures["rebuilt"] == PARTITIONS
        assert worker.poll() is None


async def _kill_soon(made: Rig) -> None:
    await asyncio.sleep(0.15)
    made.workers[0].kill()
