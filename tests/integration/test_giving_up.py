"""`buildcast run --abort` with a real broker and worker: the worker's verdict stops the build where it runs."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from streams.events import RunFinished
from tests.buildcast.test_giving_up import DOOMED, doomed_history
from tests.integration.processes import Process, events_on, send, until

pytestmark = pytest.mark.kafka


async def test_a_doomed_build_is_given_up_where_it_runs_on_the_word_of_a_worker(
    empty_topics: str, tmp_path: Path
) -> None:
    folder = tmp_path / "slow"
    folder.mkdir()
    await send(empty_topics, doomed_history(110))
    with Process("worker", tmp_path / "worker", empty_topics) as worker:

        async def folded() -> bool:
            return "has folded 220 records" in worker.log.read_text()

        await until(folded, [worker])
        build = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "buildcast", "run", "--state", "state", "--name", "slow", "--abort", "--",
            "sh", "-c", DOOMED.format(seconds=60),
            cwd=folder, stderr=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL,
            env=os.environ | {"BUILDCAST_BOOTSTRAP": empty_topics, "PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip
        _, err = await asyncio.wait_for(build.communicate(), 60)
    assert build.returncode == 124
    assert b"this build was given up (risk " in err
    ended = [event for event in await events_on(empty_topics, "build-events.v1") if isinstance(event, RunFinished)]
    assert [(event.outcome, event.error_class) for event in ended] == [("cancel", "stopped")]
