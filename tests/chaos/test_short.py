"""A short seeded form of T1, part of `make test`. The long forms: `make chaos`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import trials

pytestmark = [pytest.mark.kafka, pytest.mark.mysql]
SEED = 20_261_124


async def test_everything_may_die_and_the_rows_are_as_if_nothing_had(tmp_path: Path) -> None:
    result = await trials.chaos(
        tmp_path, SEED, events=600, worker_kills=1, sink_kills=1, rate=200.0, pause=(0.3, 1.0), down=1.0
    )
    print(result)
    assert result.broken == []
